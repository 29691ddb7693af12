"""The subscribers of a topic: who they are, and what they may read."""

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
        gaps: How many times a subscriber was told that events are missing.
        replays: How many subscribers have come back and gone on where they were.
        lag: How late events come, if somebody wants to know.
        journal: What holds events back until they are stored; None where there is no store.
        attendance: The members whose subscriptions are being read.
        seats: The places of subscribers that have had all events, and wait for the next one.
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
        self._buffers: Counter[int] = Counter()  # of those
        self.seats = Seats(self.lag)
        self.attendance = Attendance(self.run)
        self._last_gap: tuple[tuple[int | None, str], Gap] | None = None  # thousands come back at once to the same place

    # -- what happens in the topic --------------------------------------------------------------------------------------

    def begin(self, log: Log, ids: Ids) -> None:
        """Go on with this history."""
        self.history.begin(log, ids)
        self._chunks = Chunks(log)
        self.is_ready = True
        self.is_closed = False
        self.attendance.open()

    def deliver(self, event: Published) -> None:
        """Remember the next event, and give it to all subscribers."""
        self.history.log.append(event)
        self.seats.deliver(event)

    def wake(self) -> None:
        """Let all subscribers look whether it is over."""
        for seat in tuple(self._open):
            seat.wake()

    def close(self) -> None:
        """Take no more events; all subscriptions end when they have had what there is."""
        self.is_closed = True
        if self.journal is not None:
            self.journal.end()
        self.wake()
        self.attendance.close()

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
        return self.attendance.changes()

    def enter(self, seat: Seat) -> None:
        """Count a subscriber among those that are reading."""
        self._open[seat] = None
        self._buffers[seat.buffer] += 1
        if self._buffers[seat.buffer] == 1:
            self._keep()
        self._count_here(seat.member, self.attendance.enter(seat.member))

    def leave(self, seat: Seat) -> None:
        """Forget a subscriber."""
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
        """Wait until the subscriber can take another event without being too far behind, or is read by nobody."""
        while self._is_behind(seat) and self.log.last - seat.had >= seat.buffer:
            await seat.wait_until_done()

    def _is_behind(self, seat: Seat) -> bool:
        """Whether it is reading, and has events before it that are not on their way."""
        return seat in self._open and seat not in self.seats

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

    def count_lag(self) -> None:
        """Count how late events come, from now on."""
        if not self.lag.is_counted:
            self.lag.begin(self.log.last)
            self.history.is_timed = True

    @property
    def behind(self) -> int:
        """How many events the subscriber has yet to take that is furthest behind."""
        return max((self.log.last - seat.position for seat in tuple(self._open)), default=0)

    def gap(self, missed: int | None, number: int) -> Gap:
        """What tells a client that events are missing before this one; how many, if that is known."""
        self.gaps += 1
        key = missed, self.id_of(number)
        if self._last_gap is None or self._last_gap[0] != key:
            self._last_gap = key, Gap(self.name, missed, key[1], number, self.history.now())
        return self._last_gap[1]
