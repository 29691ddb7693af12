"""One subscriber's place in a topic."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Self

import trio

from ..stream.parking import ParkingSpot
from ..stream.pushed import PushSource, Sink
from .published import Published

if TYPE_CHECKING:
    from .topic import Topic

type Overflow = Literal["disconnect", "drop-oldest", "latest"]
OVERFLOW = ("disconnect", "drop-oldest", "latest")

# How many events are read from the log at a time.
_BATCH = 100


class Reader:
    """Reads a subscription with `async for`. Whoever stops reading has only to let go of it."""

    __slots__ = ("_events", "_is_closed", "_subscription")

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        self._events: deque[Published] = deque()
        self._is_closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Published:
        if self._is_closed:
            raise StopAsyncIteration
        if not self._events:
            try:
                self._events.extend(await self._subscription.next_batch())
            finally:
                if not self._events:  # it is over, or was cancelled or failed, which ends it as it would a generator
                    self._close()
            if not self._events:
                raise StopAsyncIteration
        return self._events.popleft()

    async def aclose(self) -> None:
        """Stop reading. No checkpoint."""
        self._close()

    def _close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._events.clear()
            self._subscription.leave()

    def __del__(self) -> None:
        self._close()


class Subscription(PushSource):
    """The events of a topic from one place on. Made by `Topic.subscribe()`; read once, by an `EventStream` or `async for`.

    Until it is read it costs the topic nothing, and holds up nothing.

    Attributes:
        buffer: How many events it may be behind.
        dropped: How many events it has lost so far.

    Raises:
        RuntimeError: It is read for the second time.
    """

    __slots__ = (
        "_filter", "_is_over", "_is_read", "_key", "_missed", "_overflow", "_parked", "_position", "_replayed", "_sink",
        "_topic", "buffer", "dropped",
    )  # fmt: skip

    def __init__(
        self,
        topic: Topic,
        position: int,
        missed: int | None,
        *,
        buffer: int,
        overflow: Overflow,
        key: Callable[[object], object] | None,
        filter: Callable[[object], bool] | None,
    ) -> None:
        self.buffer = buffer
        self.dropped = 0
        self._topic = topic
        self._position = position  # the number of the last event that it has had
        self._replayed = topic.log.last  # up to here it catches up, which is no overflow
        self._missed = missed  # how many events are missing before the next one; None: nobody knows
        self._overflow = overflow
        self._key = key
        self._filter = filter
        self._is_read = False
        self._is_over = False  # it was too far behind
        self._parked = ParkingSpot()
        self._sink: Sink | None = None  # where the next event goes at once

    # -- reading --------------------------------------------------------------------------------------------------------

    def __aiter__(self) -> Reader:
        """The events, one after the other; ends when the topic is closed, or when it was too far behind."""
        self._enter()
        return Reader(self)

    async def next_batch(self) -> list[Published]:
        """The next events, once there are some; none if there will be no more. A checkpoint."""
        await trio.lowlevel.checkpoint()
        while not (events := self._read()):
            if not await self._wait(None):
                break
        return events

    def leave(self) -> None:
        """Be read no longer."""
        self._topic.leave(self)

    async def push(self, sink: Sink) -> None:
        """See `PushSource`."""
        self._enter()
        if self._missed == 0:  # a gap has an id itself
            # Who loses its connection before its first event would come back as somebody new, and miss what came between.
            sink.put_nowait(self._topic.place(self._position))
        # What may fail, or is the subscriber's own, is done in its own task.
        chosen = self._filter is not None or self._key is not None
        try:
            while True:
                if not chosen and self._is_in_step():
                    before = self._position
                    encoded, self._position = self._topic.encoded_since(before, sink.event_type, sink.render)
                    has_room = bool(encoded) and sink.put_joined_nowait(encoded, self._position - before)
                    if not encoded and not await self._wait(sink):
                        return
                    if not has_room:  # or it is the end of a wait, which comes when there is no room
                        await sink.wait_for_space()
                else:
                    events = self._read()
                    for event in events:
                        if not sink.accept(event):
                            await sink.wait_for_space()
                    if not events and not await self._wait(None):
                        return
        finally:
            self.leave()

    # -- what the topic calls -------------------------------------------------------------------------------------------

    def take(self, event: Published) -> bool:
        """Have the next event, if nothing else is waited for; whether the one after that is wanted in the same way."""
        sink = self._sink
        if sink is not None:
            self._position = event.number
            if sink.put_nowait(event.encode_for(sink.event_type, sink.render)):
                return True
        self._parked.wake()
        return False

    def wake(self) -> None:
        """Look again: the topic is closed."""
        self._parked.wake()

    # -- its place ------------------------------------------------------------------------------------------------------

    def _enter(self) -> None:
        if self._is_read:
            raise RuntimeError(f"this subscription to {self._topic.name!r} is being read already; each stream needs its own")
        self._is_read = True
        self._topic.enter(self)

    async def _wait(self, sink: Sink | None) -> bool:
        """Wait for the next event, which goes into the sink at once if there is one; False: there will be none."""
        if self._is_over or self._topic.is_closed:
            return False
        self._sink = sink
        self._topic.wait(self)
        try:
            await self._parked.park()
        finally:
            self._sink = None
            self._topic.stop_waiting(self)
        return True

    def _is_in_step(self) -> bool:
        """Whether the next events can be had as they are."""
        log = self._topic.log
        return self._missed == 0 and not self._is_over and self._position >= log.first - 1 and not self._is_behind()

    def _is_behind(self) -> bool:
        return self._topic.log.last - max(self._position, self._replayed) > self.buffer

    def _read(self) -> list[Published]:
        """The next events that this subscriber is to get, with gaps where some are missing; none if it has had all."""
        log = self._topic.log
        events = []
        if self._missed != 0:
            events.append(self._topic.gap(self._missed, self._position))
            self._missed = 0
        if self._position < log.first - 1 or self._is_behind():
            if self._overflow == "disconnect":
                self._is_over = True
                return events
            events += self._catch_up()
        while not events and self._position < log.last:
            batch = log.since(self._position, _BATCH)
            self._position = batch[-1].number
            events = [event for event in batch if self._wants(event)]
        return events

    def _wants(self, event: Published) -> bool:
        return self._filter is None or self._filter(event.value)

    def _catch_up(self) -> list[Published]:
        """Skip what is too much, by the overflow policy; what tells of it, and what is left."""
        log = self._topic.log
        last = log.last
        oldest = max(self._position, log.first - 1)
        forgotten = oldest - self._position  # nobody knows whether it was wanted
        if self._key is None:
            position = max(oldest, last - self.buffer)
            lost = sum(map(self._wants, log.since(oldest, position - oldest)))
            left = []
        else:
            position = last
            pending = [event for event in log.since(oldest, last - oldest) if self._wants(event)]
            newest = {self._key(event.value): event for event in pending}
            left = sorted(newest.values(), key=lambda event: event.number)[-self.buffer :]
            lost = len(pending) - len(left)
        self._position = position
        missed = forgotten + lost
        if not missed:
            return left
        self.dropped += missed
        return [self._topic.gap(missed, left[0].number - 1 if left else position), *left]
