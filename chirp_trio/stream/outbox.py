"""The bytes between a source and its connection: one task puts them in, another takes all of them out at once."""

from .parking import ParkingSpot


class Outbox:
    """A bounded buffer that joins what waits in it.

    Taking everything at once is what makes a fast stream fast: a server's `send()` costs the same whatever its size. The
    bound is the back-pressure: a source that is ahead of its client by this much has to wait. It is small, because what
    waits here is late; twice the size would buy a tenth of the rate for twice the delay.

    Two bounds, because either can be the cheaper way to fill memory: bytes, and a number of events.
    """

    __slots__ = ("_events", "_size", "_space", "_taken_bytes", "_taken_events")

    MAX_BYTES = 8 * 1024
    MAX_EVENTS = 512

    def __init__(self) -> None:
        self._events: list[bytes] = []
        self._size = 0
        self._taken_events = 0  # counted when they are taken, all at once: a single event shall not pay for it
        self._taken_bytes = 0
        self._space = ParkingSpot()

    def put_nowait(self, event: bytes) -> bool:
        """Add one encoded event; whether there is room for another one. Never blocks, and never refuses."""
        self._events.append(event)
        self._size += len(event)
        return self._size < self.MAX_BYTES and len(self._events) < self.MAX_EVENTS

    def put_advice_nowait(self, advice: bytes) -> None:
        """Add what is for the client's browser and not an event."""
        self.put_nowait(advice)
        self.count_further(-1)

    def count_further(self, events: int) -> None:
        """Count more events than pieces: one may hold several, or none."""
        self._taken_events += events

    @property
    def backlog(self) -> int:
        """How many bytes wait in it."""
        return self._size

    @property
    def event_count(self) -> int:
        """How many events have been put into it."""
        return self._taken_events + len(self._events)

    @property
    def byte_count(self) -> int:
        """How many bytes have been put into it."""
        return self._taken_bytes + self._size

    async def wait_for_space(self) -> None:
        """Wait until what is in here has been taken."""
        if self._events:
            await self._space.park()

    def take(self) -> bytes:
        """Everything that waits, joined; `b""` if nothing does."""
        if not self._events:
            return b""
        taken = b"".join(self._events)
        self._taken_events += len(self._events)
        self._taken_bytes += self._size
        self._events.clear()
        self._size = 0
        self._space.wake()
        return taken
