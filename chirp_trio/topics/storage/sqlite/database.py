"""One topic's part of a file of SQLite. Everything here blocks, so it runs in threads."""

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

# In the header of the file: "chrp", which tells our files from those of other programs, and the version of the schema.
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

# A larger write-ahead log is cut to so many bytes when it is emptied.
_WAL_AT_REST = 4 * 1024 * 1024

# The number of an event, the time when it was published (seconds of the wall clock), and the parts of its `Record`.
type Row = tuple[int, float, *tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction writes.

    Attributes:
        first: The number of the oldest event that is still remembered; those before it are deleted.
        known: The number of the newest event that is surely in the file. Events after it may be there, too, if it is not
            known how a transaction ended; these are written again.
        rows: The events after `known`.
        epochs: All epochs, if they have changed since the last transaction; otherwise None.
        whole: The rows of all events before `rows`, if the file was lost: the whole history is then written, to the file that
            is there now, or to a new one.
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
    """The connection of one topic to the file. The topic is this process's from `opening()` on, until another one opens it.

    Attributes:
        wanted: The batch that is to be written next. A thread that was given up finds another batch here when it gets its
            turn, and then writes nothing.
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
        """Take the topic over. If the block raises, the file is left as it was, and closed.

        Args:
            owner: A name for this opening of the topic, which no other one has.

        Yields:
            The number of the newest event, and the epochs.

        Raises:
            DamagedFileError: The file cannot be read.
            StoreError: The file cannot be used.
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
        """The newest events, `most` at most, the newest first. Only while the topic is being opened."""
        yield from self._connection.execute(
            "SELECT number, at, kind, data, event, retry FROM events WHERE topic = ? ORDER BY number DESC LIMIT ?",
            (self.topic, most),
        )

    def put(self, batch: Batch) -> None:
        """Write a batch as a part of the current transaction."""
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
        """Write all of a batch or nothing.

        Raises:
            LostFileError: The batch was not written and is lost, and the next one has to be the whole history.
            NotConnectedError: The batch was not written, and the whole history has to be written, with this batch in it.
            StoreError: The batch was not written, or it is not known whether it was.
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
        """Rename the damaged file, and those that belong to it; return its new name.

        Raises:
            StoreError: The file cannot be renamed.
        """
        with self._turns:
            self._let_go()
            return self._rename()

    def close(self, *, may_wait: bool = True) -> None:
        """Close the file. With `may_wait=False`, a file that another topic is using at the moment is left open."""
        if self._turns.acquire(blocking=may_wait):
            try:
                # SQLite removes files by their names, which other files may have by now.
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
        """Close the lost file for all topics of the store: while one has it open, SQLite would take it for the new one."""
        is_stale = self._files.has_stale_log()
        for close in tuple(self._turns.connected.values()):
            close(is_lost=True)
        if is_stale:
            self._files.remove_log()

    def _rename(self) -> str:
        with self._errors("is in a file that is damaged, and cannot be renamed"):
            return self._files.set_aside()

    def _check_wal(self) -> None:
        """Raise `StoreError` if the log is too large, and cannot be emptied because another program reads an older state."""
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
        """Check that the file is one of ours before anything in it is changed, and make SQLite's settings."""

        def ask(question: str) -> object:
            with closing(connection.execute(question)) as answer:
                return answer.fetchone()[0]

        if ask("PRAGMA application_id") != _APPLICATION and ask("SELECT count(*) FROM sqlite_master"):
            raise StoreError("cannot be opened: the file is another program's database; give the store another path")
        version = ask("PRAGMA user_version")
        if isinstance(version, int) and version > _VERSION:
            raise StoreError(
                "cannot be opened: the file was written by a newer version of chirp_trio; use that version, or another file"
            )
        if ask("PRAGMA journal_mode = WAL") != "wal":
            raise StoreError("cannot be opened: its file system does not allow SQLite's write-ahead log; use a local disk")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_AT_REST}")
        connection.execute(f"PRAGMA synchronous = {SYNCHRONOUS[self._store.durability]}")
        if self._store.durability == "power":  # without these, macOS does not ask the disk to write
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
        """Make the tables, and the topic with this owner, where they are missing."""
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
        """Have every error of the block say which topic it is about, and in which file."""
        where = f"the topic {self.topic!r} in {self._store.path}"
        try:
            yield
        except StoreError as error:
            raise type(error)(f"{where} {error}") from None
        except (sqlite3.Error, OSError, OverflowError) as error:
            raise explain(error, f"{where} {what}") from error
