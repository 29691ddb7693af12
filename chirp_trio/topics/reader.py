"""Reading events with `async for`, from one topic or from several."""

from abc import abstractmethod
from collections import deque
from typing import Protocol, Self

from ..stream.source import place_listener
from ..threads import TrioRun
from .published import Published


class Readable(Protocol):
    """What a `Reader` reads."""

    @abstractmethod
    async def next_batch(self) -> list[Published]:
        """The next events, once there are some; none if there will be no more. A checkpoint."""

    @abstractmethod
    def leave(self) -> None:
        """Be read no longer."""


class Reader:
    """Reads a subscription with `async for`. Whoever stops reading has only to let go of it, in whatever thread.

    Args:
        subscription: What is read.
        run: The trio run in which it is.
        place: The id after which it goes on; None: the first event tells it, as that is a gap.

    Attributes:
        has_begun: Whether it has given any event.
    """

    __slots__ = ("_events", "_is_closed", "_run", "_subscription", "has_begun")

    def __init__(self, subscription: Readable, run: TrioRun, place: str | None) -> None:
        self._subscription = subscription
        self._run = run
        self._events: deque[Published] = deque()
        self._is_closed = False
        self.has_begun = False
        # Where the source of a stream reads this, its client knows its place at once, and not with the first event only.
        tell_place = place_listener.get(None)
        if tell_place is not None and place is not None:
            tell_place(place, self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Published:
        if self._is_closed:
            raise StopAsyncIteration
        if not self._events:
            self._run.check("reading a Subscription", "read it in a task of trio's", is_bound=True)
            try:
                self._events.extend(await self._subscription.next_batch())
            finally:
                if not self._events:  # it is over, or was cancelled or failed, which ends it as it would a generator
                    self._close()
            if not self._events:
                raise StopAsyncIteration
        self.has_begun = True
        return self._events.popleft()

    async def aclose(self) -> None:
        """Stop reading. No checkpoint."""
        self._run.check("closing what reads a Subscription", "close it in a task of trio's")
        self._close()

    def _close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._events.clear()
            self._subscription.leave()

    def __del__(self) -> None:
        # Python calls this in whichever thread lets go of it last, or happens to collect garbage.
        if not self._is_closed:
            self._run.enter_soon(self._subscription.leave)
