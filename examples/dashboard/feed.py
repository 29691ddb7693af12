"""The notifications: newest first, and never more than a few."""

from dataclasses import dataclass
from datetime import datetime
from itertools import count


@dataclass(frozen=True, slots=True)
class Note:
    """One notification. Its number is higher than that of any before; its kind decides how it looks."""

    number: int
    time: datetime
    kind: str
    text: str


class Feed:
    """The last notifications.

    Args:
        limit: How many there are at most; the oldest go.
    """

    def __init__(self, limit: int = 40) -> None:
        self._limit = limit
        self._numbers = count(1)
        self.notes: tuple[Note, ...] = ()

    def add(self, kind: str, text: str) -> None:
        """Add a notification of now."""
        note = Note(next(self._numbers), datetime.now().astimezone(), kind, text)
        self.notes = (note, *self.notes)[: self._limit]

    @property
    def newest(self) -> int:
        """The number of the newest notification; 0 if there is none."""
        return self.notes[0].number if self.notes else 0
