"""The result of an event stream that is over, and the errors of a test that waits in vain."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..wire import SSEEvent


@dataclass(frozen=True, slots=True)
class SSEResult:
    """All that came of an event stream that is over.

    Attributes:
        status: The HTTP status.
        headers: The response's headers.
        events: The events, in order. `event.data` is text, as it arrived.
        event_times: When each event came: seconds after the request, on the test's clock.
        comments: The comments, heartbeats among them, in order.
        heartbeat_times: When each heartbeat came, as with events.
        ended: Why it is over: `"max_events"`, when so many had come; `"disconnected"`, after `disconnect_after`;
            `"completed"`, when the app ended it; `"refused"`, when the response was no event stream.
        duration: Seconds from the request to the end, on the test's clock.
        text: The body, if the response was no event stream; else `""`.
        wire: The body of an event stream as it came, compressed if it was.

    Example:
        >>> import trio
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
        ...     async with TestClient(app) as client:
        ...         return await client.sse("/numbers")
        >>> result = trio.run(main)
        >>> result.ended, [event.data for event in result.events]
        ('completed', ['1', '2'])
    """

    status: int
    headers: Mapping[str, str]
    events: tuple[SSEEvent[str], ...]
    event_times: tuple[float, ...]
    comments: tuple[str, ...]
    heartbeat_times: tuple[float, ...]
    ended: str
    duration: float
    text: str = ""
    wire: bytes = b""

    @property
    def heartbeats(self) -> int:
        """How many heartbeats came."""
        return len(self.heartbeat_times)


class SSETimeout(AssertionError):
    """An event, or the end of a stream, did not come in time; the message says what did come, and when.

    Example:
        >>> import trio
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
        ...     async with TestClient(app) as client:
        ...         await client.sse("/numbers", max_events=3, timeout=1)
    """


class SSERefused(AssertionError):
    """A test asked for an event, and the response is no event stream that it can read; the message says what it is.

    Example:
        >>> import trio
        >>> from chirp_trio import App
        >>> app = App()
        >>> @app.route("/numbers")
        ... def numbers():
        ...     return "no stream"
        >>> from chirp_trio.testing import TestClient
        >>> async def main():
        ...     async with TestClient(app) as client, client.stream_sse("/numbers") as stream:
        ...         await stream.next_event()
        >>> trio.run(main)
        Traceback (most recent call last):
        ...
        chirp_trio.testing.result.SSERefused: ...
    """
