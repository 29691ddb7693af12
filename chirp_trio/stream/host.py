"""Where streams live: the nursery behind all the streams of an app, and the one timer that they share."""

import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from heapq import heapify, heappop, heappush
from typing import Protocol

import trio

from ..errors import sole
from ..failures import failure_of
from ..logs import logger_of
from .limits import MAX_WRITE_DELAY
from .snapshot import Ending
from .tasks import SendingTasks
from .waiting import Flusher, ParkingSpot
from .writer import STANDSTILL

logger = logger_of("stream")

# How long the last bytes may take where nobody can be made to wait for them: at a shutdown, a cancellation.
FAREWELL_TIMEOUT = 0.5

# How many emptied alarms may stay beyond one for each stream: below that, cleaning up is not worth it.
_SLACK = 16


class Signal(Protocol):
    """Anything that can be waited for, such as a `trio.Event`."""

    async def wait(self) -> None:
        """Return once it has come."""


class Hosted(Protocol):
    """A stream, as its host sees it."""

    def look(self, now: float) -> float | None:
        """Do what is due at this time; when to look again, or None for not again."""

    def end(self, ending: Ending) -> None:
        """End the stream. Never blocks."""

    def forgive(self, now: float) -> None:
        """Let a client that is behind have all its time again: the server has stood still."""

    def let_go(self) -> None:
        """Leave a source that does not end to the scopes around it."""


class StreamHost:
    """The streams that are alive, and the nursery for what may outlive a request. Made by `open_stream_host()`.

    Attributes:
        is_open: Whether tasks can be started.
        is_closing: Whether the server is about to stop.
        flusher: The task that writes for all of its streams.
        tasks: Those that write where that may block; they may outlive a request.
    """

    def __init__(self, nursery: trio.Nursery, max_write_delay: float) -> None:
        self.is_open = True
        self.is_closing = False
        self.flusher = Flusher(max_write_delay)
        self.tasks = SendingTasks(nursery)
        self._nursery = nursery
        self._streams: set[Hosted] = set()
        self._empty: trio.Event | None = None  # what `aclose()` waits for
        self._signals: set[int] = set()
        self._alarms = Alarms()
        self._alarmed = ParkingSpot()
        nursery.start_soon(self._look_at_streams)
        nursery.start_soon(self.flusher.run)

    def adopt(self, stream: Hosted) -> None:
        """Count the stream among those that are alive, and look at it whenever it wants to be looked at."""
        self._streams.add(stream)
        due = stream.look(trio.current_time())
        if due is not None:
            self.look_at(stream, due)

    def release(self, stream: Hosted) -> None:
        """Forget the stream: it is over."""
        self._streams.remove(stream)
        self._alarms.cancel(stream)
        if self._empty is not None and not self._streams:
            self._empty.set()

    def look_at(self, stream: Hosted, due: float) -> None:
        """Look at the stream at this time, and not at the one that was set before."""
        if self._alarms.set(stream, due):
            self._alarmed.wake()

    def close_when(self, signal: Signal | None) -> None:
        """Close once the signal comes, if there is one. Telling it again of the same signal costs nothing."""
        if signal is not None and id(signal) not in self._signals:
            self._signals.add(id(signal))
            self._nursery.start_soon(self._close_when, signal)

    def close(self) -> None:
        """End every stream, now and from now on, because the server is about to stop. Never blocks."""
        self.is_closing = True
        for stream in tuple(self._streams):
            stream.end(Ending.SHUTDOWN)

    async def aclose(self) -> None:
        """Close, and wait until the last stream is over; not longer than a farewell takes, so the shield is safe."""
        self.close()
        if self._streams:
            self._empty = trio.Event()
            with trio.move_on_after(2 * FAREWELL_TIMEOUT, shield=True):
                await self._empty.wait()
        self.is_open = False
        for stream in self._streams:
            stream.let_go()
        self._nursery.cancel_scope.cancel("the stream host was closed")

    async def _close_when(self, signal: Signal) -> None:
        await signal.wait()
        self.close()

    async def _look_at_streams(self) -> None:
        while True:
            due = self._alarms.next_due()
            with trio.CancelScope(deadline=math.inf if due is None else due):
                await self._alarmed.park()
            now = trio.current_time()
            if due is not None and now > due + STANDSTILL:
                for stream in self._streams:
                    stream.forgive(now)
            while (late := self._alarms.pop(now)) is not None:
                self._look(late, now)

    def _look(self, stream: Hosted, now: float) -> None:
        try:
            due = stream.look(now)
        except BaseException as raised:  # the others are looked at all the same
            logger.exception("a stream could not be looked at", exc_info=failure_of(raised))
            due = now + STANDSTILL
        if due is not None:
            self.look_at(stream, due)


@asynccontextmanager
async def open_stream_host(max_write_delay: float = MAX_WRITE_DELAY) -> AsyncGenerator[StreamHost]:
    """Open the nursery that streams live in; leaving the block ends them all.

    Opened once for an app, before the server takes requests and until after the last one, it is what lets a handler leave
    a writer behind whose client does not read.

    Args:
        max_write_delay: See `Limits`.
    """
    try:
        async with trio.open_nursery() as nursery:
            host = StreamHost(nursery, max_write_delay)
            try:
                yield host
            finally:
                await host.aclose()
    except ExceptionGroup as group:  # frameworks and servers know an error by its class
        raise sole(group) from None


class Alarms:
    """When to look at which stream: at most one alarm for each, the next one first.

    An alarm that is no longer wanted is emptied and left in the heap, because finding it there takes longer. Once most of
    them are empty, the heap is made anew, so that it is as large as there are streams, whatever times they ask for.
    """

    def __init__(self) -> None:
        self._heap: list[_Alarm] = []
        self._of: dict[Hosted, _Alarm] = {}

    def __len__(self) -> int:
        """How many alarms are in memory, the emptied ones as well."""
        return len(self._heap)

    def set(self, stream: Hosted, due: float) -> bool:
        """Set the stream's alarm, instead of the one that it has; whether it is the next one of all."""
        self.cancel(stream)
        alarm = self._of[stream] = _Alarm(due, stream)
        heappush(self._heap, alarm)
        return self._heap[0] is alarm

    def cancel(self, stream: Hosted) -> None:
        """Take the stream's alarm away, if it has one."""
        alarm = self._of.pop(stream, None)
        if alarm is not None:
            alarm.stream = None
            self._tidy()

    def next_due(self) -> float | None:
        """When the next one is due, or earlier; None if there is none."""
        return self._heap[0].due if self._heap else None

    def pop(self, now: float) -> Hosted | None:
        """Take away the next alarm that is due; its stream, or None if none is."""
        while self._heap and self._heap[0].due <= now:
            stream = heappop(self._heap).stream
            if stream is not None:
                del self._of[stream]
                self._tidy()
                return stream
        return None

    def _tidy(self) -> None:
        if len(self._heap) > 2 * len(self._of) + _SLACK:
            self._heap = [alarm for alarm in self._heap if alarm.stream is not None]
            heapify(self._heap)


class _Alarm:
    __slots__ = ("due", "stream")

    def __init__(self, due: float, stream: Hosted) -> None:
        self.due = due
        self.stream: Hosted | None = stream

    def __lt__(self, other: _Alarm) -> bool:
        return self.due < other.due
