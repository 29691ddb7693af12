"""The subscribers of a topic, and the events that they may read."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager

from ..threads import TrioRun
from ..wire import Render
from .chunks import Chunks
from .history import History, Ids, Log
from .lag import Lag
from .opening import closed_at_last
from .presence import Attendance, Presence
from .published import Gap, Published
from .seats import Seat, Seats
from .storage import Journal


class Audience:
    """All subscribers of a topic, and the events that the topic remembers for them.

    Args:
        name: The topic's name.
        history: The events that the topic remembers.

    Attributes:
        name: See above.
        history: See above.
        run: The trio run that the topic belongs to.
        is_closed: Whether the topic takes no more events.
        is_ready: Whether the history is complete: if the topic has a store, it has been read.
        gaps: The number of times that a subscriber was told that events are missing.
        replays: The number of subscribers that have come back with an id and gone on after it.
        lag: The delay with which events arrive, once it is asked for.
        journal: Holds events back until they are stored; None for a topic without a store.
        attendance: The members whose subscriptions are being read.
        seats: The seats of the subscribers that have had all events and wait for the next one.
    """

    def __init__(self, name: str, history: History) -> None:
        self.name = name
        self.history = history
        self.run = TrioRun()
        self.is_closed = False
        self.is_ready = False
        self.gaps = 0
        self.replays = 0
        self.lag = Lag()
        self.journal: Journal | None = None
        self._chunks = Chunks(history.log)
        self._open: dict[Seat, None] = {}
        self._buffers: Counter[int] = Counter()  # the buffers of the open seats
        self.seats = Seats(self.lag)
        self.attendance = Attendance(self.run)
        self._last_gap: tuple[tuple[int | None, str], Gap] | None = None  # thousands come back at once to the same place

    # -- changes of the topic -------------------------------------------------------------------------------------------

    def begin(self, log: Log, ids: Ids) -> None:
        """Use this log from now on, and ids of this kind."""
        self.history.begin(log, ids)
        self._chunks = Chunks(log)
        self.is_ready = True
        self.is_closed = False
        self.attendance.open()

    def deliver(self, event: Published) -> None:
        """Remember the next event, and give it to all subscribers that wait for one."""
        self.history.log.append(event)
        self.seats.deliver(event)

    def wake(self) -> None:
        """Wake all subscribers, so that they check whether the topic is over."""
        for seat in tuple(self._open):
            seat.wake()

    def close(self) -> None:
        """Take no more events; each subscription ends once it has given the events that there are."""
        self.is_closed = True
        if self.journal is not None:
            self.journal.end()
        self.wake()
        self.attendance.close()

    @property
    def is_over(self) -> bool:
        """Whether the log will get no more events."""
        return self.is_closed and (self.journal is None or self.journal.is_empty)

    def opened(self) -> AbstractAsyncContextManager[None]:
        """A context that opens the topic. A topic with a store may be opened several times; the last exit closes it."""
        return self.journal.opened() if self.journal is not None else closed_at_last(self)

    def check_ready(self) -> None:
        """Raise `RuntimeError` while the topic has a store that has not been read yet."""
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
        return self.attendance.changes()

    def enter(self, seat: Seat) -> None:
        """Add a subscriber that begins to read."""
        self._open[seat] = None
        self._buffers[seat.buffer] += 1
        if self._buffers[seat.buffer] == 1:
            self._keep()
        self._count_here(seat.member, self.attendance.enter(seat.member))

    def leave(self, seat: Seat) -> None:
        """Remove a subscriber that reads no longer."""
        del self._open[seat]
        self._buffers[seat.buffer] -= 1
        if not self._buffers[seat.buffer]:
            del self._buffers[seat.buffer]
            self._keep()
        self._count_here(seat.member, self.attendance.leave(seat.member))

    def _count_here(self, member: str | None, count: int) -> None:
        if self.journal is not None:
            self.journal.count_here(member, count)

    async def wait_for_room(self, seat: Seat) -> None:
        """Wait until the subscriber has room for another event in its buffer, or is not read any longer."""
        while self._is_behind(seat) and self.log.last - seat.had >= seat.buffer:
            await seat.wait_until_done()

    def _is_behind(self, seat: Seat) -> bool:
        """Whether it is read, and has yet to take events that are in the log."""
        return seat in self._open and seat not in self.seats

    def _keep(self) -> None:
        # A subscriber that is behind reads from the log, so the log goes back as far as any of them may be.
        self.history.reach_back(max(self._buffers, default=0))

    # -- the events to read ---------------------------------------------------------------------------------------------

    @property
    def log(self) -> Log:
        """The events that are remembered."""
        return self.history.log

    def encoded_since(self, number: int, event_type: str | None, render: Render) -> tuple[bytes, int]:
        """The events after this number as bytes, a few kilobytes at most, and the number of the last one."""
        return self._chunks.since(number, event_type, render)

    def id_of(self, number: int) -> str:
        """The id of the event with that number."""
        return self.history.id_of(number)

    def count_lag(self) -> None:
        """Measure from now on with which delay events arrive."""
        if not self.lag.is_counted:
            self.lag.begin(self.log.last)
            self.history.is_timed = True

    @property
    def behind(self) -> int:
        """The number of events that the slowest subscriber has yet to take."""
        return max((self.log.last - seat.position for seat in tuple(self._open)), default=0)

    def gap(self, missed: int | None, number: int) -> Gap:
        """The gap that tells a client how many events are missing up to this number; None: the count is unknown."""
        self.gaps += 1
        key = missed, self.id_of(number)
        if self._last_gap is None or self._last_gap[0] != key:
            self._last_gap = key, Gap(self.name, missed, key[1], number, self.history.now())
        return self._last_gap[1]
