"""A page that is sent while it is rendered: in a thread, a batch at a time, so that a slow client holds no thread."""

import contextvars
import threading
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass

import trio

from ..asgi import Receive, Scope, Send, error_listener
from ..failures import failure_of
from ..habits import note_habit
from ..headers import HeadersInput, encode_headers, header_pairs
from ..logs import logger_of, new_reference
from ..stream.waiting import ParkingSpot
from ..threads import handler_threads
from .response import HTML, ResponseBroken

logger = logger_of("web")

# A thread renders until this much waits to be sent, and begins again when all of it has been.
_BATCH = 64 * 1024


@dataclass(frozen=True, slots=True)
class PageStream:
    """An ASGI response of HTML, in chunks from a generator that may take its time, or block."""

    chunks: Generator[str]
    status: int = 200
    headers: HeadersInput = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the page. What its first chunk raises is raised here; what a later one raises ends the page, and is logged.

        Raises:
            ResponseBroken: The page could not be sent to its end.
        """
        if scope["method"] == "HEAD":
            await self._start(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        rendering = _Rendering(self.chunks)
        started = complete = False
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_when_gone, receive, nursery.cancel_scope)
            nursery.start_soon(rendering.run)
            try:
                while chunk := await rendering.take():
                    if not started:
                        started = True
                        await self._start(send)
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                complete = True
            except BaseException as raised:
                raise ResponseBroken from failure_of(raised)
            finally:
                rendering.stop()
            nursery.cancel_scope.cancel("the page is complete")
        if not complete:
            return  # the client left
        if not started:
            if rendering.error is not None:
                raise rendering.error
            await self._start(send)
        await send({"type": "http.response.body", "body": _epilogue(scope, rendering.error), "more_body": False})

    async def _start(self, send: Send) -> None:
        headers = [*encode_headers(header_pairs(self.headers)), *encode_headers([("content-type", HTML)])]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})


class _Rendering:
    """Steps a generator in threads, always in one context: kida keeps what it knows of a rendering in context variables."""

    def __init__(self, chunks: Generator[str]) -> None:
        self._chunks = chunks
        self._context = contextvars.copy_context()
        self._token = trio.lowlevel.current_trio_token()
        self._waiting: deque[bytes] = deque()
        self._arrived = ParkingSpot()  # where take() waits for something to come
        self._space = ParkingSpot()  # where run() waits for it to be taken
        self.error: Exception | None = None  # what rendering raised
        self._complete = False
        self._lock = threading.Lock()  # for the next two, which decide who closes the generator
        self._in_thread = False
        self._stopped = False

    async def run(self) -> None:
        """Render to the end, or to the first error, never further ahead than a batch."""
        while not self._complete:
            try:
                await trio.to_thread.run_sync(self._render_batch, abandon_on_cancel=True, limiter=handler_threads())
            except BaseException as raised:
                self.error = failure_of(raised)  # here, and not in the thread, to which trio says nothing
                self._complete = True
            self._arrived.wake()
            while self._waiting:
                await self._space.park()

    async def take(self) -> bytes:
        """All that has been rendered and not been taken yet; waits for it. `b""` at the end, or after an error."""
        while not self._waiting:
            if self._complete:
                return b""
            await self._arrived.park()
        batch = bytearray()
        while self._waiting:
            batch += self._waiting.popleft()
        self._space.wake()
        return bytes(batch)

    def stop(self) -> None:
        """Render no further. A thread that is waiting for something of its own stops when that has come."""
        with self._lock:
            self._stopped = True
            idle = not self._in_thread
        if idle:
            self._context.run(self._chunks.close)

    def _render_batch(self) -> None:
        with self._lock:
            if self._stopped:
                return
            self._in_thread = True
        try:
            self._context.run(self._step)
        finally:
            with self._lock:
                self._in_thread = False
                stopped = self._stopped
            if stopped:
                self._context.run(self._chunks.close)

    def _step(self) -> None:
        size = 0
        try:
            for chunk in self._chunks:
                if self._stopped:
                    return
                if chunk:
                    encoded = chunk.encode()
                    size += len(encoded)
                    self._waiting.append(encoded)
                    self._token.run_sync_soon(self._arrived.wake, idempotent=True)
                    if size >= _BATCH:
                        return
        except trio.RunFinishedError:
            return  # nobody is left to render for
        self._complete = True


async def _cancel_when_gone(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel("the client left")


def _epilogue(scope: Scope, error: Exception | None) -> bytes:
    if error is None:
        return b""
    # The status has been sent. On HTTP/2 a body that nobody ends stays open for ever, so this one ends, and says why.
    note_habit(error)
    reference = new_reference()
    logger.error("page %s: rendering failed half-way (reference %s)", scope["path"], reference, exc_info=error)
    listener = error_listener(scope)
    if listener is not None:
        listener("rendering failed half-way", error)
    return f"\n<!-- This page is incomplete: an error, reference {reference} -->\n".encode()
