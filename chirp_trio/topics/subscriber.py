"""One subscriber of a topic: its place, its next events, and what happens when it falls too far behind."""

import trio

from ..stream.push_source import Outlet, Sink
from ..stream.waiting import ParkingSpot, Wakeable
from .audience import Audience
from .history import Place
from .overflow import POLICIES, Behind
from .published import Gap, Published, value_seen
from .seats import Seat
from .subscribing import SubscribeOptions

# How many events are read from the log at a time.
_BATCH = 100

# After this many events that were filtered out, the client is sent its place, so that it comes back with an id that is known.
TELL_AFTER = 100


class Subscriber:
    """The events of a topic from one place on, for one reader. Until it is read, it costs the topic nothing.

    Args:
        audience: The topic's audience.
        options: The options given to `Topic.subscribe()`.

    Attributes:
        audience: See above.
        seat: Its seat in the audience.
        dropped: The number of events that it has lost so far.
        is_over: Whether it has ended because it fell too far behind.
    """

    __slots__ = (
        "_came_with", "_filter", "_is_read", "_key", "_missed", "_overflow", "_replay", "_replayed", "_sought", "audience",
        "dropped", "is_over", "seat",
    )  # fmt: skip

    def __init__(self, audience: Audience, options: SubscribeOptions) -> None:
        last_event_id = options.last_event_id
        place = audience.history.find(last_event_id, options.replay)
        self.audience = audience
        self.seat = Seat(options.buffer, place, options.member)
        self.dropped = 0
        self.is_over = False
        self._overflow = options.overflow
        self._key = options.key
        self._filter = options.filter
        # Where the id is not known here, its client may be ahead of this process: it is looked for once this is read.
        self._sought = last_event_id if place.missed is None and audience.journal is not None else None
        self._replay = options.replay
        self._is_read = False
        self._begin_at(place)

    def _begin_at(self, place: Place) -> None:
        self.seat.begin_at(place)
        self._replayed = self.audience.log.last  # events up to this one are a replay, which is no overflow
        self._missed = place.missed  # how many events are missing before the next one; None: unknown
        self._came_with = place.had  # the client's id until it is told of the missing events

    # -- reading alone --------------------------------------------------------------------------------------------------

    async def next_batch(self) -> list[Published]:
        """The next events, once there are some; none if there will be no more. A checkpoint."""
        await trio.lowlevel.checkpoint()
        await self.find_place()
        self.seat.is_done_with_all()
        while not (events := self.read()):
            if not await self._wait(None):
                break
        return events

    async def push(self, sink: Sink) -> None:
        """Put events into the stream until the topic or the subscription is over."""
        self.enter()
        seat = self.seat
        try:
            await self.find_place()
            self.put_place(sink)
            told = seat.position  # the place that the client was sent last
            while True:
                seat.is_done_with_all()
                if not self.is_choosy and self.is_in_step:
                    if sink.gate is not None and seat.position < self.audience.log.last:
                        await sink.gate.ask()
                        if not self.is_in_step:  # any more
                            continue
                    before = seat.position
                    has_room = self.put_joined(sink)
                    if seat.position == before and not await self._wait(sink):
                        return
                    if not has_room:  # or it is the end of a wait, which comes when there is no room
                        await sink.writer.wait_for_space()
                else:
                    events = self.read()
                    for event in events:
                        await sink.send(event)
                        self.has_taken(event)
                    told = seat.position if events else await self._tell_place(sink, told)
                    if not events and not await self._wait(None):
                        return
        finally:
            self.leave()

    async def _tell_place(self, sink: Sink, told: int) -> int:
        if self.seat.position - told < TELL_AFTER:
            return told
        if not sink.writer.put_joined(sink.kind.encode_place(self.audience.id_of(self.seat.position)), 0):
            await sink.writer.wait_for_space()
        return self.seat.position

    async def _wait(self, sink: Sink | None) -> bool:
        """Wait for the next event, which is put into the stream if one is given. False: there will be no more."""
        if self.gets_no_more:
            return False
        spot = ParkingSpot()
        self.begin_waiting(spot, sink)
        try:
            await spot.park()
        finally:
            self.end_waiting()
        return True

    # -- the parts of reading, which a feed and several subscribers that are merged have in common ----------------------

    def enter(self) -> None:
        """Begin to be read."""
        self.check_readable()
        self._is_read = True
        self.audience.enter(self.seat)
        self.audience.replays += self._came_with is not None

    def check_readable(self) -> None:
        """Raise `RuntimeError` if it is or was read already, or if this is not trio's thread."""
        self.audience.run.check("reading a Subscription", "read it in a task of trio's")
        if self._is_read:
            raise RuntimeError(
                f"this subscription to {self.audience.name!r} is being read already; each stream needs its own"
            )

    async def find_place(self) -> None:
        """Wait until the store has been searched for the client's id. No checkpoint if that is not needed."""
        if self._sought is not None and self.audience.journal is not None:
            id, self._sought = self._sought, None
            await self.audience.journal.find(id)
            self._begin_at(self.audience.history.find(id, self._replay))

    @property
    def needs_task(self) -> bool:
        """Whether reading needs a task, because it runs the user's own code or waits for a store."""
        return self.is_choosy or self._sought is not None

    @property
    def gets_no_more(self) -> bool:
        """Whether it gets no more events than it can read now."""
        return self.is_over or self.audience.is_over

    def put_place(self, sink: Sink) -> None:
        """Send the client its place, so that it has an id even if it loses its connection before the first event."""
        if self.misses_nothing:  # a gap has an id itself
            sink.writer.put_joined(sink.kind.encode_place(self.audience.id_of(self.seat.position)), 0)

    def put_joined(self, sink: Sink) -> bool:
        """Put the next events into a stream, a few kilobytes at most. True: there were some, and there is room for more."""
        audience, seat, before = self.audience, self.seat, self.seat.position
        encoded, seat.position = audience.encoded_since(before, sink.event_type, sink.render)
        has_room = bool(encoded) and sink.writer.put_joined(encoded, seat.position - before)
        if audience.lag.is_counted:
            for event in audience.log.since(before, seat.position - before):
                self.has_taken(event)
        return has_room

    def leave(self) -> None:
        """End the reading."""
        self.audience.leave(self.seat)
        self.seat.is_done_with_all()

    @property
    def is_choosy(self) -> bool:
        """Whether the user's own code selects events: it may raise, so it has to run in the subscriber's own task."""
        return self._filter is not None or self._key is not None

    @property
    def misses_nothing(self) -> bool:
        """Whether no event is missing between the client's last one and the next one."""
        return self._missed == 0

    @property
    def cursor(self) -> str | None:
        """The id with which the client would go on if it lost its connection now.

        Until the client is told of a gap, this is the id that it came with. None if that id is not known: a client without
        an id of this topic is told of the gap again.
        """
        return self.audience.id_of(self.seat.position) if self.misses_nothing else self._came_with

    def begin_waiting(self, waiting: Wakeable, sink: Sink | None, outlet: Outlet | None = None) -> None:
        """Let the next events be put into a stream while it has room; if that is not possible, `waiting` is woken.

        Args:
            waiting: The reader that waits.
            sink: The stream; None: the next event wakes the reader.
            outlet: Takes each event at once; None: the stream's writer takes several events together.
        """
        self.seat.is_done_with_all()
        self.seat.waiting = waiting
        if sink is None:
            self.seat.wait_for_event()
        else:
            self.seat.wait_for_bytes(sink, outlet)
        self.audience.seats.wait(self.seat)

    def end_waiting(self) -> None:
        """Stop waiting: the reader goes on."""
        self.audience.seats.stop_waiting(self.seat)
        self.seat.waiting = None
        self.seat.wait_for_event()

    # -- what comes next ------------------------------------------------------------------------------------------------

    def read(self) -> list[Published]:
        """The next events for this subscriber, with a gap where some are missing; empty if it has had all."""
        log, seat = self.audience.log, self.seat
        events: list[Published] = []
        if self._missed != 0:
            events.append(self.audience.gap(self._missed, seat.position))
            self._missed = 0
        if seat.position < log.first - 1 or self._is_behind():
            left = self._catch_up()
            if left is None:
                self.is_over = True
                return events
            events += left
        while not events and seat.position < log.last:
            batch = log.since(seat.position, _BATCH)
            seat.position = batch[-1].number
            events = [event for event in batch if self._wants(event)]
        return events

    def has_taken(self, event: Published) -> None:
        """Count the delay of an event that was read; events of a replay and gaps are not counted."""
        lag = self.audience.lag
        if lag.is_counted and event.number > self._replayed and not isinstance(event, Gap):
            lag.count([event], 1)

    @property
    def is_in_step(self) -> bool:
        """Whether the next events can be sent as they are, without a gap and without the overflow policy."""
        at = self.seat.position
        return self._missed == 0 and not self.is_over and at >= self.audience.log.first - 1 and not self._is_behind()

    def _is_behind(self) -> bool:
        return self.audience.log.last - max(self.seat.position, self._replayed) > self.seat.buffer

    def _wants(self, event: Published) -> bool:
        return self._filter is None or isinstance(event, Gap) or self._filter(value_seen(event))

    def _catch_up(self) -> list[Published] | None:
        """Apply the overflow policy. Returns the gap and the events that are left; None: the policy ends the subscription."""
        log = self.audience.log
        oldest = max(self.seat.position, log.first - 1)
        skip = POLICIES[self._overflow](Behind(log, oldest, self.seat.buffer, self._wants, self._key))
        if skip is None:
            return None
        forgotten = oldest - self.seat.position  # whether the filter wanted them is unknown
        self.seat.position, lost, left = skip
        missed = forgotten + lost
        if not missed:
            return left
        self.dropped += missed
        return [self.audience.gap(missed, left[0].number - 1 if left else skip.position), *left]
