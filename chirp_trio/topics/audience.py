"""The subscribers of a topic: who they are, what they may read, and how each of them gets the next event."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager

import trio

from ..stream.source import Gate, Outlet
from ..stream.waiting import ParkingSpot
from ..threads import TrioRun
from ..wire import Render
from .chunks import Chunks
from .history import History, Ids, Log, Place
from .opening import closed_at_last
from .presence import Observers, Presence
from .published import Gap, Published, encode_published
from .storage import Journal


class Seat:
    """One subscriber's place in the audience: what it has had, and how it gets the next event while it waits.

    Args:
        buffer: How many events it may be behind.
        place: Where it begins.

    Attributes:
        buffer: See above.
        position: The number of the last event that it has got.
        spot: Where its task waits.
    """

    __slots__ = ("_gate", "_had", "_outlet", "_room", "buffer", "dialect", "position", "spot")

    def __init__(self, buffer: int, place: Place) -> None:
        self.buffer = buffer
        self.spot = ParkingSpot()
        self.dialect: tuple[str | None, Render] | None = None  # in which the next event goes into a stream at once
        self._outlet: Outlet | None = None  # that stream
        self._gate: Gate | None = None  # and what an event has to pass before
        self._room: trio.lowlevel.ParkingLot | None = None  # publishers that wait until it is less far behind
        self.begin_at(place)

    def begin_at(self, place: Place) -> None:
        """Go on there."""
        self.position = place.number
        self._had = place.number  # the number of the last event that is on its way to the client

    def wait_for_event(self) -> None:
        """Have the task woken by the next event."""
        self.dialect = self._outlet = self._gate = None

    def wait_for_bytes(self, outlet: Outlet, gate: Gate | None, dialect: tuple[str | None, Render]) -> None:
        """Have the next event put into a stream at once, while there is room in it; otherwise the task is woken.

        Args:
            outlet: The stream.
            gate: What an event has to pass before; None: nothing.
            dialect: The stream's event name, and what renders fragments and HTML for its client.
        """
        self.dialect = dialect
        self._outlet = outlet
        self._gate = gate

    def put(self, number: int, encoded: bytes) -> bool:
        """Give the subscriber the next event, as bytes; whether it wants the one after that in the same way."""
        outlet = self._outlet
        if outlet is not None and (self._gate is None or self._gate.is_open):
            self.position = number
            if outlet.put(encoded):
                return True
            self._had = number
        self.spot.wake()
        return False

    def is_done_with_all(self) -> None:
        """Whatever was read is on its way: publishers that wait for room may go on."""
        self._had = self.position
        if self._room is not None:
            self._room.unpark_all()

    async def wait_for_room(self, audience: Audience) -> None:
        """Wait until it can take another event without being too far behind, or is read by nobody."""
        while audience.is_behind(self) and audience.log.last - self._had >= self.buffer:
            if self._room is None:
                self._room = trio.lowlevel.ParkingLot()
            await self._room.park()


class Audience:
    """Everybody who is subscribed to a topic, and what the topic remembers for them.

    Args:
        name: The topic's name.
        history: What the topic remembers.

    Attributes:
        name: See above.
        history: See above.
        run: The trio run that the topic belongs to.
        is_closed: Whether the topic takes no more events.
        is_ready: Whether the history is what it should be: a store has been read, if there is one.
        journal: What holds events back until they are stored; None where there is no store.
    """

    def __init__(self, name: str, history: History) -> None:
        self.name = name
        self.history = history
        self.run = TrioRun()
        self.is_closed = False
        self.is_ready = False
        self.journal: Journal | None = None
        self._chunks = Chunks(history.log)
        self._open: dict[Seat, None] = {}
        self._buffers: Counter[int] = Counter()  # of those
        self._waiting: dict[Seat, None] = {}  # those that have had everything
        self._observers = Observers(self.run)

    # -- what happens in the topic --------------------------------------------------------------------------------------

    def begin(self, log: Log, ids: Ids) -> None:
        """Go on with this history."""
        self.history.begin(log, ids)
        self._chunks = Chunks(log)
        self.is_ready = True
        self.is_closed = False
        self._observers.open()

    def deliver(self, event: Published) -> None:
        """Give everybody the next event."""
        self.history.log.append(event)
        if not self._waiting:  # a dict that has become empty still costs by what has been in it
            return
        encoded: dict[tuple[str | None, Render], bytes] = {}
        served = []
        for seat in self._waiting:
            piece = b""
            if (dialect := seat.dialect) is not None and not (piece := encoded.get(dialect, b"")):
                piece = encoded[dialect] = encode_published(event, *dialect)
            if not seat.put(event.number, piece):
                served.append(seat)
        for seat in served:
            self._waiting.pop(seat, None)

    def wake(self) -> None:
        """Let all subscribers look whether it is over."""
        for seat in tuple(self._open):
            seat.spot.wake()

    def close(self) -> None:
        """Take no more events; all subscriptions end when they have had what there is."""
        self.is_closed = True
        if self.journal is not None:
            self.journal.end()
        self.wake()
        self._observers.close()

    @property
    def is_over(self) -> bool:
        """Whether there will be no more events than are in the log."""
        return self.is_closed and (self.journal is None or self.journal.is_empty)

    def opened(self) -> AbstractAsyncContextManager[None]:
        """What opens the topic. With a store there may be several owners, and the last one that leaves closes it."""
        return self.journal.opened() if self.journal is not None else closed_at_last(self)

    def check_ready(self) -> None:
        """Raise `RuntimeError` while there is a store that has yet to be read."""
        if not self.is_ready:
            raise RuntimeError(
                f"the topic {self.name!r} has a store, and is not open: use `async with topic:`, or make it with "
                "app.topic(...) before the app starts, which opens it then; for a mounted one, `app.running()` does"
            )

    # -- who is there ---------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._open)

    def presence(self) -> AsyncGenerator[Presence]:
        """See `Topic.presence`."""
        return self._observers.changes()

    def enter(self, seat: Seat) -> None:
        """Count a subscriber among those that are reading."""
        self._open[seat] = None
        self._buffers[seat.buffer] += 1
        self._keep()
        self._observers.tell(Presence("join", len(self._open)))

    def leave(self, seat: Seat) -> None:
        """Forget a subscriber."""
        del self._open[seat]
        self._buffers[seat.buffer] -= 1
        if not self._buffers[seat.buffer]:
            del self._buffers[seat.buffer]
        self._keep()
        self._observers.tell(Presence("leave", len(self._open)))

    def wait(self, seat: Seat) -> None:
        """Give the subscriber the next event when it comes: it has had all others."""
        self._waiting[seat] = None

    def stop_waiting(self, seat: Seat) -> None:
        """Do not: it is leaving, or has been woken."""
        self._waiting.pop(seat, None)

    def is_behind(self, seat: Seat) -> bool:
        """Whether the subscriber is reading, and has events before it that it has not had."""
        return seat in self._open and seat not in self._waiting

    def _keep(self) -> None:
        # A subscriber that is behind reads from the log, so the log goes back as far as any of them may be.
        self.history.reach_back(max(self._buffers, default=0))

    # -- what they read -------------------------------------------------------------------------------------------------

    @property
    def log(self) -> Log:
        """The events that are remembered."""
        return self.history.log

    def encoded_since(self, number: int, event_type: str | None, render: Render) -> tuple[bytes, int]:
        """Events after that number as bytes, some kilobytes at most, and the number of the last of them."""
        return self._chunks.since(number, event_type, render)

    def id_of(self, number: int) -> str:
        """The id of the event with that number."""
        return self.history.id_of(number)

    def gap(self, missed: int | None, number: int) -> Gap:
        """What tells a client that events are missing before this one; how many, if that is known."""
        return Gap(self.name, missed, self.id_of(number), number, self.history.now())
