"""`SSEStream`: an open event stream in a test."""

import math
import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Self, cast

import httpx
import trio

from ..wire import SSEEvent, is_event_stream
from .exchange import Exchange
from .hosting import AppTransport, start_soon
from .received import Received, UnreadableEncoding
from .result import SSERefused, SSETimeout

# Seconds that a test waits for what may never come.
PATIENCE = 60.0

# A stream is read ahead of the test by no more than this; an endless source would fill the memory.
_READ_AHEAD = 10_000
_READ_AHEAD_BYTES = 4 * 1024 * 1024

# The parts of a page of HTML that a message leaves out.
_MARKUP = re.compile(r"<(style|script)\b.*?</\1>|<[^>]*>", re.DOTALL)

# Asks for the stream, with the last event id, or `""` for none.
type Connect = Callable[[str], Awaitable[httpx.Response]]


class SSEStream(Received):
    """An open event stream. As a browser does, it reads all that comes, until it is stalled or disconnected.

    `TestClient.stream_sse()` makes it. `async with` asks for the stream; leaving the block disconnects, waits until the app
    has ended the stream, and raises what went wrong in it. Iterate over it, or call `next_event()`.

    Attributes:
        status: The HTTP status.
        headers: The response's headers.
        events: The events so far, also those that the test has not taken yet.
        event_times: When each event came: seconds after the first request, on the test's clock.
        comments: The comments so far, heartbeats among them.
        heartbeat_times: When each heartbeat came, as with events.
        retry: The reconnection time that the server asked for last, in milliseconds, or None.
        wire: The body as it has come over this connection, compressed if it is.

    Example:
        >>> from chirp_trio import App, EventStream
        >>> app = App()
        >>> @app.route("/numbers")
        ... def numbers():
        ...     async def source():
        ...         yield 1
        ...         yield 2
        ...     return EventStream(source)
        >>> from chirp_trio.testing import TestClient
        >>> async def main():
        ...     async with TestClient(app) as client, client.stream_sse("/numbers") as stream:
        ...         return await stream.next_event()
        >>> trio.run(main).data
        '1'
    """

    def __init__(
        self, server: AppTransport, connect: Connect, name: str, *, last_event_id: str | None, stop_at: float = math.inf
    ) -> None:
        super().__init__(last_event_id)
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self._server = server
        self._connect = connect
        self._name = name
        self._stop_at = stop_at  # events; no more are read
        self._response: httpx.Response | None = None
        self._untaken: deque[SSEEvent[str]] = deque()
        self._untaken_bytes = 0
        self._is_stalled = False
        self._is_over = False  # nothing more comes over this connection
        self._left = False
        self._failure: Exception | None = None  # what came was no event stream
        self._changed = trio.Event()  # an event came, or was taken, or reading goes on
        self._reader = trio.CancelScope()
        self._receiving = trio.CancelScope()

    # -- one connection -------------------------------------------------------------------------------------------------

    async def connect(self, timeout: float = PATIENCE) -> None:
        """Ask for the stream. `async with` does this.

        Args:
            timeout: Seconds to wait for the response, on the test's clock; default 60.

        Raises:
            SSETimeout: No response came in time.
        """
        self._begin()
        with trio.move_on_after(timeout) as waiting:
            self._response = await self._connect(self.last_event_id)
        if waiting.cancelled_caught:
            raise SSETimeout(f"{self._name}: no response came within {timeout:g} s")
        assert self._response is not None
        self.status, self.headers = self._response.status_code, self._response.headers
        self._is_stalled = self._left = False
        self._is_over = not self.is_event_stream
        if not self._is_over:
            self._reader = trio.CancelScope()
            start_soon(self._server, self._read, self._reader)

    async def disconnect(self) -> None:
        """Close the connection, as a browser does, and wait until the app has ended the stream.

        Raises:
            AppError: The app reported an error while it answered.
            Exception: What the app raised.
        """
        self._stop_reading()
        if self._response is not None:
            await self._response.aclose()

    async def reconnect(self, *, honour_retry: bool = False) -> None:
        """Disconnect, and connect again with the id of the last event, as a browser does. What has come so far is kept.

        Args:
            honour_retry: Whether to wait in between for as long as the server has asked with `retry`; default False.

        Raises:
            SSETimeout: No response came within a minute.
            Exception: As `disconnect()`.
        """
        await self.disconnect()
        if honour_retry and self.retry is not None:
            await trio.sleep(self.retry / 1000)
        await self.connect()

    def stall(self) -> None:
        """Stop reading, like a client whose network has stalled. Nothing comes until `resume()`."""
        self._is_stalled = True
        self._receiving.cancel("the client has stalled")

    def resume(self) -> None:
        """Go on reading."""
        self._is_stalled = False
        self._notify()

    def drain(self) -> None:
        """Tell the app that its server is about to stop; see `TestClient.drain`."""
        self._server.shutdown.set()

    async def __aenter__(self) -> Self:
        if self._response is None:
            await self.connect()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exc_value is None:
            await self.disconnect()
        else:  # the test has failed already; the TestClient adds the errors of the app as a note
            self._stop_reading()
            if self._response is not None:
                await self._exchange.leave()

    # -- what has come --------------------------------------------------------------------------------------------------

    @property
    def is_event_stream(self) -> bool:
        """Whether the response is an event stream to a browser: its status is 200, and its content type is right."""
        return self.status == 200 and is_event_stream(self.headers.get("content-type", ""))

    @property
    def ended(self) -> str | None:
        """How the stream ended, as in `SSEResult`, or `"cut off"` if its end did not come; None while it is open."""
        if self._left:
            return "disconnected"
        if not self._is_over:
            return None
        if not self.is_event_stream:
            return "refused"
        return "completed" if self._exchange.is_whole else "cut off"

    async def next_event(self, *, timeout: float = PATIENCE) -> SSEEvent[str]:
        """The next event.

        Args:
            timeout: Seconds to wait for it, on the test's clock; default 60.

        Raises:
            SSETimeout: No event came in time.
            SSERefused: The response is no event stream, or is compressed in a way that cannot be read.
            StopAsyncIteration: The stream has ended.
            AppError: The stream ended before it was complete.
            Exception: What the app raised.
        """
        await trio.lowlevel.checkpoint_if_cancelled()  # an event that is there already costs no turn of the scheduler
        with trio.move_on_after(timeout):
            while not self._untaken and not self._is_over:
                await self._changed.wait()
        if self._untaken:
            event = self._untaken.popleft()
            self._untaken_bytes -= len(event.data)
            self._notify()
            return event
        if not self._is_over:
            stalled = "; the client is stalled" if self._is_stalled else ""
            raise SSETimeout(f"{self._name}: no event came within {timeout:g} s{stalled}. {self.describe()}")
        if not self.is_event_stream:
            raise SSERefused(f"{self._name}: the response is no event stream, but {await self._summary()}")
        if self._failure is not None:
            raise self._failure
        self._exchange.check_end()
        raise StopAsyncIteration

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SSEEvent[str]:
        return await self.next_event()

    async def text(self) -> str:
        """The rest of a body that is no event stream."""
        assert self._response is not None
        return (await self._response.aread()).decode("utf-8", "replace")

    async def _summary(self) -> str:
        text = ""
        with trio.move_on_after(PATIENCE):
            text = " ".join(_MARKUP.sub(" ", await self.text()).split())
        return f"{self.status}, {self.headers.get('content-type', 'without a content-type')}: {text[:200]}"

    # -- the reader's task ----------------------------------------------------------------------------------------------

    async def _read(self, scope: trio.CancelScope) -> None:
        with scope:
            try:
                while piece := await self._next_piece():
                    self._untaken += (events := self._take_in(piece, self.headers))
                    self._untaken_bytes += sum(len(event.data) for event in events)
                    self._notify()
            except UnreadableEncoding as error:
                self._failure = SSERefused(f"{self._name}: the event stream cannot be read, {error}")
            except Exception as error:  # what came is no event stream, whatever the headers say
                self._failure = error
            self._is_over = True
            self._notify()

    async def _next_piece(self) -> bytes:
        """The next piece; while the client is stalled, or the test is far behind, none comes."""
        while True:
            while self._is_stalled or self._is_full():
                await self._changed.wait()
            with trio.CancelScope() as self._receiving:
                piece = await self._exchange.receive()
            if not self._receiving.cancelled_caught:
                break
        while self._is_stalled:  # `stall()` was called when the piece came
            await self._changed.wait()
        return piece

    def _is_full(self) -> bool:
        is_behind = len(self._untaken) >= _READ_AHEAD or self._untaken_bytes >= _READ_AHEAD_BYTES
        return is_behind or len(self.events) >= self._stop_at

    def _stop_reading(self) -> None:
        if not self._is_over:
            self._left = self._is_over = True
        self._reader.cancel("the client has left")
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    @property
    def _exchange(self) -> Exchange:
        assert self._response is not None
        return cast(Exchange, self._response.extensions["chirp_trio.exchange"])
