"""The seats of an audience: one for each subscriber, rows of seats that get events together, and all seats that wait."""

from collections import Counter
from collections.abc import Iterable
from typing import override

import trio

from ..failures import failure_of
from ..stream.push_source import EventWriter, Gate, Outlet, Sink
from ..stream.waiting import Flushable, Flusher, Outbox, Wakeable
from ..wire import Render
from .history import Place
from .lag import Lag
from .published import Published, encode_published

type Dialect = tuple[str | None, Render]


class Seat:
    """One subscriber's seat: how far it has read, and how it gets the next event while it waits.

    Args:
        buffer: The number of events that the subscriber may be behind.
        place: The place in the topic after which it begins.
        member: The member whose subscription this is; None: no member's.

    Attributes:
        buffer: See above.
        member: See above.
        position: The number of the last event that the subscriber has read.
        had: The number of the last event that is on its way to the client.
        waiting: The reader, while it waits; None while it does not.
        dialect: The form of the bytes that it is given: the stream's event name, and the function that renders fragments and
            HTML for its client. None if it is not given bytes.
    """

    __slots__ = ("_gate", "_outlet", "_room", "_writer", "buffer", "dialect", "had", "member", "position", "waiting")

    def __init__(self, buffer: int, place: Place, member: str | None = None) -> None:
        self.buffer = buffer
        self.member = member
        self.waiting: Wakeable | None = None
        self.dialect: Dialect | None = None
        self._outlet: Outlet | None = None  # takes each event at once
        self._writer: EventWriter | None = None  # takes several events together
        self._gate: Gate | None = None  # while it is closed, no event is put
        self._room: trio.lowlevel.ParkingLot | None = None  # publishers that wait until it is less far behind
        self.begin_at(place)

    def begin_at(self, place: Place) -> None:
        """Go on after this place."""
        self.position = place.number
        self.had = place.number

    def wait_for_event(self) -> None:
        """Let the next event wake the reader."""
        self.dialect = self._outlet = self._writer = self._gate = None

    def wait_for_bytes(self, sink: Sink, outlet: Outlet | None) -> None:
        """Let the next events be put into a stream while it has room; if it has none, the reader is woken.

        Args:
            sink: The stream.
            outlet: Takes each event at once; None: the stream's writer takes several events together.
        """
        self.dialect = sink.event_type, sink.render
        self._outlet = outlet
        self._writer = sink.writer if outlet is None else None
        self._gate = sink.gate

    @property
    def flusher(self) -> Flusher | None:
        """The flusher in whose turns it gets the next events; None: it gets each event at once."""
        return None if self._writer is None else self._writer.flusher

    def put(self, number: int, encoded: bytes) -> bool:
        """Give the subscriber the next event as bytes. True: it takes the one after that in the same way."""
        outlet = self._outlet
        if outlet is not None and (self._gate is None or self._gate.is_open):
            self.position = number
            if outlet.put(encoded):
                return True
            self.had = number
        self.wake()
        return False

    def take(self, joined: bytes, number: int, now: float | None) -> bool:
        """Give the subscriber the next events as bytes. True: it takes those after them in the same way.

        Args:
            joined: The events; empty: the subscriber has to read them from the log.
            number: The number of the last one.
            now: The time, if this is the flusher's turn; None: it is not.
        """
        writer = self._writer
        if joined and writer is not None and (self._gate is None or self._gate.is_open):
            count = number - self.position
            self.position = number
            if writer.put_joined(joined, count) if now is None else writer.write(joined, count, now):
                return True
            self.had = number
        self.wake()
        return False

    def wake(self) -> None:
        """Wake the reader, if it waits."""
        if self.waiting is not None:
            self.waiting.wake()

    def is_done_with_all(self) -> None:
        """Note that all events that were read are on their way: publishers that wait for room may go on."""
        self.had = self.position
        if self._room is not None:
            self._room.unpark_all()

    async def wait_until_done(self) -> None:
        """Wait until all events that were read are on their way, or until the seat is not read any longer."""
        if self._room is None:
            self._room = trio.lowlevel.ParkingLot()
        await self._room.park()


class Row(Flushable):
    """The streams of one host that have had every event of a topic, and get the next ones in the turns of its flusher.

    So publishing does no work for each stream: events wait here for the flusher's turn, and then each stream gets them in one
    piece. At most as many wait as an outbox has room for. When there are more, they are put into the outboxes at once, so
    that the limits of each client are kept.

    Args:
        flusher: The flusher of the host.
        lag: The lag of the topic.
    """

    __slots__ = ("_dialect", "_events", "_flusher", "_lag", "_seats", "_size")

    def __init__(self, flusher: Flusher, lag: Lag) -> None:
        self._flusher = flusher
        self._lag = lag
        self._seats: dict[Seat, None] = {}
        self._dialect: Dialect | None = None  # of the stream that came last
        self._events: list[Published] = []  # published, and not yet given to these streams
        self._size = 0

    def __len__(self) -> int:
        return len(self._seats)

    def __contains__(self, seat: Seat) -> bool:
        return seat in self._seats

    def enter(self, seat: Seat) -> None:
        """Add a stream that has had every event so far, including those that wait here."""
        # Equal dialects become one object, so that they are compared without a look into each of them.
        if seat.dialect == self._dialect:
            seat.dialect = self._dialect
        self._dialect = seat.dialect
        self._seats[seat] = None

    def leave(self, seat: Seat) -> None:
        """Remove a stream, if it is here; it gets the events that wait."""
        if seat in self._seats:
            del self._seats[seat]
            if self._events and seat.position < self._events[-1].number:
                self._give(self._events, [seat], None)

    def add(self, event: Published) -> None:
        """Take the next event."""
        if not self._seats:  # a dict that has become empty still costs by what has been in it
            return
        self._events.append(event)
        self._size += event.size
        if self._size >= Outbox.MAX_BYTES or len(self._events) >= Outbox.MAX_EVENTS:
            self._hand_over(None)
        elif len(self._events) == 1:
            self._flusher.flush_soon(self)

    @override
    def flush(self, now: float) -> None:
        """Write the events that wait to all streams."""
        if self._events:
            self._hand_over(now)

    def _hand_over(self, now: float | None) -> None:
        events, self._events, self._size = self._events, [], 0
        for seat in self._give(events, self._seats, now):
            self._seats.pop(seat, None)  # it has left, if what it was given has made it publish so much that this came again

    def _give(self, events: list[Published], seats: Iterable[Seat], now: float | None) -> list[Seat]:
        """Write the events to these streams, or if `now` is None, into their outboxes. Returns those that were woken."""
        woken = []
        taken = Counter[int]() if self._lag.is_counted else None  # how many have got all after a number
        pieces: dict[tuple[int, Dialect], bytes] = {}  # for those who have had everything up to a number
        first, last = events[0].number, events[-1].number
        before: int = last
        spoken: Dialect | None = None
        piece = b""  # for these
        for seat in tuple(seats):
            had, dialect = seat.position, seat.dialect
            if had < last and dialect is not None:
                if had != before or dialect is not spoken:  # most seats are as the one before
                    before, spoken = key = had, dialect
                    if key not in pieces:
                        pieces[key] = _joined(events[had + 1 - first :], *dialect) if had >= first - 1 else b""
                    piece = pieces[key]
                if not seat.take(piece, last, now):
                    woken.append(seat)
                if taken is not None and seat.position == last:
                    taken[had] += 1
        for had, subscribers in (taken or {}).items():
            self._lag.count(events[had + 1 - first :], subscribers)
        return woken


class Seats:
    """The seats of all subscribers that have had every event, and wait for the next one.

    Most of them are in the rows of their hosts. The others get each event at once: those of merged topics, and those that are
    read with `async for`.

    Args:
        lag: The lag of the topic.
    """

    __slots__ = ("_alone", "_lag", "_rows")

    def __init__(self, lag: Lag) -> None:
        self._lag = lag
        self._alone: dict[Seat, None] = {}
        self._rows: dict[Flusher, Row] = {}

    def __len__(self) -> int:
        return len(self._alone) + sum(map(len, self._rows.values()))

    def __contains__(self, seat: Seat) -> bool:
        return seat in self._alone or any(seat in row for row in self._rows.values())

    def deliver(self, event: Published) -> None:
        """Give the next event to all subscribers that wait."""
        for row in self._rows.values():
            row.add(event)
        if not self._alone:  # a dict that has become empty still costs by what has been in it
            return
        encoded: dict[Dialect, bytes] = {}
        served = []
        for seat in self._alone:
            piece = b""
            if (dialect := seat.dialect) is not None and not (piece := encoded.get(dialect, b"")):
                piece = encoded[dialect] = encode_published(event, *dialect)
            if not seat.put(event.number, piece):
                served.append(seat)
        if self._lag.is_counted:
            self._lag.count([event], sum(seat.position == event.number for seat in self._alone))
        for seat in served:
            self._alone.pop(seat, None)

    def wait(self, seat: Seat) -> None:
        """Add a subscriber that has had all events, so that it gets the next one."""
        flusher = seat.flusher
        if flusher is None:
            self._alone[seat] = None
            return
        row = self._rows.get(flusher)
        if row is None:
            row = self._rows[flusher] = Row(flusher, self._lag)
        row.enter(seat)

    def stop_waiting(self, seat: Seat) -> None:
        """Remove a subscriber that leaves or has been woken; it gets the events that wait in its row."""
        self._alone.pop(seat, None)
        flusher = seat.flusher
        if flusher is not None and (row := self._rows.get(flusher)) is not None:
            row.leave(seat)
            if not row:
                del self._rows[flusher]


def _joined(events: list[Published], event_type: str | None, render: Render) -> bytes:
    """The events as bytes; empty if one cannot be encoded: the error is raised where that one is read from the log."""
    try:
        return b"".join([encode_published(event, event_type, render) for event in events])
    except BaseException as raised:
        failure_of(raised)
        return b""
