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
    """An event, with its record, and its time on the wall clock: trio's clock starts anew in each process."""

    event: Published
    at: float
    record: Record


class Pending:
    """The events that one transaction writes. `over` is set when it has ended, and `error` tells why it has failed."""

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque()
        self.over = trio.Event()
        self.error: StoreError | None = None


def row_of(event: Published, ahead: float | None) -> Row:
    """The row of an event that was in a lost file, to be written to the new one.

    Args:
        event: The event.
        ahead: By how many seconds the wall clock is ahead of trio's; None: it is not known when the event was published.
    """
    record = Record.gap(stands_for(event)) if isinstance(event, Gap) else record_of(event.value, content_of(event))
    return (event.number, time.time() if ahead is None else event.at + ahead, *record)
