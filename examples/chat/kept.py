"""What was said, in a file of SQLite: who comes after a restart of the server reads it too."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime

_TABLE = "CREATE TABLE IF NOT EXISTS message (number INTEGER PRIMARY KEY, author TEXT, text TEXT, time TEXT)"

type Line = tuple[str, str, datetime]  # who said what, and when


class Kept:
    """The messages of a room, in their order.

    Args:
        database: Where they are.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def last(self, count: int) -> list[Line]:
        """The last messages, the oldest first."""
        query = "SELECT author, text, time FROM message ORDER BY number DESC LIMIT ?"
        rows = self._database.execute(query, (count,)).fetchall()
        return [(author, text, datetime.fromisoformat(time)) for author, text, time in reversed(rows)]

    def add(self, author: str, text: str, time: datetime) -> None:
        """Keep a message."""
        # In no thread: a row that waits for no disk is written in less time than a thread takes to begin.
        with self._database:
            row = author, text, time.isoformat()
            self._database.execute("INSERT INTO message (author, text, time) VALUES (?, ?, ?)", row)


@contextmanager
def open_kept(file: str) -> Iterator[Kept]:
    """What is in a file, which is made if it is not there; `:memory:` is none, and forgotten in the end."""
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last ones, the end of the process none
        database.execute(_TABLE)
        yield Kept(database)
