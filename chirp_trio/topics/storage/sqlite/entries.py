"""Events on their way into a file."""

import time
from collections import deque
from typing import NamedTuple

import trio

from ....errors import StoreError
from ...published import Gap, Published, content_of, stands_for
from ..record import Record, record_of
from .database import Row


class Entry(NamedTuple):
    """An event, and how it is written: with the wall clock's time, because trio's begins anew with each process."""

    event: Published
    at: float
    record: Record


class Pending:
    """Events that one transaction writes, and what those wait for who have published them."""

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque()
        self.over = trio.Event()
        self.error: StoreError | None = None


def row_of(event: Published, ahead: float | None) -> Row:
    """An event that was in another file, as it is written to this one.

    Args:
        event: The event.
        ahead: By how many seconds the wall clock is ahead of trio's; None: nobody knows any more when it was published.
    """
    record = Record.gap(stands_for(event)) if isinstance(event, Gap) else record_of(event.value, content_of(event))
    return (event.number, time.time() if ahead is None else event.at + ahead, *record)
