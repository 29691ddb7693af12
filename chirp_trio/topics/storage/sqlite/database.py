"""One topic's part of a file of SQLite. Everything here blocks, and belongs into a thread."""

import sqlite3
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any

from ....errors import StoreError
from ...history import Epoch
from .files import Files
from .options import SYNCHRONOUS, Options, Turns
from .troubles import DamagedFileError, LostFileError, NotConnectedError, explain, refusal

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

# The write-ahead log is cut to so many bytes when it has been emptied, after it was larger.
_WAL_AT_REST = 4 * 1024 * 1024

# number, when it was published (seconds of the wall clock), and the parts of a `Record`
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
        whole: All rows before those, where the file was lost: everything is written, to whatever file is there now, or to a
            new one.
    """

    first: int
    known: int
    rows: Sequence[Row]
    epochs: Sequence[Epoch] | None
    whole: Iterable[Row] | None = None

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

    def __init__(self, store: Options, topic: str, turns: Turns) -> None:
        self.topic = topic
        self.wanted: Batch | None = None
        self._store = store
        self._turns = turns
        self._owner = ""
        self._connection: sqlite3.Connection
        self._is_connected = False
        self._files = Files(str(store.path))

    @contextmanager
    def opening(self, owner: str) -> Generator[tuple[int, list[Epoch]]]:
        """Take the topic over. If the block raises, everything is as it was before, and closed.

        Args:
            owner: Tells this start of the topic from all others.

        Yields:
            The number of the newest event, and the epochs.

        Raises:
            DamagedFileError: The file cannot be read.
            StoreError: It cannot be used.
        """
        self._owner = owner
        with self._turns, self._errors("cannot be opened"):
            self._connect()
            try:
                with self._transaction():
                    yield self._take_over()
                self._files.look()
            except BaseException:
                self._close()
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
        rows = batch.rows if batch.whole is None else chain(batch.whole, batch.rows)
        execute_many("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", ((topic, *row) for row in rows))

    def write(self, batch: Batch) -> None:
        """Write all of it or nothing.

        Raises:
            LostFileError: It was not written, and what comes next has to be the whole.
            NotConnectedError: The same, and nothing is lost: it may be written together with the whole.
            StoreError: It was not written; or nobody knows whether it was.
        """
        with self._turns:
            if batch is not self.wanted:
                return
            try:
                with self._errors("cannot be written"):
                    self._write(batch)
            except DamagedFileError as error:
                if self._store.on_damage == "refuse":
                    raise refusal(error) from error
                self._let_go()
                name = self._rename()
                raise LostFileError(f"{error}; so it was renamed to {name}, and a new one is made") from error
            except LostFileError:
                self._let_go()
                raise

    def _write(self, batch: Batch) -> None:
        if batch.whole is not None:
            self._connect()
        elif not self._is_connected:
            raise NotConnectedError
        else:
            self._files.check()
        self._check_wal()
        with self._transaction():
            if batch.whole is not None:
                self._adopt()
            self.put(batch)
        if batch.whole is not None:
            self._files.look()
        self._files.check()

    def set_aside(self) -> str:
        """Rename the damaged file, with those that belong to it; its new name.

        Raises:
            StoreError: It cannot be renamed.
        """
        with self._turns:
            self._let_go()
            return self._rename()

    def close(self, *, may_wait: bool = True) -> None:
        """Let go of the file; if it must not wait for other topics, only where none of them is using it."""
        if self._turns.acquire(blocking=may_wait):
            try:
                # SQLite removes files by their names, which may be those of others by now.
                self._close(is_lost=not self._files.are_the_same())
            finally:
                self._turns.release()

    # -- the file -------------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        self._close(is_lost=True)
        self._files.check_folder()
        self._files.look()
        self._connection = sqlite3.connect(
            self._store.path, timeout=self._store.timeout, isolation_level=None, check_same_thread=False
        )
        self._is_connected = True
        try:
            self._prepare(self._connection)
        except BaseException:
            self._close()
            raise
        self._turns.connected[self] = self._close

    def _close(self, *, is_lost: bool = False) -> None:
        if self._is_connected:
            self._is_connected = False
            self._turns.connected.pop(self, None)
            with suppress(sqlite3.Error):
                self._connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, is_lost)
            with suppress(sqlite3.Error):
                self._connection.close()

    def _let_go(self) -> None:
        """The file is lost to all topics of the store: while one has it open, SQLite would take it for the one to come."""
        is_stale = self._files.has_stale_log()
        for close in tuple(self._turns.connected.values()):
            close(is_lost=True)
        if is_stale:
            self._files.remove_log()

    def _rename(self) -> str:
        with self._errors("is in a file that is damaged, and cannot be renamed"):
            return self._files.set_aside()

    def _check_wal(self) -> None:
        """While somebody reads what was there at some moment, nothing that was written since can leave the log."""
        most = self._store.max_wal_bytes
        if self._files.log_size() < most:
            return
        execute = self._connection.execute
        execute("PRAGMA busy_timeout = 0")
        try:
            execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            execute(f"PRAGMA busy_timeout = {min(round(self._store.timeout * 1000), 2**31 - 1)}")
        size = self._files.log_size()
        if size >= most:
            raise StoreError(
                f"cannot be written: SQLite's write-ahead log has {size} bytes, and may have {most}, the store's "
                "max_wal_bytes; another program that has a transaction open on the file keeps it from being emptied: that "
                "has to end it"
            )

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
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_AT_REST}")
        connection.execute(f"PRAGMA synchronous = {SYNCHRONOUS[self._store.durability]}")
        if self._store.durability == "power":  # on macOS, where a disk is not asked to write otherwise
            connection.execute("PRAGMA fullfsync = ON")
            connection.execute("PRAGMA checkpoint_fullfsync = ON")

    def _take_over(self) -> tuple[int, list[Epoch]]:
        execute = self._connection.execute
        self._adopt()
        execute("UPDATE topics SET owner = ? WHERE name = ?", (self._owner, self.topic))
        [last] = execute("SELECT last FROM topics WHERE name = ?", (self.topic,)).fetchone()
        epochs = execute("SELECT first, name, shift FROM epochs WHERE topic = ? ORDER BY first", (self.topic,))
        return last, [Epoch(*row) for row in epochs]

    def _adopt(self) -> None:
        """Be the owner of the topic, where it has none."""
        execute = self._connection.execute
        if not execute("PRAGMA user_version").fetchone()[0]:
            for statement in _SCHEMA.split(";"):
                execute(statement)
        execute("INSERT OR IGNORE INTO topics VALUES (?, ?, 0)", (self.topic, self._owner))

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
            raise type(error)(f"{where} {error}") from None
        except (sqlite3.Error, OSError, OverflowError) as error:
            raise explain(error, f"{where} {what}") from error
