"""The host of an app's streams: the nursery for their tasks, and the one timer that they share."""

import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Protocol

import trio

from ..errors import sole
from ..failures import failure_of
from ..logs import logger_of
from .limits import MAX_WRITE_DELAY
from .sender import STANDSTILL
from .snapshot import Ending
from .tasks import SendingTasks
from .waiting import Flusher, ParkingSpot

logger = logger_of("stream")

# Seconds that the last bytes of a stream may take when the server stops or the handler is cancelled.
FAREWELL_TIMEOUT = 0.5

# How many emptied alarms may stay, beyond one for each stream, before the heap is rebuilt.
_SLACK = 16


class Signal(Protocol):
    """Anything that can be waited for, such as a `trio.Event`."""

    async def wait(self) -> None:
        """Return once it has come."""


@dataclass(frozen=True, slots=True)
class Due:
    """The time at which to look at a stream, on trio's clock.

    Args:
        at: The time.
        since: An earlier time, from which on it may be looked at with others; default: there is none.
    """

    at: float
    since: float = math.inf


class Hosted(Protocol):
    """A stream, as its host sees it."""

    def look(self, now: float) -> Due | None:
        """Do what is due at this time; when to look again, or None for not again."""

    def end(self, ending: Ending) -> None:
        """End the stream. Never blocks."""

    def forgive(self, now: float) -> None:
        """Restart the time limit of a client that is behind, because the server itself was suspended."""

    def let_go(self) -> None:
        """Stop looking after a source that does not end: from now on, cancellations from outside reach it."""


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
        """Take in a stream: count it as alive."""
        self._streams.add(stream)

    def watch(self, stream: Hosted, now: float) -> None:
        """Call a stream's `look()`, now and at the times that it asks for."""
        due = stream.look(now)
        if due is not None:
            self.look_at(stream, due)

    def release(self, stream: Hosted) -> None:
        """Forget the stream: it is over."""
        self._streams.remove(stream)
        self._alarms.cancel(stream)
        if self._empty is not None and not self._streams:
            self._empty.set()

    def look_at(self, stream: Hosted, due: Due) -> None:
        """Look at the stream at this time, and not at the one that was set before."""
        if self._alarms.set(stream, due):
            self._alarmed.wake()

    def close_when(self, signal: Signal | None) -> None:
        """Close once the signal comes, if there is one. Further calls with the same signal cost nothing."""
        if signal is not None and id(signal) not in self._signals:
            self._signals.add(id(signal))
            self._nursery.start_soon(self._close_when, signal)

    def close(self) -> None:
        """End every stream, now and from now on, because the server is about to stop. Never blocks."""
        self.is_closing = True
        for stream in tuple(self._streams):
            stream.end(Ending.SHUTDOWN)

    async def aclose(self) -> None:
        """Close, and wait until the last stream is over. The wait has a deadline, so the shield is safe."""
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
            with trio.CancelScope(deadline=due):
                await self._alarmed.park()
            now = trio.current_time()
            if now > due + STANDSTILL:
                for stream in self._streams:
                    stream.forgive(now)
            while (late := self._alarms.pop(now)) is not None:
                self._look(late, now)

    def _look(self, stream: Hosted, now: float) -> None:
        try:
            due = stream.look(now)
        except BaseException as raised:  # an error of one stream must not keep the others from being looked at
            logger.exception("a stream could not be looked at", exc_info=failure_of(raised))
            due = Due(now + STANDSTILL)
        if due is not None:
            self.look_at(stream, due)


@asynccontextmanager
async def open_stream_host(max_write_delay: float = MAX_WRITE_DELAY) -> AsyncGenerator[StreamHost]:
    """Open the nursery that streams live in; leaving the block ends them all.

    An app opens it once, around all of its requests. A handler can then leave a writer behind whose client does not read.

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
    except ExceptionGroup as group:  # unwrapped, because frameworks and servers recognize an error by its class
        raise sole(group) from None


class Alarms:
    """The times at which to look at streams: at most one alarm for each stream, ordered by time.

    An alarm that is no longer wanted is emptied and left in the heap, because finding it there takes longer. Once most of
    them are empty, the heap is made anew, so that it is as large as there are streams, whatever times they ask for.
    """

    def __init__(self) -> None:
        self._heap: list[_Alarm] = []
        self._of: dict[Hosted, _Alarm] = {}

    def __len__(self) -> int:
        """How many alarms are in memory, including emptied ones."""
        return len(self._heap)

    def set(self, stream: Hosted, due: Due) -> bool:
        """Set the stream's alarm, replacing an earlier one; return whether it is the first of all alarms."""
        self.cancel(stream)
        alarm = self._of[stream] = _Alarm(due, stream)
        heappush(self._heap, alarm)
        return self._heap[0] is alarm

    def cancel(self, stream: Hosted) -> None:
        """Remove the stream's alarm, if it has one."""
        alarm = self._of.pop(stream, None)
        if alarm is not None:
            alarm.stream = None
            self._tidy()

    def next_due(self) -> float:
        """A time at or before the next alarm; infinity if there is none."""
        return self._heap[0].at if self._heap else math.inf

    def pop(self, now: float) -> Hosted | None:
        """Remove the next alarm that is due, or that may go off now, and return its stream; None if there is none."""
        while self._heap and (self._heap[0].at <= now or self._heap[0].since <= now):
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
    __slots__ = ("at", "since", "stream")

    def __init__(self, due: Due, stream: Hosted) -> None:
        self.at = due.at
        self.since = due.since
        self.stream: Hosted | None = stream

    def __lt__(self, other: _Alarm) -> bool:
        return self.at < other.at
