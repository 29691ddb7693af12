"""`Subscription`: what `Topic.subscribe()` returns, for an `EventStream` or for `async for`."""

from collections import deque
from collections.abc import Awaitable
from typing import Protocol, Self, override

from ..arguments import check_type
from ..stream.push_source import PushSource, Sink
from ..stream.source import place_listener
from ..threads import TrioRun
from .feed import SubscriberFeed
from .published import Published
from .subscriber import Subscriber


class Subscription(PushSource):
    """The events of a topic from one place on. Made by `Topic.subscribe()`; read once, by an `EventStream` or `async for`.

    Until it is read, it costs the topic nothing, and no publisher waits for it.

    Attributes:
        buffer: The number of events that it may be behind.
        dropped: The number of events that it has lost so far.

    Raises:
        RuntimeError: It is read for the second time.

    Example:
        >>> news = Topic("news", history=10)
        >>> news.subscribe(buffer=100).buffer
        100
        >>> async def read():
        ...     async for event in news.subscribe():
        ...         print(event.value)
    """

    __slots__ = ("_subscriber",)

    def __init__(self, subscriber: Subscriber) -> None:
        self._subscriber = subscriber

    @property
    def buffer(self) -> int:
        """The number of events that it may be behind."""
        return self._subscriber.seat.buffer

    @property
    def dropped(self) -> int:
        """The number of events that it has lost so far, to `"drop-oldest"` or `"latest"`."""
        return self._subscriber.dropped

    def __aiter__(self) -> Reader:
        """The events, one after the other; ends when the topic is closed, or when the subscription fell too far behind."""
        subscriber = self._subscriber
        subscriber.enter()
        return Reader(subscriber, subscriber.audience.run, subscriber.cursor if subscriber.misses_nothing else None)

    @override
    def _push(self, sink: Sink) -> Awaitable[None]:
        return self._subscriber.push(sink)

    @override
    def _feed(self, sink: Sink) -> SubscriberFeed | None:
        return None if self._subscriber.needs_task else SubscriberFeed(self._subscriber, sink)


def subscriber_of(subscription: Subscription) -> Subscriber:
    """The subscriber behind a subscription, for code that reads several together."""
    check_type("wait", subscription, Subscription, "one of the topic's subscriptions, or None")
    return subscription._subscriber


class Readable(Protocol):
    """A subscriber, or several that are merged, as a `Reader` reads it."""

    async def next_batch(self) -> list[Published]:
        """The next events, once there are some; none if there will be no more. A checkpoint."""

    def has_taken(self, event: Published) -> None:
        """Count the delay of an event that was read and is now on its way; called in the order of reading."""

    def leave(self) -> None:
        """End the reading."""


class Reader:
    """Reads the events of a subscription with `async for`. When it is garbage collected, in any thread, the reading ends.

    Args:
        subscriber: The subscriber to read.
        run: The trio run that it belongs to.
        place: The id after which it goes on; None: the first event is a gap, which has the id.

    Attributes:
        has_begun: Whether it has given any event.
    """

    __slots__ = ("_events", "_is_closed", "_run", "_subscriber", "has_begun")

    def __init__(self, subscriber: Readable, run: TrioRun, place: str | None) -> None:
        self._subscriber = subscriber
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
                self._events.extend(await self._subscriber.next_batch())
            finally:
                if not self._events:  # the end, a cancellation or an error ends it, as with a generator
                    self._close()
            if not self._events:
                raise StopAsyncIteration
        self.has_begun = True
        event = self._events.popleft()
        self._subscriber.has_taken(event)
        return event

    async def aclose(self) -> None:
        """Stop reading. No checkpoint."""
        self._run.check("closing what reads a Subscription", "close it in a task of trio's")
        self._close()

    def _close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._events.clear()
            self._subscriber.leave()

    def __del__(self) -> None:
        # Python calls this in whichever thread lets go of it last, or happens to collect garbage.
        if not self._is_closed:
            self._run.enter_soon(self._subscriber.leave)
