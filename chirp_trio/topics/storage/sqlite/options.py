"""The settings of a `SQLiteStore`, and the lock that its topics share."""

import os
import threading
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ....arguments import check_choice, check_count, check_seconds
from ....errors import ConfigurationError

# SQLite's word for each durability in WAL mode. NORMAL hands each commit to the operating system, FULL also to the disk.
SYNCHRONOUS = {"process": "NORMAL", "power": "FULL"}
_ON_DAMAGE = ("refuse", "set_aside")


class Disconnect(Protocol):
    """Closes a topic's connection."""

    def __call__(self, *, is_lost: bool = False) -> None:
        """Close it; without writing the log into the database, if the file is lost."""


class Turns:
    """A lock: only one topic of this process at a time uses the file.

    Attributes:
        connected: For each topic that has the file open, a function that closes it: if the file is lost, all of them have to.
    """

    def __init__(self) -> None:
        self.connected: dict[object, Disconnect] = {}
        self._lock = threading.Lock()
        self.acquire, self.release = self._lock.acquire, self._lock.release

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


@dataclass(frozen=True, slots=True)
class Options:
    """See `SQLiteStore`."""

    path: str | os.PathLike[str]
    durability: Literal["process", "power"] = "process"
    timeout: float = 5.0
    max_waiting: int = 10_000
    max_waiting_bytes: int = 16 * 1024 * 1024
    on_damage: Literal["refuse", "set_aside"] = "refuse"
    max_wal_bytes: int = 256 * 1024 * 1024
    # SQLite lets one connection write at a time, and others try again after a while; within a process, a lock waits better.
    _turns: Turns = field(default_factory=Turns, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        path = os.fspath(self.path) if isinstance(self.path, os.PathLike) else self.path
        if not isinstance(path, str):
            raise TypeError(f"SQLiteStore: path is {path!r}; it must be the path of a file")
        if path in ("", ":memory:") or "\0" in path:
            raise ConfigurationError(f"SQLiteStore: path is {path!r}; it must be the path of a file")
        # Absolute, so that it is the same file wherever the process goes.
        object.__setattr__(self, "path", os.path.abspath(path))  # noqa: PTH100 - for a Path it would be resolved as well
        for name, known in (("durability", tuple(SYNCHRONOUS)), ("on_damage", _ON_DAMAGE)):
            check_choice(f"SQLiteStore: {name}", getattr(self, name), known)
        check_seconds("SQLiteStore: timeout", self.timeout, least=0)
        for name in ("max_waiting", "max_waiting_bytes", "max_wal_bytes"):
            check_count(f"SQLiteStore: {name}", getattr(self, name), least=1)
