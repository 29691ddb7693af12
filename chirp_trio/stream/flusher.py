"""One task that writes for all streams of a host whose connections take bytes without blocking."""

from typing import Protocol

from ..failures import failure_of
from .parking import ParkingSpot


class Flushable(Protocol):
    """A writer that has something to write."""

    def flush(self) -> None:
        """Write what waits, as far as that goes without blocking."""

    def fail(self, error: Exception) -> None:
        """Give up: writing has raised."""


class Flusher:
    """Flushes the writers that ask for it, once each, after the tasks that are running now have had their turn.

    What a source yields without waiting is so written in one piece, and an event for a thousand streams costs one task switch
    instead of a thousand.
    """

    def __init__(self) -> None:
        self._waiting: list[Flushable] = []
        self._called = ParkingSpot()

    def flush_soon(self, writer: Flushable) -> None:
        """Flush the writer. It must not ask again before it has been."""
        self._waiting.append(writer)
        self._called.wake()

    async def run(self) -> None:
        """Do it, until cancelled."""
        while True:
            writers, self._waiting = self._waiting, []
            for writer in writers:
                try:
                    writer.flush()
                except BaseException as raised:
                    writer.fail(failure_of(raised))  # the others go on
            if not self._waiting:
                await self._called.park()
