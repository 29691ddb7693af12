"""Processes without the price of starting Python: each is forked from one that has imported what they all need.

`start` takes a command and gives what `subprocess.Popen` would: a process of its own, in a session of its own. Only its
beginning is another one, and that of what it starts. So what is about the beginning of a process, or about what is imported
in it, is left to `subprocess`.

They are forked from programs that run `tests/origin.py`.
"""

import array
import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Self

from tests import origin

SERVING = (
    "chirp_trio.cli.log", "chirp_trio.cli.run", "chirp_trio.cli.serving", "chirp_trio.cli.tail", "chirp_trio.starlette",
    "chirp_trio.testing", "chirp_trio.templates.engine", "fastapi", "h2.connection", "hypercorn.trio", "hypercorn.__main__",
    "psutil", "sqlite3", "ssl", "starlette.applications", "chirp_trio.checking", "encodings.idna", "kida",
    "kida.bytecode_cache", "httpcore", "httpx", "multiprocessing.popen_fork", "multiprocessing.spawn", "rich.console",
)  # fmt: skip
# With the plugins of pytest, which warns that it cannot rewrite their asserts, unless it is told to rewrite none.
TESTING = (
    "_hypothesis_pytestplugin", "_pytest._argcomplete", "_pytest.doctest", "_pytest.faulthandler", "_pytest.helpconfig",
    "_pytest.junitxml", "_pytest.pastebin", "_pytest.pytester", "_pytest.recwarn", "_pytest.setuponly", "_pytest.setupplan",
    "_pytest.skipping", "_pytest.threadexception", "_pytest.tracemalloc", "_pytest.unittest", "_pytest.unraisableexception",
    "_pytest.warnings", "anyio.pytest_plugin", "chirp_trio_pytest", "csv", "faulthandler", "hypothesis", "pdb", "pytest",
    "pytest_timeout", "pytest_trio.plugin", "readline", "trio.testing", "xdist.looponfail", "xdist.newhooks", "xdist.plugin",
)  # fmt: skip

SHARED = "ORIGINS_OF_PROCESSES"  # the variable that names the folder of what all processes of a run share


class Process:
    """A process that was forked; the part of `subprocess.Popen` that the tests use."""

    def __init__(self, args: Sequence[str], answers: socket.socket) -> None:
        self.args = args
        self.returncode: int | None = None
        self._answers = answers
        self.pid = int.from_bytes(self._receive())

    def poll(self) -> int | None:
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._answers], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = int.from_bytes(self._receive(), signed=True)
            self._answers.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _receive(self) -> bytes:
        answer = self._answers.recv(8)
        assert answer, "the process that others are forked from has ended"
        return answer


class Origin:
    """The process that others are forked from, started when the first one is asked for.

    All processes of a run of the tests share it, where the environment has a folder for its address.

    Args:
        name: What its address is called.
        modules: What it imports.
        root: What it is forked from itself.
    """

    def __init__(self, name: str, modules: Sequence[str], root: Self | None = None) -> None:
        self._name = name
        self._modules = modules
        self._root = root
        self._questions: socket.socket | None = None
        self._process: Process | None = None
        self._connecting = threading.Lock()

    def start(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path,
        env: Mapping[str, str],
        output: int,
        errors: int | None = None,
        input: int | None = None,
        inherited: Sequence[int] = (),
    ) -> Process:
        """Start `command`, a Python or a script of the environment.

        Its standard output goes to `output`, its standard error to `errors`, or to `output` as well. It reads `input`, or
        finds nothing to read.
        """
        with self._connecting:
            if self._questions is None:
                self._questions = self._connect()
        args = [str(word) for word in command]
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        question = {"args": args, "cwd": str(cwd), "env": dict(env), "inherited": list(inherited)}
        with theirs, Path(os.devnull).open() as nothing:
            given = [nothing.fileno() if input is None else input, output, output if errors is None else errors]
            descriptors = array.array("i", [theirs.fileno(), *given, *inherited])
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)]
            self._questions.sendmsg([json.dumps(question).encode()], ancillary)
        return Process(args, ours)

    def leave(self) -> None:
        """Ask for no more. When all who share it have left, it ends, and would be started anew."""
        if self._questions is not None:
            self._questions.close()
            self._questions = None

    def _connect(self) -> socket.socket:
        address = _folder() / self._name
        questions = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        questions.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, origin.LARGEST)
        atexit.register(self.leave)
        with origin.locked(address):
            try:
                questions.connect(str(address))
            except FileNotFoundError, ConnectionRefusedError:  # nobody has started it, or it has ended
                address.unlink(missing_ok=True)
                with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
                    listener.bind(str(address))
                    listener.listen()
                    questions.connect(str(address))  # before it starts, so that it ends with this process
                    self._start_origin(listener.fileno())
        return questions

    def _start_origin(self, number: int) -> None:
        command = [sys.executable, origin.__file__, str(number), *self._modules]
        if self._root is None:
            os.set_inheritable(number, True)
            nothing = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
            # Nobody waits for its end: others that share it may ask for longer than this process does.
            os.posix_spawn(sys.executable, command, os.environ, file_actions=[nothing], setsid=True)
        else:
            self._process = self._root.start(command, cwd=Path.cwd(), env=os.environ, output=1, errors=2, inherited=[number])


@cache
def _folder() -> Path:
    """Where the addresses are; one of this process alone where the environment has none."""
    if (shared := os.environ.get(SHARED)) is not None:
        return Path(shared)
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    return Path(folder.name)


servers = Origin("servers", SERVING)
users = Origin("users", TESTING, servers)  # who serve and test: those of the plugin, and readers of the documentation
