"""Runs the code blocks of a page of documentation from top to bottom, as its reader would, in a folder of its own.

What happens to a block is decided by its language and its first line:

    a comment that is a file name    the block is written to that file; at the page's end, pytest runs each `test_*.py`
    python                           its examples are compared with what they print; they share their names on a page
    console                          the lines after `$ ` are commands, those below are what they print

`...` in an output stands for anything. A command whose output names a URL is a server: it is started, asked for `/`,
and stopped; if it ends with `&`, it is stopped at the page's end. `redis-server` is stopped there as well. The ports 8000
and 6379 become free ports; 6379 does not in examples, which open no server. Python's programs are forked from a process that
has imported what pages need, unless their environment is another one (see below).

The folder holds what the page shows, and nothing that its reader does not have: nothing else is written into it. Where
`CHIRP_TRIO_READER` names the `bin` folder of another environment, the commands are those of that one.
"""

import doctest
import http.client
import os
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.parse import urlsplit

import pytest

from tests import forking

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
HOW_TO = [page for page in PAGES if page.parent == ROOT / "docs" / "how-to"]
LANGUAGES = {"python", "html", "toml", "console", "nginx", "ini", "caddy", "docker", "yaml", "text"}

# Commands that are not run, because they take minutes or a network; what stands in for running them.
NOT_RUN = {
    "make": lambda words: all(f"\n{target}:" in (ROOT / "Makefile").read_text() for target in words[1:]),
    "pip": lambda words: can_be_installed(words[2:]),
}
# Configuration that is used by other tests than those of the documentation.
USED_BY = {
    "app.socket": "tests/integration/test_listeners.py",
    "app.service": "tests/integration/test_listeners.py",
    "Caddyfile": "tests/integration/test_proxies.py",
    "Dockerfile": "tests/docs/test_containers.py",
    "requirements.txt": "tests/docs/test_containers.py",
    "compose.yaml": "tests/docs/test_containers.py",
    "kubernetes.yaml": "tests/docs/test_containers.py",
    "conf.d/app.conf": "tests/integration/test_proxies.py",
    "modules-enabled/90-app.conf": "tests/integration/test_proxies.py",
}

PATIENCE = 30  # seconds for what another process does
PATH = f"{os.environ.get('CHIRP_TRIO_READER', Path(sys.executable).parent)}:{os.environ['PATH']}"
# The reader's environment: pytest is stricter than his, and nothing leaves a trace in his folder. What is imported before
# pytest is there cannot have its asserts rewritten, and pytest would warn of that. The plugins are those that he installs.
# They are not looked for: pytest would look for all files of whatever brings one along, which takes half of its time.
ENVIRONMENT = {
    "PATH": PATH,
    "PYTEST_ADDOPTS": "-W error -W ignore::pytest.PytestAssertRewriteWarning -p no:cacheprovider -p trio -p chirp_trio",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
    "NO_PROXY": "127.0.0.1",
}

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"(?:# |\{# )(?P<name>[\w./-]+\.\w+|Caddyfile|Dockerfile)(?: #\})?\n")
_FINDINGS = re.compile(r"^[1-9][0-9]* findings?$", re.MULTILINE)  # what `chirp-trio check` ends with, and exits with 1
_SAME = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_same_output = doctest.OutputChecker().check_output


@dataclass(frozen=True)
class Block:
    """A fenced code block."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def file(self) -> str | None:
        """The file that its first line names."""
        found = _FILE.match(self.text)
        return found["name"] if found else None


def name_of(page: Path) -> str:
    """The page's name in reports."""
    return str(page.relative_to(ROOT))


def blocks_of(page: Path) -> list[Block]:
    """The page's blocks, in order."""
    text = page.read_text()
    found = [
        Block(page, text.count("\n", 0, fence.start()) + 1, fence["language"], fence["text"])
        for fence in _FENCE.finditer(text)
    ]
    assert text.count("```") + text.count("~~~") == 2 * len(found), (
        f"{page}: a block that is indented, or fenced in another way"
    )
    return found


def require(program: str) -> None:
    """Skip the test where this program is not installed; in CI everything has to be there."""
    if shutil.which(program, path=PATH) is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{program} is not installed")


def project() -> dict:
    """The project's metadata."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def can_be_installed(requirements: list[str]) -> bool:
    """Whether each is this project, with extras that it has, or something that the tests are run with."""
    extras = {extra for requirement in requirements for extra in re.findall(r"[a-z]+(?=[],])", requirement)}
    others = [requirement for requirement in requirements if not requirement.startswith(("chirp-trio", "chirp_trio", "."))]
    return extras <= set(project()["optional-dependencies"]) and all(map(version, others))


class Reader:
    """Somebody who follows a page, in this folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, object] = {"__name__": "__page__"}
        self.untested: list[str] = []  # test files that have not been run yet
        self._in_background = ExitStack()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = str(free.getsockname()[1])
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.redis_port = str(free.getsockname()[1])

    def follow(self, block: Block) -> None:
        """Do what the block says; raise AssertionError if what comes of it is something else."""
        text = re.sub(r"\b8000\b", self.port, block.text)
        if block.file is not None or block.language != "python":  # examples open no server, and errors name the usual port
            text = re.sub(r"\b6379\b", self.redis_port, text)
        if block.file is not None:
            path = self.folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            if path.match("test_*.py"):
                self.untested.append(path.name)
        elif block.language == "python":
            self.compare(block, text)
        elif block.language == "console":
            assert text.startswith("$ "), f"{block.place}: it begins with no command"
            for command, output in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
                self.command(block, command, output)
        else:
            raise AssertionError(f"{block.place}: nobody runs a block of this kind: {block.language!r}, without a file name")

    def finish(self, page: Path) -> None:
        """Run the page's tests, unless it has run them itself."""
        if self.untested:
            self.run(page.name, ["pytest", "-q", *self.untested])
            self.untested.clear()

    def close(self) -> None:
        """Stop what runs in the background."""
        self._in_background.close()

    def compare(self, block: Block, text: str) -> None:
        test = doctest.DocTestParser().get_doctest(text, {}, block.place, str(block.page), block.line)
        assert test.examples, f"{block.place}: it is neither a file nor does it hold examples"
        test.globs = self.names  # itself, no copy
        report: list[str] = []
        result = doctest.DocTestRunner(optionflags=_SAME).run(test, out=report.append, clear_globs=False)
        assert not result.failed, "".join(report)

    def command(self, block: Block, command: str, output: str) -> None:
        words = shlex.split(command.removesuffix(" &"))
        if words[0] in NOT_RUN:
            assert NOT_RUN[words[0]](words), f"{block.place}: {command!r} would not work"
            return
        require(words[0])
        if words[0] == "redis-server":
            self._in_background.callback(self.stop_redis)
        if words[0] == "pytest":
            self.untested.clear()
        if self.port not in command:
            words += next((address for server, address in self.addresses().items() if f"{command} ".startswith(server)), [])
        url = re.search(r"https?://[\w.:]+", output)
        if url is None:
            refused = 2 if output.startswith("chirp-trio: ") else 0
            printed = self.run(block.place, words, code=1 if _FINDINGS.search(output) else refused)
            assert _same_output(output, printed, _SAME), f"{block.place}: {command!r} printed\n{printed}"
        else:
            serving = self.serve(block, words, output, url[0])
            self._in_background.enter_context(serving)
            if not command.endswith(" &"):
                self.close()

    def stop_redis(self) -> None:
        """Stop the server of Redis that the page has started."""
        self.run("at the end", ["redis-cli", "-p", self.redis_port, "SHUTDOWN", "NOSAVE"])

    def addresses(self) -> dict[str, list[str]]:
        """What tells each kind of server where to listen."""
        port = ["--port", self.port]
        return {"chirp-trio run ": port, "chirp-trio demo ": port, "hypercorn ": ["--bind", f"127.0.0.1:{self.port}"]}

    def run(self, place: str, words: list[str], code: int = 0) -> str:
        with NamedTemporaryFile("w") as log:
            process = self.start(words, log.fileno())
            try:
                returned = process.wait(10 * PATIENCE)
            finally:
                process.kill()
            printed = Path(log.name).read_text()
        assert returned == code, f"{place}: {shlex.join(words)}\n{printed}"
        return printed

    @contextmanager
    def serve(self, block: Block, words: list[str], output: str, url: str) -> Iterator[None]:
        """Start a server, see its output, get an answer; and stop it in the end."""
        with NamedTemporaryFile("w") as log:
            process = self.start(words, log.fileno())
            printed = Path(log.name).read_text
            try:
                wait_until(lambda: _same_output(output, printed(), _SAME) or process.poll() is not None)
                assert _same_output(output, printed(), _SAME), f"{block.place}: the server printed\n{printed()}"
                assert status_of(url) < 500, f"{block.place}: the server does not answer\n{printed()}"
                yield
                process.send_signal(signal.SIGINT)
                assert process.wait(PATIENCE) == 0, f"{block.place}: the server did not stop well\n{printed()}"
            finally:
                process.kill()
                process.wait()

    def start(self, words: list[str], output: int) -> forking.Process | subprocess.Popen:
        """Start a command, whose standard output and error go to `output`."""
        program = Path(shutil.which(words[0], path=PATH))
        environment = {**os.environ, **ENVIRONMENT}
        if program.parent == Path(sys.executable).parent:
            return forking.users.start([program, *words[1:]], cwd=self.folder, env=environment, output=output)
        return subprocess.Popen(
            words, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )


def status_of(url: str) -> int:
    """The status of a GET. Whatever certificate there is, is taken."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        trusting = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(parts.netloc, timeout=PATIENCE, context=trusting)
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    finally:
        connection.close()


def wait_until(condition) -> None:
    """Wait for what another process does; give up after a while, and leave it to the caller to see."""
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
