"""A real server under httpx: ours, in the test's own trio run, on a free port, over real sockets.

Each request has a connection of its own, so that leaving a response closes the connection. Each request carries a header by
which the server's side is matched with the client's; the app does not see it.
"""

import math
import secrets
import socket
from dataclasses import replace
from types import NoneType
from typing import override

import h11
import httpx
import trio
import trio.testing

from ..arguments import check_type
from ..asgi import ASGIApp, Message, Receive, Scope, Send
from ..errors import ConfigurationError, LifespanError, sole
from ..server import ServerConfig, serve
from .exchange import Answer, AppError, Exchange
from .hosting import AppTransport

# Real seconds that an app may take to end a request whose client has left.
_END_TIMEOUT = 10.0

_MARK = b"x-chirp-trio-test"

# Bytes that the system holds for a client that does not read; few, so that the server soon notices a stalled client.
_RECEIVE_BUFFER = 64 * 1024


class LiveTransport(AppTransport):
    """Requests to a running server.

    Args:
        app: The ASGI app.
        config: The server's settings, except for its address: it listens on a free port of this machine.
        root_path: ASGI's `root_path`.
        raise_stream_errors: Whether errors that a stream reports to its client are raised in the test as well.
    """

    def __init__(self, app: ASGIApp, *, config: ServerConfig | None, root_path: str, raise_stream_errors: bool) -> None:
        check_type("config", config, (ServerConfig, NoneType), "a ServerConfig, or None")
        super().__init__(app, root_path=root_path, raise_stream_errors=raise_stream_errors, end_timeout=_END_TIMEOUT)
        settings = config if config is not None else ServerConfig()
        if settings.certfile is not None:
            raise ConfigurationError(
                "config has a certfile; the server of a TestClient has no TLS: leave certfile and keyfile out"
            )
        self._config = replace(settings, host="127.0.0.1", port=0, bind=())
        self._port = 0
        self._marked: dict[bytes, _Exchange] = {}
        self._is_over = trio.Event()
        self._lifespan_error: Exception | None = None

    @override
    async def _start(self, nursery: trio.Nursery) -> None:
        clock = trio.lowlevel.current_clock()
        if isinstance(clock, trio.testing.MockClock) and clock.autojump_threshold < math.inf:
            raise RuntimeError(
                "TestClient.live() is for the real clock, and this test's clock jumps ahead while sockets are at work: "
                "leave out the fixture autojump_clock, or use TestClient(app)"
            )
        [self.url] = await nursery.start(self._serve)
        self._port = httpx.URL(self.url).port or 0

    @override
    async def _stop(self) -> None:
        self.shutdown.set()
        await self._is_over.wait()

    async def _serve(self, task_status: trio.TaskStatus[list[str]]) -> None:
        try:
            await serve(self._answer, self._config, shutdown=self.shutdown, task_status=task_status)
        except LifespanError as error:
            raise self._lifespan_error or AppError(str(error)) from error
        finally:
            self._is_over.set()

    @override
    def _make_exchange(self, nursery: trio.Nursery, name: str) -> Exchange:
        mark = secrets.token_hex(8).encode()
        self._marked[mark] = _Exchange(name, nursery, self._port, mark)
        return self._marked[mark]

    # -- the app, as the server sees it ---------------------------------------------------------------------------------

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._run_lifespan(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer_request(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _run_lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._tasks.adopt("the app's lifespan")
        says_nothing = False  # of its failure; an app that has said nothing at all does not support lifespans

        async def noting(message: Message) -> None:
            nonlocal says_nothing
            says_nothing = not message["type"].endswith(".failed")
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:
            if says_nothing:
                self._lifespan_error = sole(error)
            raise

    async def _answer_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = f"{scope['method']} {scope['path']}"
        mark = next((value for header, value in scope["headers"] if header == _MARK), b"")
        answer = self._marked.pop(mark, None) or Answer(name)
        self._tasks.adopt(name)
        scope["headers"] = [header for header in scope["headers"] if header[0] != _MARK]
        scope["root_path"] = self._root_path or scope["root_path"]
        scope["extensions"].update(self._extensions(answer))
        try:
            await answer.run(self._app, scope, receive, send)
        finally:
            if not isinstance(answer, Exchange):  # a request of another client, such as a browser
                self._visits.append(answer)


class _Exchange(Exchange):
    """One request and its response, over a connection of its own.

    It reads from the socket only when a task of the test waits for bytes, so a slow client is slow to the system as well.
    """

    def __init__(self, name: str, nursery: trio.Nursery, port: int, mark: bytes) -> None:
        super().__init__(name, nursery, _END_TIMEOUT)
        self._port = port
        self._mark = mark
        self._http = h11.Connection(h11.CLIENT)
        self._stream: trio.SocketStream | None = None
        self._is_whole = False

    @property
    @override
    def is_whole(self) -> bool:
        return self._is_whole

    @override
    async def open(self, request: httpx.Request) -> None:
        try:
            await self._connect()
            head = h11.Request(
                method=request.method, target=request.url.raw_path, headers=[*request.headers.raw, (_MARK, self._mark)]
            )
            await self._send(head)
            self._start_upload(request)
            event = await self._next_event()
            while isinstance(event, h11.InformationalResponse):
                event = await self._next_event()
        except OSError as error:
            raise httpx.ConnectError(f"{self}: the server cannot be reached: {error}") from error
        finally:
            if not self.is_entered:  # the server has answered it without the app
                self.ended.set()
        # Where the app has raised before its response began, the server has made one up.
        if isinstance(event, h11.Response) and (self.has_begun or not self.is_entered):
            self.status, self.headers = event.status_code, list(event.headers.raw_items())

    async def _connect(self) -> None:
        connection = trio.socket.socket()
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            await connection.connect(("127.0.0.1", self._port))
        except BaseException:
            connection.close()
            raise
        self._stream = trio.SocketStream(connection)

    @override
    async def receive(self) -> bytes:
        while not self.is_left and not self._is_whole:
            event = await self._next_event()
            if isinstance(event, h11.Data) and event.data:
                return bytes(event.data)
            if isinstance(event, h11.EndOfMessage):
                self._is_whole = True
            elif event is None:
                await self.ended.wait()
                break
        return b""

    @override
    def disconnect(self) -> None:
        super().disconnect()
        if self._stream is not None:
            self._stream.socket.close()

    @override
    async def _send_piece(self, piece: bytes) -> None:
        await self._send(h11.Data(piece))

    @override
    async def _end_body(self) -> None:
        await self._send(h11.EndOfMessage())

    async def _send(self, event: h11.Event) -> None:
        assert self._stream is not None
        await self._stream.send_all(self._http.send(event) or b"")

    async def _next_event(self) -> h11.Event | None:
        """The next event of the response; None if there will be none."""
        assert self._stream is not None
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._http.receive_data(await self._stream.receive_some())
        except h11.RemoteProtocolError, trio.BrokenResourceError, trio.ClosedResourceError:
            return None
        return event if isinstance(event, h11.Event) and not isinstance(event, h11.ConnectionClosed) else None
