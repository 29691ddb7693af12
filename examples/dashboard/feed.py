"""The notifications: newest first, and never more than a few."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


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
        self.notes: tuple[Note, ...] = ()

    def add(self, kind: str, text: str) -> None:
        """Add a notification of now."""
        self.take([Note(self.newest + 1, datetime.now().astimezone(), kind, text)])

    def take(self, notes: Iterable[Note]) -> None:
        """Add notifications, the oldest first: those of a server before this one."""
        for note in notes:
            self.notes = (note, *self.notes)[: self._limit]

    @property
    def newest(self) -> int:
        """The number of the newest notification; 0 if there is none."""
        return self.notes[0].number if self.notes else 0
