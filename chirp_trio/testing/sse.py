"""Event streams in tests: one that is open, and what came of one that is over."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import httpx
import trio

from ..wire import Comment, Decoder, SSEEvent, is_event_stream
from .transport import Body

HEARTBEAT = "heartbeat"
_SHOWN = 400  # characters of what came that an error message holds


@dataclass(frozen=True, slots=True)
class SSEResult:
    """What came of an event stream that is over.

    Attributes:
        status: The HTTP status.
        headers: The response's headers.
        events: The events, in order. `event.data` is text, as it arrived.
        comments: The comments, heartbeats among them, in order.
        ended: `"max_events"`, when as many had come as were asked for; `"disconnected"`, after `disconnect_after`;
            `"completed"`, by the app; `"refused"`, when the response was no event stream.
        duration: Seconds from the request to the end, on the test's clock.
        text: The body, if the response was no event stream; else `""`.
    """

    status: int
    headers: Mapping[str, str]
    events: tuple[SSEEvent, ...]
    comments: tuple[str, ...]
    ended: str
    duration: float
    text: str = ""

    @property
    def heartbeats(self) -> int:
        """How many heartbeats came."""
        return self.comments.count(HEARTBEAT)


class SSETimeout(AssertionError):
    """What a test waited for did not come in time; the message says what did."""


class SSEStream:
    """An event stream that is open. From `TestClient.stream_sse()`; iterate it, or ask for one event after another.

    Attributes:
        status: The HTTP status.
        headers: The response's headers.
        events: The events so far.
        comments: The comments so far.
        last_event_id: The id that a reconnecting client would send.
        retry: The reconnection time that the server asked for, in milliseconds, or None.
    """

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.events: list[SSEEvent] = []
        self.comments: list[str] = []
        self._response = response
        self._chunks: Body = response.extensions["chirp_trio.body"]
        self._decoder = Decoder(last_event_id=response.request.headers.get("last-event-id"))
        self._arrived: deque[SSEEvent] = deque()
        self._at_end = False

    @property
    def is_event_stream(self) -> bool:
        """Whether a browser would take the response for an event stream."""
        return self.status == 200 and is_event_stream(self.headers.get("content-type", ""))

    @property
    def ended(self) -> str | None:
        """How it ended, None while it is open: as in `SSEResult`."""
        if not self.is_event_stream:
            return "refused"
        if self._at_end:
            return "completed"
        return "disconnected" if self._chunks.exchange.ended.is_set() else None

    @property
    def last_event_id(self) -> str:
        return self._decoder.last_event_id

    @property
    def retry(self) -> int | None:
        return self._decoder.retry

    async def next_event(self, *, timeout: float = 60.0) -> SSEEvent:
        """The next event.

        Args:
            timeout: Seconds to wait for it, on the test's clock; default 60.

        Raises:
            SSETimeout: None came in time.
            StopAsyncIteration: The stream has ended.
        """
        with trio.move_on_after(timeout):
            return await self.__anext__()
        raise SSETimeout(f"no event came within {timeout:g} s. {self.describe()}")

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SSEEvent:
        while not self._arrived:
            try:
                chunk = await self._chunks.__anext__()
            except StopAsyncIteration:
                self._at_end = True
                raise
            for item in self._decoder.feed(chunk):
                if isinstance(item, Comment):
                    self.comments.append(item.text)
                else:
                    self.events.append(item)
                    self._arrived.append(item)
        return self._arrived.popleft()

    async def text(self) -> str:
        """The rest of a body that is no event stream."""
        return b"".join([chunk async for chunk in self._chunks]).decode("utf-8", "replace")

    async def disconnect(self) -> None:
        """Leave, as a browser that is closed, and wait until the app has ended the stream."""
        await self._response.aclose()

    def describe(self) -> str:
        """What has come so far, short enough for a message."""
        heartbeats = self.comments.count(HEARTBEAT)
        came = repr(self.events)
        if len(came) > _SHOWN:
            came = came[:_SHOWN] + "…"
        return f"So far: {len(self.events)} events and {heartbeats} heartbeats: {came}"
