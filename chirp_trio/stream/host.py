"""Where streams live: the nursery behind all the streams of an app, and the one timer that they share."""

import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import trio

from ..asgi import Scope, Send, unobserved
from ..errors import sole
from ..failures import failure_of
from ..logs import logger_of
from .alarms import STANDSTILL, Alarms
from .ending import Ending
from .flusher import Flushable, Flusher
from .lifecycle import FAREWELL_TIMEOUT, LiveStream
from .parking import ParkingSpot

logger = logger_of("stream")


class Signal(Protocol):
    """Anything that can be waited for, such as a `trio.Event`."""

    async def wait(self) -> None:
        """Return once it has come."""


class StreamHost:
    """The streams that are alive, and the nursery for what may outlive a request. Made by `open_stream_host()`."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self.is_open = True  # whether tasks can be started
        self._streams: set[LiveStream] = set()
        self._empty: trio.Event | None = None  # what `aclose()` waits for
        self.closing = False  # whether the server is about to stop
        self._signals: set[int] = set()
        self._alarms = Alarms()
        self._alarmed = ParkingSpot()
        self._flusher = Flusher()
        nursery.start_soon(self._look_at_streams)
        nursery.start_soon(self._flusher.run)

    def adopt(self, stream: LiveStream) -> None:
        """Count the stream among those that are alive, and look at it whenever it wants to be looked at."""
        self._streams.add(stream)
        due = stream.look(trio.current_time())
        if due is not None:
            self.look_at(stream, due)

    def release(self, stream: LiveStream) -> None:
        """Forget the stream: it is over."""
        self._streams.remove(stream)
        self._alarms.cancel(stream)
        if self._empty is not None and not self._streams:
            self._empty.set()

    def look_at(self, stream: LiveStream, due: float) -> None:
        """Look at the stream at this time, and not at the one that was set before."""
        if self._alarms.set(stream, due):
            self._alarmed.wake()

    def flush_soon(self, writer: Flushable) -> None:
        """Let the writer write what it can without blocking, together with all the others."""
        self._flusher.flush_soon(writer)

    def start_soon[*Arguments](self, function: Callable[[*Arguments], Awaitable[None]], *arguments: *Arguments) -> None:
        """Start a task that may outlive its request."""
        self._nursery.start_soon(function, *arguments)

    def close_when(self, signal: Signal | None) -> None:
        """Close once the signal comes, if there is one. Telling it again of the same signal costs nothing."""
        if signal is not None and id(signal) not in self._signals:
            self._signals.add(id(signal))
            self._nursery.start_soon(self._close_when, signal)

    def close(self) -> None:
        """End every stream, now and from now on, because the server is about to stop. Never blocks."""
        self.closing = True
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

    def _look(self, stream: LiveStream, now: float) -> None:
        try:
            due = stream.look(now)
        except BaseException as raised:  # the others are looked at all the same
            logger.exception("a stream could not be looked at", exc_info=failure_of(raised))
            due = now + STANDSTILL
        if due is not None:
            self.look_at(stream, due)


@asynccontextmanager
async def open_stream_host() -> AsyncGenerator[StreamHost]:
    """Open the nursery that streams live in; leaving the block ends them all.

    Opened once for an app, before the server takes requests and until after the last one, it is what lets a handler leave
    a writer behind whose client does not read.
    """
    try:
        async with trio.open_nursery() as nursery:
            host = StreamHost(nursery)
            try:
                yield host
            finally:
                await host.aclose()
    except ExceptionGroup as group:  # frameworks and servers know an error by its class
        raise sole(group) from None


def find_shutdown(scope: Scope, send: Send) -> Signal | None:
    """What tells that the server is about to stop, if the server tells it: ours does, as an extension.

    hypercorn's command line tells its own connections and no app, so its signal is borrowed from behind `send`; where it
    is not found, streams are cancelled when hypercorn's graceful_timeout is over.
    """
    signal = (scope.get("extensions") or {}).get("chirp_trio.shutdown")
    if signal is None:
        context = getattr(getattr(unobserved(send), "__self__", None), "context", None)
        signal = getattr(context, "terminated", None)
    return signal if hasattr(signal, "wait") else None
