"""`TestClient`: an app, its requests and its event streams, in memory on the test's clock, or over real sockets."""

import math
from collections.abc import Mapping
from types import NoneType
from typing import Any, Self

import httpx
import trio

from ..arguments import check_count, check_seconds, check_type
from ..asgi import ASGIApp
from ..htmx import RequestType, stream_headers
from ..server import ServerConfig
from .hosting import AppTransport
from .live import LiveTransport
from .result import SSEResult, SSETimeout
from .sse import PATIENCE, SSEStream
from .transport import ASGITransport

_BASE_URL = "http://testserver"


class TestClient(httpx.AsyncClient):
    """An `httpx.AsyncClient` that talks to an ASGI app in memory, and reads its event streams.

    `async with` starts the app's lifespan; leaving the block disconnects every client, stops the app, and leaves no task
    behind. Everything runs on the test's clock, so with pytest-trio's `autojump_clock` an hour of heartbeats takes
    milliseconds. An error that the app does not turn into a response is raised in the test. Leaving the block raises what
    the test has overlooked: a response that is still open, a task that outlives the app, an error that no call has raised.

    Args:
        app: The app: an `App`, or any other ASGI application that runs on trio.
        client: The address and port that requests seem to come from; default: port 50000 of 127.0.0.1.
        root_path: ASGI's `root_path`: the path that the app is mounted at; default: none.
        base_url: The URL that relative URLs start from; default `"http://testserver"`.
        raise_stream_errors: Whether leaving a stream raises the errors that the app has only logged and told its client of,
            such as an error of a source after its first event; default True.
        **options: Other arguments of `httpx.AsyncClient`: `headers`, `cookies`, `auth`, `follow_redirects`, ...

    Raises:
        AppStillRunning: The app did not end, or left a task behind.
        LeftBehind: A response was left open, or an error of the app was overlooked.
        WrongRuntimeError: It is entered under asyncio, as by pytest-asyncio.

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
        base_url: str = _BASE_URL,
        raise_stream_errors: bool = True,
        **options: Any,
    ) -> None:
        server = ASGITransport(app, client=client, root_path=root_path, raise_stream_errors=raise_stream_errors)
        self._use(server, base_url, options)

    @classmethod
    def live(
        cls,
        app: ASGIApp,
        *,
        config: ServerConfig | None = None,
        root_path: str = "",
        base_url: str = _BASE_URL,
        raise_stream_errors: bool = True,
        **options: Any,
    ) -> Self:
        """A client of a real server, which is started on a free port of this machine, in the test's own trio run.

        Time and sockets are real, and so are the system's buffers. Everything else is as in memory, so the same test can run
        both ways: its URLs stay relative to `base_url`. The server's own address is `server_url`.

        Args:
            app: The app.
            config: The server's settings, except for its address; default: `ServerConfig()`.
            root_path: ASGI's `root_path`.
            base_url: The URL that relative URLs start from; default `"http://testserver"`.
            raise_stream_errors: As with `TestClient`.
            **options: Other arguments of `httpx.AsyncClient`. Requests are made with HTTP/1.1.

        Raises:
            ConfigurationError: `config` has a certificate.
            RuntimeError: When the client is entered: the test's clock is one that jumps.

        Example:
            >>> from chirp_trio import App
            >>> app = App()
            >>> @app.route("/")
            ... def index():
            ...     return "hello"
            >>> async def test_index():
            ...     async with TestClient.live(app) as client:
            ...         response = await client.get("/")
            ...         assert response.text == "hello"
            >>> trio.run(test_index)
        """
        self = cls.__new__(cls)
        server = LiveTransport(app, config=config, root_path=root_path, raise_stream_errors=raise_stream_errors)
        self._use(server, base_url, options)
        return self

    def _use(self, server: AppTransport, base_url: str, options: dict[str, Any]) -> None:
        check_type("base_url", base_url, (str, httpx.URL), "a URL")
        self._server = server
        # A test's clock jumps, so any quiet stream would run into a timeout of httpx's.
        super().__init__(transport=server, base_url=base_url, **{"timeout": None, **options})

    @property
    def server_url(self) -> str | None:
        """The URL of the server of a `TestClient.live()`, for clients of another kind, such as a browser; None in memory."""
        return self._server.url

    async def fragment(
        self, path: str, *, method: str = "GET", target: str | None = None, trigger: str | None = None, **options: Any
    ) -> httpx.Response:
        """Make a request as htmx does.

        Args:
            path: The path or URL.
            method: The HTTP method; default GET.
            target: The id of the element to be swapped; default: none.
            trigger: The id of the element that made the request; default: none.
            **options: Other arguments of `httpx.AsyncClient.request`.
        """
        check_type("path", path, (str, httpx.URL), "text")
        check_type("method", method, str, "text")
        for name, element in (("target", target), ("trigger", trigger)):
            check_type(name, element, (str, NoneType), "the id of an element, or None")
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
        timeout: float = PATIENCE,
        last_event_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        request_type: RequestType = "eventsource",
        **options: Any,
    ) -> SSEResult:
        """Read an event stream until it ends or enough of it has come; then disconnect.

        Args:
            path: The path or URL.
            max_events: The number of events after which to disconnect; default: no limit.
            disconnect_after: Seconds on the test's clock after which to disconnect; default: no limit.
            timeout: Seconds on the test's clock that all of this may take, unless `disconnect_after` is given; default 60.
            last_event_id: The id that a reconnecting client sends; default: a new client, which has none.
            headers: Further request headers; default: none.
            method: The HTTP method; default GET.
            request_type: The kind of client: `"eventsource"` (default), a browser's `EventSource`, which htmx 2 uses as
                well; or `"htmx4"`, the `fetch` of htmx 4.
            **options: Other arguments of `httpx.AsyncClient.stream`: `params`, `auth`, `follow_redirects`, ...

        Raises:
            SSETimeout: Within `timeout`, neither `max_events` came nor the end of the stream; the message says what did
                come, and when.
            AppError: The app reported an error to its client, or ended the stream before it was complete.
            Exception: What the app raised.
        """
        if max_events is not None:
            check_count("max_events", max_events, least=0, otherwise=", or None")
        if disconnect_after is not None:
            check_seconds("disconnect_after", disconnect_after, least=0, otherwise=", or None")
        check_type("timeout", timeout, (int, float), "a number of seconds")
        began = trio.current_time()
        patience = timeout if disconnect_after is None else disconnect_after
        asks = (last_event_id, headers, method, request_type, options)
        wanted = math.inf if max_events is None else max_events
        stream = self._make_stream(path, *asks, stop_at=wanted)
        await stream.connect(patience)
        async with stream:
            ended, text = "disconnected", ""
            with trio.move_on_after(began + patience - trio.current_time()) as waiting:
                if not stream.is_event_stream:
                    ended, text = "refused", await stream.text()
                else:
                    ended = await _read(stream, wanted)
            if waiting.cancelled_caught and disconnect_after is None:
                missing = "its end" if max_events is None else f"{max_events} events"
                raise SSETimeout(f"{method} {path}: {missing} did not come within {timeout:g} s. {stream.describe()}")
        return SSEResult(
            status=stream.status,
            headers=stream.headers,
            events=tuple(stream.events[:max_events]),
            event_times=tuple(stream.event_times[:max_events]),
            comments=tuple(stream.comments),
            heartbeat_times=tuple(stream.heartbeat_times),
            ended=ended,
            duration=trio.current_time() - began,
            text=text,
            wire=bytes(stream.wire),
        )

    def stream_sse(
        self,
        path: str,
        *,
        last_event_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        request_type: RequestType = "eventsource",
        **options: Any,
    ) -> SSEStream:
        """An event stream, for `async with`: a test can read it step by step, stall it, leave it and reconnect.

        Leaving the block disconnects, waits until the app has noticed, and raises what went wrong in the stream.

        Args:
            path: The path or URL.
            last_event_id: The id that a reconnecting client sends; default: a new client, which has none.
            headers: Further request headers; default: none.
            method: The HTTP method; default GET.
            request_type: The kind of client, as in `sse()`.
            **options: Other arguments of `httpx.AsyncClient.stream`.
        """
        return self._make_stream(path, last_event_id, headers, method, request_type, options)

    def _make_stream(
        self,
        path: str,
        last_event_id: str | None,
        headers: Mapping[str, str] | None,
        method: str,
        request_type: RequestType,
        options: Mapping[str, Any],
        *,
        stop_at: float = math.inf,
    ) -> SSEStream:
        check_type("path", path, (str, httpx.URL), "text")
        check_type("last_event_id", last_event_id, (str, NoneType), "text, or None")
        check_type("method", method, str, "text")
        check_type("headers", headers, (Mapping, NoneType), "a mapping, or None")
        check_type("request_type", request_type, str, "'eventsource' or 'htmx4'")
        sent = httpx.Headers(stream_headers(request_type, page=f"{str(self.base_url).rstrip('/')}/"))
        sent.update(headers)
        how = {name: options[name] for name in ("auth", "follow_redirects") if name in options}
        what = {name: value for name, value in options.items() if name not in how}

        async def connect(identifier: str) -> httpx.Response:
            # As bytes: browsers send it as UTF-8 (WHATWG HTML, 9.2.3).
            known = [(b"Last-Event-ID", identifier.encode())] if identifier else []
            request = self.build_request(method, path, headers=[*sent.raw, *known], timeout=None, **what)
            return await self.send(request, stream=True, **how)

        name = f"{method} {path}"
        return SSEStream(self._server, connect, name, last_event_id=last_event_id, stop_at=stop_at)

    def drain(self) -> None:
        """Tell the app that its server is about to stop, as a real server does when it gets a SIGTERM.

        A live server then stops, and accepts no further connection.
        """
        self._server.shutdown.set()


async def _read(stream: SSEStream, count: float) -> str:
    """Read so many events, or to the end of the stream; return which of the two it was, as `SSEResult.ended`."""
    taken = 0
    try:
        while taken < count:
            await stream.next_event(timeout=math.inf)
            taken += 1
    except StopAsyncIteration:
        return "completed"
    return "max_events"
