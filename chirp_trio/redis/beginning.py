"""What a topic begins with: its history, read backwards, and no more of it than the topic remembers."""

from typing import Any

from ..logs import logger_of
from ..topics import Delivery, Epoch, Record
from .entries import parse_entry

logger = logger_of("topics")


class Beginning:
    """As much of the history as has been read.

    Args:
        delivery: The topic.
        epochs: Those that the server has.
        last: The number of its newest event.

    Attributes:
        epochs: See above.
        last: See above.
        records: The events, the newest first, and when each was published.
        is_complete: Whether there is as much as the topic remembers, or before it something is missing.
    """

    def __init__(self, delivery: Delivery, epochs: list[Epoch], last: int) -> None:
        self.epochs = epochs
        self.last = last
        self.records: list[tuple[Record, float]] = []
        self.is_complete = not delivery.capacity
        self._delivery = delivery
        self._size = 0

    @property
    def next(self) -> int:
        """The number of the event that is read next."""
        return self.last - len(self.records)

    def take(self, entries: list[Any]) -> int:
        """Add what has come; how many bytes that was."""
        came = 0
        for id, fields in entries:
            number, record, at = parse_entry(id, fields)
            came += len(record.data)
            if number > self.last:  # it was written meanwhile, and is read after it
                continue
            if number != self.next or self.is_complete:
                self.is_complete = True
                continue
            try:
                record.check()
            except (TypeError, ValueError) as error:
                record = unreadable(self._delivery.name, number, error)
            self.records.append((record, at))
            self._size += len(record.data)
            self.is_complete = len(self.records) >= self._delivery.capacity or self._size > self._delivery.capacity_bytes
        return came


def unreadable(topic: str, number: int, error: Exception) -> Record:
    """What stands in the place of an event that somebody else has written, and that is none."""
    logger.error("the topic %r: its event %d in Redis cannot be read: %s", topic, number, error)
    return Record.gap(1)
