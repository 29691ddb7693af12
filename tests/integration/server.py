"""Servers in processes of their own: started, asked for their state, and stopped; with all that they print."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import psutil

from tests import forking
from tests.integration.clients import HTTP1, PATIENCE

APPS = Path(__file__).with_name("apps")
SCRIPTS = Path(sys.executable).parent

_REFERENCE = re.compile(r"\b[0-9a-f]{8}\b")


class Server:
    """A process that serves an app, and its log: standard output and standard error."""

    def __init__(
        self, command: Sequence[str | Path], *, cwd: Path = APPS, inherited: Sequence[int] = (), forked: bool = True
    ) -> None:
        """Start the command; `forked` from a process that has imported what servers need, or as a Python of its own."""
        self.address = ("", 0)
        self._tasks_at_rest = 0
        self._forgiven = 0
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        env = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "default"}
        log = self._log.fileno()
        # In a process group of its own, so that all of it can be killed.
        self.process = (
            forking.servers.start(command, cwd=cwd, env=env, output=log, inherited=inherited)
            if forked
            else subprocess.Popen(
                command,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=inherited,
                start_new_session=True,
            )
        )

    # -- its log --------------------------------------------------------------------------------------------------------

    def mark(self) -> int:
        """Where the log ends now."""
        return os.fstat(self._log.fileno()).st_size

    def lines(self, since: int = 0) -> list[str]:
        """The log's lines from a mark on. What is drawn by lot in them, the reference of an error, is left out."""
        text = os.pread(self._log.fileno(), self.mark() - since, since).decode()
        return [_REFERENCE.sub("REFERENCE", line) for line in text.splitlines()]

    def wait_for_line(self, pattern: str, since: int = 0) -> re.Match[str]:
        """The first line that holds the pattern, once there is one."""
        compiled = re.compile(pattern)

        def find() -> re.Match[str] | None:
            return next(filter(None, map(compiled.search, self.lines(since))), None)

        wait_until(lambda: self.process.poll() is not None or find() is not None)
        found = find()
        assert found is not None, f"the server did not say {pattern!r}, but:\n" + "\n".join(self.lines())
        return found

    def forgive(self, since: int) -> None:
        """Expect the tracebacks that have come into the log since a mark."""
        self.wait_until_at_rest()
        self._forgiven += self._tracebacks(since)

    def unexpected_tracebacks(self) -> int:
        return self._tracebacks() - self._forgiven

    def _tracebacks(self, since: int = 0) -> int:
        return sum("Traceback" in line for line in self.lines(since))

    # -- its state ------------------------------------------------------------------------------------------------------

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of one request on a connection of its own."""
        with HTTP1(self.address) as client:
            response = client.request(path, headers=[("connection", "close")])
            client.wait_for_end(response)
            return response.status, response.body

    def report(self) -> dict[str, int]:
        """What an app of this folder has recorded of itself: `tasks`, and for each source how often it began and ended."""
        return json.loads(self.get("/report")[1])

    def rest(self) -> None:
        """Take the tasks that live now for those that live when nothing happens."""
        self._tasks_at_rest = min(self.report()["tasks"] for _ in range(5))

    def wait_until_at_rest(self) -> dict[str, int]:
        """The report, once no task is left of those that have been at work."""
        reports: list[dict[str, int]] = []

        def at_rest() -> bool:
            reports.append(self.report())
            return reports[-1]["tasks"] <= self._tasks_at_rest

        wait_until(at_rest)
        assert reports[-1]["tasks"] <= self._tasks_at_rest
        return reports[-1]

    def open_files(self) -> int:
        """How many file descriptors the process has, sockets among them."""
        return psutil.Process(self.process.pid).num_fds()

    def resident_bytes(self) -> int:
        """How much memory the process takes."""
        return psutil.Process(self.process.pid).memory_info().rss

    # -- its end --------------------------------------------------------------------------------------------------------

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        """The exit code, once the process has ended."""
        return self.process.wait(PATIENCE)

    def stop(self) -> int:
        """Ask it to end, wait until it has, return its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End whatever is left, workers too."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._log.close()


@contextmanager
def hypercorn(
    app: str, *arguments: str, worker: str = "trio", wait_for: str = "Running on http", forked: bool = True
) -> Iterator[Server]:
    """`hypercorn --worker-class trio -w 1`, on a socket that it inherits, so that no port is taken twice."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [SCRIPTS / "hypercorn", "--worker-class", worker, "-w", "1", "--bind", f"fd://{listener.fileno()}"]
        server = Server([*command, *arguments, app], inherited=[listener.fileno()], forked=forked)
        server.address = listener.getsockname()
    with server:
        server.wait_for_line(wait_for)
        yield server


@contextmanager
def chirp_trio(app: str, *arguments: str | Path, cwd: Path = APPS, forked: bool = True) -> Iterator[Server]:
    """`chirp-trio run` on a free port, where HTTP/2 is spoken without TLS too."""
    command = [SCRIPTS / "chirp-trio", "run", "--port", "0", *([] if "--no-http2" in arguments else ["--http2-cleartext"])]
    with Server([*command, *arguments, app], cwd=cwd, forked=forked) as server:
        server.address = announced(server)
        yield server


SERVERS = {"hypercorn": hypercorn, "chirp-trio run": chirp_trio}


def announced(server: Server, since: int = 0) -> tuple[str, int]:
    """The address that our own start-up line names, once it has come."""
    url = server.wait_for_line(r"^chirp_trio: serving \S+ on https?://(\S+):(\d+)(?: with \d+ workers)? \(Ctrl-C", since)
    return url[1], int(url[2])


@contextmanager
def kept_in_order(server: Server) -> Iterator[Server]:
    """A server for all tests of a module: when they are done it stops if it is told to, and has raised nothing unexpected."""
    server.get("/finite/function")  # whatever is started once, with the first stream
    server.rest()
    yield server
    assert server.stop() == 0
    assert server.unexpected_tracebacks() == 0


@contextmanager
def ending(server: Server, source: str, *log: str) -> Iterator[None]:
    """Expect that what happens inside ends one stream of this source, and that the log holds these lines and no other."""
    before = server.report()
    mark = server.mark()
    yield
    server.wait_for_line(": ended, ", since=mark)
    after = server.wait_until_at_rest()
    assert after.get(f"{source} opened", 0) - before.get(f"{source} opened", 0) == 1
    assert after.get(f"{source} closed", 0) - before.get(f"{source} closed", 0) == 1
    assert server.lines(mark) == list(log)


def ended(path: str, how: str) -> str:
    """What the log says of a stream that is over."""
    return f"DEBUG chirp_trio.stream: {path}: ended, {how}"


def last_report(line: str) -> dict[str, object]:
    """What an app has printed when it had stopped."""
    title, _, report = line.partition(": ")
    assert title == "last report"
    return json.loads(report)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does, and cannot tell; give up after `PATIENCE`, and leave it to the test to see."""
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
