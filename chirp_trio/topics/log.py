"""The events that a topic remembers, in order, within its bounds."""

from .published import Published


class Log:
    """A window of the events of a topic: the newest, within a number, a size and an age.

    Args:
        most: How many events are kept.
        most_bytes: How many bytes they may have together; the newest event is kept whatever it has.
        max_age: Seconds that an event is kept; None: for ever.
    """

    def __init__(self, most: int, most_bytes: int, max_age: float | None) -> None:
        self.most = most
        self.max_age = max_age
        self.last = 0  # the number of the newest event, kept or not
        self._most_bytes = most_bytes
        self._events: list[Published | None] = []
        self._start = 0  # where the oldest event is in the list; what is before it has been forgotten
        self._size = 0

    @property
    def first(self) -> int:
        """The number of the oldest event that is kept; one more than `last` if there is none."""
        return self.last + 1 - len(self)

    def __len__(self) -> int:
        return len(self._events) - self._start

    def append(self, event: Published) -> None:
        """Add the newest event; forget what is beyond the bounds."""
        self._events.append(event)
        self._size += event.size
        self.last = event.number
        self.forget(event.at)

    def forget(self, now: float) -> None:
        """Forget what is beyond the bounds at this time."""
        while len(self) > self.most or (self._size > self._most_bytes and len(self) > 1) or self._is_too_old(now):
            oldest = self._events[self._start]
            assert oldest is not None
            self._events[self._start] = None
            self._start += 1
            self._size -= oldest.size
        # Now and then, so that forgetting costs the same however much is kept.
        if self._start > 64 and self._start * 2 > len(self._events):
            del self._events[: self._start]
            self._start = 0

    def since(self, number: int, most: int) -> list[Published]:
        """The events after that number, the oldest first, and not more than so many."""
        at = self._start + max(0, number + 1 - self.first)
        return [event for event in self._events[at : at + most] if event is not None]

    def _is_too_old(self, now: float) -> bool:
        if self.max_age is None or not len(self):
            return False
        oldest = self._events[self._start]
        assert oldest is not None
        return oldest.at + self.max_age < now
