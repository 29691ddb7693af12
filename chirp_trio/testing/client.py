"""`TestClient`: an app, its requests and its event streams, in memory and on the test's clock."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import trio

from ..asgi import ASGIApp
from .sse import SSEResult, SSEStream, SSETimeout
from .transport import ASGITransport


class TestClient(httpx.AsyncClient):
    """An `httpx.AsyncClient` that talks to an ASGI app in memory, and reads its event streams.

    `async with` starts the app's lifespan; leaving the block disconnects every client, stops the app, and leaves no task
    behind. Everything runs on the test's clock, so with pytest-trio's `autojump_clock` an hour of heartbeats takes
    milliseconds. An error that the app does not turn into a response is raised in the test.

    Args:
        app: The app: an `App`, or any other ASGI application that runs on trio.
        client: The address and port that requests seem to come from.
        root_path: ASGI's root_path.
        base_url: What relative URLs are relative to; default `"http://testserver"`.
        **options: Whatever else `httpx.AsyncClient` takes: `headers`, `cookies`, `auth`, `follow_redirects`, ...

    Example:
        >>> from chirp_trio import App
        >>> app = App()
        >>> @app.route("/")
        ... def index():
        ...     return "hello"
        >>> async def test_index():
        ...     async with TestClient(app) as client:
        ...         response = await client.get("/")
        ...         assert response.text == "hello"
        >>> trio.run(test_index)
    """

    __test__ = False  # pytest shall not collect it

    def __init__(
        self,
        app: ASGIApp,
        *,
        client: tuple[str, int] = ("127.0.0.1", 50000),
        root_path: str = "",
        base_url: str = "http://testserver",
        **options: Any,
    ) -> None:
        self._asgi = ASGITransport(app, client=client, root_path=root_path)
        # The clock of a test jumps, so a timeout of httpx's would be hit by any stream that is quiet for a while.
        super().__init__(transport=self._asgi, base_url=base_url, **{"timeout": None, **options})

    async def fragment(
        self, path: str, *, method: str = "GET", target: str | None = None, trigger: str | None = None, **options: Any
    ) -> httpx.Response:
        """A request as htmx makes it.

        Args:
            path: Where to.
            method: The HTTP method; default GET.
            target: The id of the element to be swapped.
            trigger: The id of the element that made the request.
            **options: Whatever else `httpx.AsyncClient.request` takes.
        """
        htmx = {"HX-Request": "true", "HX-Target": target, "HX-Trigger": trigger}
        headers = {name: value for name, value in htmx.items() if value is not None} | dict(
            options.pop("headers", None) or {}
        )
        return await self.request(method, path, headers=headers, **options)

    async def sse(
        self,
        path: str,
        *,
        max_events: int | None = None,
        disconnect_after: float | None = None,
        timeout: float = 60.0,
        last_event_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
    ) -> SSEResult:
        """Read an event stream until it ends, or enough of it has come; then leave.

        Args:
            path: Where to.
            max_events: Leave after this many events; default: stay.
            disconnect_after: Leave after this many seconds on the test's clock; default: stay.
            timeout: Seconds on the test's clock for all of it, if `disconnect_after` says nothing else; default 60.
            last_event_id: The id that a reconnecting client has; default: a fresh client.
            headers: Further request headers.
            method: The HTTP method; default GET.

        Raises:
            SSETimeout: The events that were asked for did not come, and the stream did not end; the message says what
                did come.
            Exception: What the app raised.
        """
        began = trio.current_time()
        ended = "completed"
        text = ""
        async with self.stream_sse(path, last_event_id=last_event_id, headers=headers, method=method) as stream:
            with trio.move_on_after(timeout if disconnect_after is None else disconnect_after) as patience:
                if not stream.is_event_stream:
                    ended, text = "refused", await stream.text()
                elif max_events == 0:
                    ended = "max_events"
                else:
                    taken = 0
                    async for _ in stream:
                        taken += 1  # more may have arrived with it
                        if taken == max_events:
                            ended = "max_events"
                            break
            if patience.cancelled_caught:
                if disconnect_after is None:
                    wanted = "an end" if max_events is None else f"{max_events} events"
                    raise SSETimeout(f"{path}: {wanted} did not come within {timeout:g} s. {stream.describe()}")
                ended = "disconnected"
        return SSEResult(
            status=stream.status,
            headers=stream.headers,
            events=tuple(stream.events[:max_events]),
            comments=tuple(stream.comments),
            ended=ended,
            duration=trio.current_time() - began,
            text=text,
        )

    @asynccontextmanager
    async def stream_sse(
        self,
        path: str,
        *,
        last_event_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
    ) -> AsyncGenerator[SSEStream]:
        """Open an event stream, to read it step by step. Leaving the block disconnects, and waits for the app to notice.

        Args:
            path: Where to.
            last_event_id: The id that a reconnecting client has; default: a fresh client.
            headers: Further request headers.
            method: The HTTP method; default GET.
        """
        sent = httpx.Headers({"Accept": "text/event-stream", "Cache-Control": "no-store"})
        sent.update(headers)
        if last_event_id:  # as UTF-8, and not at all where it is empty, as the standard wants (WHATWG HTML, 9.2.3)
            sent.update({b"Last-Event-ID": last_event_id.encode()})
        request = self.build_request(method, path, headers=sent)
        response = await self.send(request, stream=True)
        stream = SSEStream(response)
        try:
            yield stream
        finally:
            await stream.disconnect()

    def drain(self) -> None:
        """Tell the app that its server is about to stop, as a real one does when it gets a SIGTERM."""
        self._asgi.shutdown.set()
