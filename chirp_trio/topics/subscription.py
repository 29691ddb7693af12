"""One subscriber's place in a topic."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import trio

from ..stream.source import Outlet, PushSource, Sink
from ..stream.waiting import ParkingSpot
from .audience import Audience
from .history import Place
from .published import Gap, Published
from .reader import Reader

type Overflow = Literal["disconnect", "drop-oldest", "latest"]
OVERFLOW = ("disconnect", "drop-oldest", "latest")

# How many events are read from the log at a time.
_BATCH = 100

# After so many events that a client did not want, it is told its place, so that it comes back with an id that is known.
TELL_AFTER = 100


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
        "_came_with", "_filter", "_find", "_had", "_is_read", "_key", "_missed", "_outlet", "_overflow", "_parked",
        "_replayed", "_room", "_sink", "buffer", "dropped", "is_over", "position", "topic",
    )  # fmt: skip

    def __init__(
        self,
        topic: Audience,
        place: Place,
        *,
        buffer: int,
        overflow: Overflow,
        key: Callable[[Any], object] | None,
        filter: Callable[[Any], bool] | None,
        find: Callable[[], Awaitable[Place]] | None = None,
    ) -> None:
        self.buffer = buffer
        self.dropped = 0
        self.topic = topic
        self.is_over = False  # it was too far behind
        self._begin_at(place)
        self._find = find  # where the place is not known here, and may be in a while
        self._overflow = overflow
        self._key = key
        self._filter = filter
        self._is_read = False
        self._parked = ParkingSpot()
        self._sink: Sink | None = None  # the stream that the next event goes into at once
        self._outlet: Outlet | None = None  # and the way into it
        self._room: trio.lowlevel.ParkingLot | None = None  # those who wait until it is less far behind

    def _begin_at(self, place: Place) -> None:
        self.position = place.number  # the number of the last event that it has got
        self._had = place.number  # and of the last one that it is done with
        self._replayed = self.topic.log.last  # up to here it catches up, which is no overflow
        self._missed = place.missed  # how many events are missing before the next one; None: nobody knows
        self._came_with = place.had  # the id that the client has until it is told of these

    # -- reading --------------------------------------------------------------------------------------------------------

    def __aiter__(self) -> Reader:
        """The events, one after the other; ends when the topic is closed, or when it was too far behind."""
        self.enter()
        return Reader(self, self.topic.trio_run, self.topic.id_of(self.position) if self.misses_nothing else None)

    async def next_batch(self) -> list[Published]:
        """The next events, once there are some; none if there will be no more. A checkpoint."""
        await trio.lowlevel.checkpoint()
        await self.find_place()
        self.is_done_with_all()
        while not (events := self.read()):
            if not await self._wait(None):
                break
        return events

    async def _push(self, sink: Sink) -> None:
        """See `PushSource`."""
        self.enter()
        try:
            await self.find_place()
            if self.misses_nothing:  # a gap has an id itself
                # Who loses its connection before its first event would come back as somebody new, and miss what came between.
                sink.writer.put_joined(sink.kind.encode_place(self.topic.id_of(self.position)), 0)
            told = self.position  # where the client knows itself to be
            while True:
                self.is_done_with_all()
                if not self.is_choosy and self._is_in_step():
                    if sink.gate is not None and self.position < self.topic.log.last:
                        await sink.gate.ask()
                        if not self._is_in_step():  # any more
                            continue
                    before = self.position
                    encoded, self.position = self.topic.encoded_since(before, sink.event_type, sink.render)
                    has_room = bool(encoded) and sink.writer.put_joined(encoded, self.position - before)
                    if not encoded and not await self._wait(sink):
                        return
                    if not has_room:  # or it is the end of a wait, which comes when there is no room
                        await sink.writer.wait_for_space()
                else:
                    events = self.read()
                    for event in events:
                        await sink.send(event)
                    told = self.position if events else await self._tell_place(sink, told)
                    if not events and not await self._wait(None):
                        return
        finally:
            self.leave()

    async def _tell_place(self, sink: Sink, told: int) -> int:
        if self.position - told < TELL_AFTER:
            return told
        if not sink.writer.put_joined(sink.kind.encode_place(self.topic.id_of(self.position)), 0):
            await sink.writer.wait_for_space()
        return self.position

    # -- the parts of reading, which several subscriptions that are merged have in common -------------------------------

    def enter(self) -> None:
        """Be read from now on."""
        self.check_readable()
        self._is_read = True
        self.topic.enter(self)

    async def find_place(self) -> None:
        """Wait until its place is known: its client may be ahead of this process. No checkpoint where it is known."""
        if self._find is not None:
            find, self._find = self._find, None
            self._begin_at(await find())

    def check_readable(self) -> None:
        """Raise `RuntimeError` if it is being read, or has been; or if this is not trio's thread."""
        self.topic.trio_run.check("reading a Subscription", "read it in a task of trio's")
        if self._is_read:
            raise RuntimeError(f"this subscription to {self.topic.name!r} is being read already; each stream needs its own")

    def leave(self) -> None:
        """Be read no longer."""
        self.topic.leave(self)
        self.is_done_with_all()

    @property
    def is_choosy(self) -> bool:
        """Whether the user's own code decides about events: it may fail, so it has to run in the subscriber's own task."""
        return self._filter is not None or self._key is not None

    @property
    def misses_nothing(self) -> bool:
        """Whether the next event is the one after that which the client had last."""
        return self._missed == 0

    @property
    def cursor(self) -> str | None:
        """The id with which its client goes on where it is, should it lose its connection now.

        While it has yet to be told what it misses, that is the id that it came with. None if that is not known: without
        any id of this topic it is told of a gap again.
        """
        return self.topic.id_of(self.position) if self.misses_nothing else self._came_with

    def wait_at(self, parked: ParkingSpot) -> None:
        """Wake whoever is parked there, instead of this subscription's own task."""
        self._parked = parked

    def begin_waiting(self, sink: Sink | None, outlet: Outlet | None = None) -> None:
        """Have the parked task woken by the next event, unless there is a sink, which it goes into at once.

        Args:
            sink: The stream that reads it.
            outlet: What takes the event for the sink; default: its writer.
        """
        self.is_done_with_all()
        self._sink = sink
        self._outlet = sink.writer if sink is not None and outlet is None else outlet
        self.topic.wait(self)

    def end_waiting(self) -> None:
        """The parked task runs again."""
        self._sink = self._outlet = None
        self.topic.stop_waiting(self)

    def is_done_with_all(self) -> None:
        """Whatever was read is on its way: who waits for room may go on."""
        self._had = self.position
        if self._room is not None:
            self._room.unpark_all()

    # -- what publishers call -------------------------------------------------------------------------------------------

    async def wait_for_room(self) -> None:
        """Wait until it can take another event without being too far behind, or is read by nobody."""
        while self.topic.is_behind(self) and self.topic.log.last - self._had >= self.buffer:
            if self._room is None:
                self._room = trio.lowlevel.ParkingLot()
            await self._room.park()

    # -- what the topic calls -------------------------------------------------------------------------------------------

    def take(self, event: Published) -> bool:
        """Have the next event, if nothing else is waited for; whether the one after that is wanted in the same way."""
        sink, outlet = self._sink, self._outlet
        if sink is not None and outlet is not None and (sink.gate is None or sink.gate.is_open):
            self.position = event.number
            if outlet.put(event.encode_for(sink.event_type, sink.render)):
                return True
            self._had = event.number
        self._parked.wake()
        return False

    def wake(self) -> None:
        """Look again: the topic is closed."""
        self._parked.wake()

    # -- its place ------------------------------------------------------------------------------------------------------

    async def _wait(self, sink: Sink | None) -> bool:
        """Wait for the next event, which goes into the sink at once if there is one; False: there will be none."""
        if self.is_over or self.topic.is_over:
            return False
        self.begin_waiting(sink)
        try:
            await self._parked.park()
        finally:
            self.end_waiting()
        return True

    def _is_in_step(self) -> bool:
        """Whether the next events can be had as they are."""
        log = self.topic.log
        return self._missed == 0 and not self.is_over and self.position >= log.first - 1 and not self._is_behind()

    def _is_behind(self) -> bool:
        return self.topic.log.last - max(self.position, self._replayed) > self.buffer

    def read(self) -> list[Published]:
        """The next events that this subscriber is to get, with gaps where some are missing; none if it has had all."""
        log = self.topic.log
        events: list[Published] = []
        if self._missed != 0:
            events.append(self.topic.gap(self._missed, self.position))
            self._missed = 0
        if self.position < log.first - 1 or self._is_behind():
            if self._overflow == "disconnect":
                self.is_over = True
                return events
            events += self._catch_up()
        while not events and self.position < log.last:
            batch = log.since(self.position, _BATCH)
            self.position = batch[-1].number
            events = [event for event in batch if self._wants(event)]
        return events

    def _wants(self, event: Published) -> bool:
        return self._filter is None or isinstance(event, Gap) or self._filter(event.seen)

    def _catch_up(self) -> list[Published]:
        """Skip what is too much, by the overflow policy; what tells of it, and what is left."""
        log = self.topic.log
        last = log.last
        oldest = max(self.position, log.first - 1)
        forgotten = oldest - self.position  # nobody knows whether it was wanted
        if self._key is None:
            position = max(oldest, last - self.buffer)
            lost = sum(event.stands_for for event in log.since(oldest, position - oldest) if self._wants(event))
            left = []
        else:
            position = last
            pending = [event for event in log.since(oldest, last - oldest) if self._wants(event)]
            newest = {self._key(event.seen): event for event in pending if not isinstance(event, Gap)}
            left = sorted(newest.values(), key=lambda event: event.number)[-self.buffer :]
            lost = sum(event.stands_for for event in pending) - len(left)
        self.position = position
        missed = forgotten + lost
        if not missed:
            return left
        self.dropped += missed
        return [self.topic.gap(missed, left[0].number - 1 if left else position), *left]
