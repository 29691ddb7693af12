"""Objects for waiting: a task waits in a `ParkingSpot`, bytes in an `Outbox`, a writer for the `Flusher`."""

import math
from typing import Any, Protocol

import trio
from trio.lowlevel import Abort

from ..failures import failure_of
from ..gathering import Gathered, turn
from ..logs import logger_of

logger = logger_of("stream")


class Wakeable(Protocol):
    """What waits for something to happen."""

    def wake(self) -> None:
        """Let it go on. Never blocks; it may have been woken already."""


class ParkingSpot:
    """A place where one task waits until another task, or a callback, wakes it.

    It is a `trio.lowlevel.ParkingLot` for a single car: a tenth of its memory.

    A wake-up is not remembered: the task looks at its condition, parks if that does not hold yet, and looks again.
    Nothing is lost, because no other task runs between looking and parking.
    """

    __slots__ = ("_task",)

    def __init__(self) -> None:
        self._task: trio.lowlevel.Task | None = None

    async def park(self) -> None:
        """Wait for the next `wake()`. A checkpoint, and it can be cancelled."""
        if self._task is not None:
            raise trio.BusyResourceError("another task is parked here already")
        self._task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._leave)

    def wake(self) -> None:
        """Let the parked task run, if there is one. Never blocks."""
        if self._task is not None:
            trio.lowlevel.reschedule(self._task)  # raises outside of trio; then the task is still parked here
            self._task = None

    def _leave(self, _raise_cancel: Any) -> Abort:
        self._task = None
        return Abort.SUCCEEDED


class Outbox:
    """The bytes between a source and its connection: one task puts them in, the writer takes all of them out at once.

    Taking everything at once is what makes a fast stream fast: a server's `send()` costs the same whatever its size. The
    bound is the back-pressure: a source that is ahead of its client by this much has to wait. It is small, because what
    waits here is late: a third more would buy a fortieth of the rate for a third more of the delay.

    Two bounds, because either can be the cheaper way to fill memory: bytes, and a number of events.

    Args:
        max_bytes: The bound in bytes; default: that of a connection that is written to directly.

    Attributes:
        backlog: How many bytes wait in it.
    """

    __slots__ = ("_events", "_max_bytes", "_waiting", "backlog")

    MAX_BYTES = 12 * 1024
    MAX_BYTES_BY_SEND = 6 * 1024  # where each `send()` of a server adds as much to the delay as it takes to fill this
    MAX_EVENTS = 512

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._events: list[bytes] = []
        self._max_bytes = max_bytes
        self.backlog = 0
        self._waiting: Wakeable | None = None  # what wants to put more

    def put(self, event: bytes) -> bool:
        """Add one encoded event; return whether there is room for another one. Never blocks, and never refuses."""
        events = self._events
        events.append(event)
        self.backlog = backlog = self.backlog + len(event)
        return backlog < self._max_bytes and len(events) < self.MAX_EVENTS

    def __len__(self) -> int:
        return len(self._events)

    @property
    def has_room(self) -> bool:
        """Whether there is room for an event."""
        return self.backlog < self._max_bytes and len(self._events) < self.MAX_EVENTS

    def take(self) -> list[bytes]:
        """Remove everything that waits, and return it as pieces."""
        taken = self._events
        if not taken:
            return []
        self._events = []
        self.backlog = 0
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            waiting.wake()
        return taken

    async def wait_for_space(self) -> None:
        """Wait until what is in here has been taken."""
        if self._events:
            self._waiting = spot = ParkingSpot()
            await spot.park()

    def wake_at_space(self, waiting: Wakeable) -> None:
        """Wake this, and nothing else, once what is in here has been taken."""
        self._waiting = waiting


class Flushable(Protocol):
    """An object with something to write, such as a stream's writer."""

    def flush(self, now: float) -> None:
        """Write what waits, as far as that is possible without blocking. Errors of writing are not raised here.

        Args:
            now: The time, on trio's clock.
        """


class Flusher:
    """One task that writes for all streams of a host whose connections take bytes without blocking.

    It flushes what asks for it, once each, after the tasks that are running now have had their turn. What a source yields
    without waiting is so written in one piece, and an event for a thousand streams costs one task switch instead of a
    thousand.

    After a turn it pauses for as long as the turn has taken: so writing has half of the time at most while there is always
    more to write, and what comes in a pause is written in one piece. What comes alone finds it at rest, and waits for
    nothing.

    Args:
        max_delay: Seconds that a pause may take; 0: there are none.
    """

    def __init__(self, max_delay: float) -> None:
        self._waiting: dict[Flushable, None] = {}
        self._called = ParkingSpot()
        self._max_delay = max_delay

    def flush_soon(self, writer: Flushable) -> None:
        """Flush it in the next turn, once, however often this is called before."""
        self._waiting[writer] = None
        self._called.wake()

    def forget(self, writer: Flushable) -> None:
        """Leave out one that has been flushed meanwhile, without a turn."""
        self._waiting.pop(writer, None)

    async def run(self) -> None:
        """Flush whatever asks for it, until cancelled."""
        rested = -math.inf  # when the pause is over
        while True:
            while not self._waiting:
                await self._called.park()
            if (now := trio.current_time()) < rested:
                await trio.sleep_until(rested)
                now = trio.current_time()
            self._flush_waiting(now)
            ended = trio.current_time()
            rested = ended + min(ended - now, self._max_delay)

    def _flush_waiting(self, now: float) -> None:  # a function, which keeps none of them until the next turn
        writers, self._waiting = self._waiting, {}
        connections: dict[Gathered, None] = {}
        turn.set(connections)
        try:
            for writer in writers:
                try:
                    writer.flush(now)
                except BaseException as raised:  # an error of one stream must not keep the others from being written
                    logger.exception("a stream could not be written", exc_info=failure_of(raised))
        finally:
            turn.set(None)
            for connection in connections:
                connection.turn_ends()
