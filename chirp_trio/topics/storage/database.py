"""One topic's part of a file of SQLite. Everything here blocks, and belongs into a thread."""

import os
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from ...errors import StoreError
from ..epochs import Epoch
from .store import SYNCHRONOUS, SQLiteStore

# In the head of the file, so that nobody else's is taken for ours: "chrp", and the version of the schema.
_APPLICATION = 0x63687270
_VERSION = 1
_SCHEMA = f"""
    CREATE TABLE topics (name TEXT PRIMARY KEY, owner TEXT NOT NULL, last INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE epochs (topic TEXT, first INTEGER, name TEXT NOT NULL, shift INTEGER NOT NULL, PRIMARY KEY (topic, first))
        WITHOUT ROWID;
    CREATE TABLE events (topic TEXT, number INTEGER, at REAL NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL, event TEXT,
        retry INTEGER, PRIMARY KEY (topic, number)) WITHOUT ROWID;
    PRAGMA application_id = {_APPLICATION};
    PRAGMA user_version = {_VERSION};
"""

# number, when it was published (seconds of the wall clock), and the parts of a `Stored`
type Row = tuple[int, float, *tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction writes.

    Attributes:
        first: The number of the oldest event that is still remembered; those before it are deleted.
        known: The number of the newest event that is surely there. What may have been written after it, by a transaction of
            which nobody knows how it ended, is written again.
        rows: The events from there on.
        epochs: All epochs, if there are others than at the last time.
    """

    first: int
    known: int
    rows: Sequence[Row]
    epochs: Sequence[Epoch] | None

    @property
    def last(self) -> int:
        """The number of the newest event."""
        return self.rows[-1][0] if self.rows else self.known


class Database:
    """A connection of its own for one topic, which is this process's from `opening()` on, and until another one opens it.

    Attributes:
        wanted: What is to be written next. A thread that was given up, and comes to it later, finds another one, and does
            nothing.
    """

    def __init__(self, store: SQLiteStore, topic: str) -> None:
        self.topic = topic
        self.wanted: Batch | None = None
        self._store = store
        self._owner = ""
        self._connection: sqlite3.Connection
        self._files: dict[str, tuple[int, int]] = {}

    @contextmanager
    def opening(self, owner: str) -> Generator[tuple[int, list[Epoch]]]:
        """Take the topic over. If the block raises, everything is as it was before, and closed.

        Args:
            owner: Tells this start of the topic from all others.

        Yields:
            The number of the newest event, and the epochs.

        Raises:
            StoreError: The file cannot be used.
        """
        self._owner = owner
        with self._store.lock, self._errors("cannot be opened"):
            self._connection = self._connect()
            try:
                with self._transaction():
                    yield self._take_over()
                self._files = self._identities()
            except BaseException:
                self._connection.close()
                raise

    def newest(self, most: int) -> Iterator[Row]:
        """While it is being opened: the events, the newest first, and not more than so many."""
        yield from self._connection.execute(
            "SELECT number, at, kind, data, event, retry FROM events WHERE topic = ? ORDER BY number DESC LIMIT ?",
            (self.topic, most),
        )

    def put(self, batch: Batch) -> None:
        """Write it as a part of the transaction that there is."""
        topic, execute, execute_many = self.topic, self._connection.execute, self._connection.executemany
        owned = "UPDATE topics SET last = ? WHERE name = ? AND owner = ?"
        if execute(owned, (batch.last, topic, self._owner)).rowcount != 1:
            raise StoreError("has been taken over: another process, or another Topic of the same name, has opened it")
        execute("DELETE FROM events WHERE topic = ? AND number < ?", (topic, batch.first))
        execute("DELETE FROM events WHERE topic = ? AND number > ?", (topic, batch.known))
        if batch.epochs is not None:
            execute("DELETE FROM epochs WHERE topic = ?", (topic,))
            execute_many("INSERT INTO epochs VALUES (?, ?, ?, ?)", [(topic, *epoch) for epoch in batch.epochs])
        execute_many("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", [(topic, *row) for row in batch.rows])

    def write(self, batch: Batch) -> None:
        """Write all of it or nothing.

        Raises:
            StoreError: It was not written; or nobody knows whether it was.
        """
        with self._store.lock, self._errors("cannot be written"):
            if batch is not self.wanted:
                return
            with self._transaction():
                self.put(batch)
            # SQLite goes on writing to a file that is in no folder any more.
            if self._identities() != self._files:
                raise StoreError("has lost its file: it was removed or replaced")

    def close(self) -> None:
        """Let go of the file."""
        with self._store.lock, suppress(sqlite3.Error):
            self._connection.close()

    # -- the file -------------------------------------------------------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        folder = os.path.dirname(self._store.path)  # noqa: PTH120 - it is text, and absolute
        if not os.path.isdir(folder):  # noqa: PTH112
            raise StoreError(f"cannot be opened: there is no folder {folder!r}")
        connection = sqlite3.connect(
            self._store.path, timeout=self._store.timeout, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Look whose file it is before anything in it is changed."""

        def ask(question: str) -> object:
            with closing(connection.execute(question)) as answer:
                return answer.fetchone()[0]

        if ask("PRAGMA application_id") != _APPLICATION and ask("SELECT count(*) FROM sqlite_master"):
            raise StoreError("cannot be opened: the file is a database of something else")
        version = ask("PRAGMA user_version")
        if isinstance(version, int) and version > _VERSION:
            raise StoreError("cannot be opened: the file was written by a newer version of chirp_trio")
        if ask("PRAGMA journal_mode = WAL") != "wal":
            raise StoreError("cannot be opened: its file system does not allow SQLite's write-ahead log")
        connection.execute(f"PRAGMA synchronous = {SYNCHRONOUS[self._store.durability]}")
        if self._store.durability == "power":  # on macOS, where a disk is not asked to write otherwise
            connection.execute("PRAGMA fullfsync = ON")
            connection.execute("PRAGMA checkpoint_fullfsync = ON")

    def _take_over(self) -> tuple[int, list[Epoch]]:
        execute = self._connection.execute
        if not execute("PRAGMA user_version").fetchone()[0]:
            for statement in _SCHEMA.split(";"):
                execute(statement)
        execute(
            "INSERT INTO topics VALUES (?, ?, 0) ON CONFLICT (name) DO UPDATE SET owner = excluded.owner",
            (self.topic, self._owner),
        )
        [last] = execute("SELECT last FROM topics WHERE name = ?", (self.topic,)).fetchone()
        epochs = execute("SELECT first, name, shift FROM epochs WHERE topic = ? ORDER BY first", (self.topic,))
        return last, [Epoch(*row) for row in epochs]

    def _identities(self) -> dict[str, tuple[int, int]]:
        """What the system knows the files by, whatever their names are."""
        found = {}
        for path in (str(self._store.path), f"{self._store.path}-wal"):
            with suppress(OSError):
                status = os.stat(path)  # noqa: PTH116
                found[path] = (status.st_dev, status.st_ino)
        return found

    @contextmanager
    def _transaction(self) -> Generator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _errors(self, what: str) -> Generator[None]:
        """Errors that say which topic's, in which file."""
        where = f"the topic {self.topic!r} in {self._store.path}"
        try:
            yield
        except StoreError as error:
            raise StoreError(f"{where} {error}") from None
        except (sqlite3.Error, OSError, OverflowError) as error:
            raise StoreError(f"{where} {what}: {error}") from error
