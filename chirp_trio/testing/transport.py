"""An ASGI server in memory, under httpx: it streams from the first byte, and behaves as hypercorn does.

A task in `send()` cannot be cancelled while the client does not read. What is sent to a client that has left is dropped
silently; only `receive()` tells the app that it has left.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import NoneType
from typing import Any, override

import httpx
import trio

from ..arguments import check_type
from ..asgi import ASGIApp, Message, Scope
from ..server.serve import ShutdownSignal
from .clock import clock_held_for_threads
from .exchange import AppError, Exchange
from .hosting import AppTransport
from .lifespan import Lifespan

# Seconds after which a kernel gives up a peer that takes nothing (Linux: tcp_retries2).
_KERNEL_TIMEOUT = 924.0

# Seconds that an app may take to end, once its client has left, before the test fails.
_END_TIMEOUT = 60.0


class ASGITransport(AppTransport):
    """An httpx transport that sends requests to an ASGI app, in the caller's trio run.

    Entering it starts the app (its lifespan). Leaving it disconnects every client, stops the app, and leaves no task behind.
    httpx's client does both.

    Args:
        app: The ASGI app.
        client: The address and port that requests seem to come from; default: port 50000 of 127.0.0.1.
        root_path: ASGI's `root_path`: the path that the app is mounted at; default: none.
        raise_stream_errors: Whether errors that a stream reports to its client are raised in the test as well; default True.

    Attributes:
        shutdown: Setting this `trio.Event` tells the app that its server is about to stop.

    Example:
        >>> import httpx
        >>> from chirp_trio import App
        >>> app = App()
        >>> @app.route("/")
        ... def index():
        ...     return "hello"
        >>> async def main():
        ...     async with httpx.AsyncClient(transport=ASGITransport(app), base_url="http://testserver") as client:
        ...         return (await client.get("/")).text
        >>> trio.run(main)
        'hello'
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        client: tuple[str, int] = ("127.0.0.1", 50000),
        root_path: str = "",
        raise_stream_errors: bool = True,
    ) -> None:
        super().__init__(app, root_path=root_path, raise_stream_errors=raise_stream_errors, end_timeout=_END_TIMEOUT)
        check_type("client", client, (tuple, NoneType), "an address and a port")
        self._client = client
        self._state: dict[str, Any] = {}
        self._signal = ShutdownSignal(self.shutdown)  # as the app sees it
        self._lifespan = Lifespan(app, self._state, self._signal, root_path)

    @override
    async def _start(self, nursery: trio.Nursery) -> None:
        self._stack.enter_context(clock_held_for_threads())
        await nursery.start(self._lifespan.run, self._tasks)

    @override
    async def _stop(self) -> None:
        await self._lifespan.stop()

    @override
    def _make_exchange(self, nursery: trio.Nursery, name: str) -> Exchange:
        return _Exchange(name, nursery, self._answer)

    async def _answer(self, exchange: _Exchange, request: httpx.Request) -> None:
        self._tasks.adopt(exchange.name)
        with suppress(Exception):  # the exchange keeps the error, and raises it where the response is used
            await exchange.answer(self._app, self._scope(exchange, request))

    def _scope(self, exchange: Exchange, request: httpx.Request) -> Scope:
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.1"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.url.scheme,
            "path": request.url.path,
            "raw_path": request.url.raw_path.partition(b"?")[0],
            "query_string": request.url.query,
            "root_path": self._root_path,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "client": self._client,
            "server": (request.url.host, request.url.port),
            "state": self._state.copy(),
            "extensions": {"chirp_trio.shutdown": self._signal, **self._extensions(exchange)},
        }


class _Exchange(Exchange):
    """One request and its response, in memory."""

    def __init__(
        self, name: str, nursery: trio.Nursery, answer: Callable[[_Exchange, httpx.Request], Awaitable[None]]
    ) -> None:
        super().__init__(name, nursery, _END_TIMEOUT)
        self._answer = answer
        self._to_client, self._from_app = trio.open_memory_channel[bytes](0)
        self._started = trio.Event()  # status and headers are known, or will never be
        self._gone = trio.Event()  # the client has left, or has the whole response
        self._body: bytes | None = None  # the request's body, if it is one piece, until the app has read it
        # If the body is several pieces: their way to the app; None once the app has all of them.
        self._to_app: trio.MemorySendChannel[bytes] | None = None
        self._from_client: trio.MemoryReceiveChannel[bytes] | None = None

    @property
    @override
    def is_whole(self) -> bool:
        return self.is_complete

    # -- the client's side ----------------------------------------------------------------------------------------------

    @override
    async def open(self, request: httpx.Request) -> None:
        if isinstance(request.stream, httpx.ByteStream):
            self._body = await request.aread()
        else:
            self._to_app, self._from_client = trio.open_memory_channel[bytes](0)
            self._start_upload(request)
        self._nursery.start_soon(self._answer, self, request)
        await self._started.wait()

    @override
    async def receive(self) -> bytes:
        try:
            return await self._from_app.receive()
        except trio.EndOfChannel, trio.ClosedResourceError:
            if not self.is_whole and not self.is_left:
                await self.ended.wait()
            return b""

    @override
    def disconnect(self) -> None:
        super().disconnect()
        self._gone.set()
        self._from_app.close()
        if self._to_app is not None:
            self._to_app.close()

    @override
    async def _send_piece(self, piece: bytes) -> None:
        assert self._to_app is not None
        await self._to_app.send(piece)

    @override
    async def _end_body(self) -> None:
        assert self._to_app is not None
        self._to_app.close()

    # -- the app's side -------------------------------------------------------------------------------------------------

    async def answer(self, app: ASGIApp, scope: Scope) -> None:
        """Let the app answer; see `run()`."""
        self._is_head = scope["method"] == "HEAD"
        try:
            await self.run(app, scope, self._receive, self._send)
        finally:
            self._started.set()
            self._gone.set()
            self._to_client.close()
            if self._from_client is not None:
                self._from_client.close()

    async def _receive(self) -> Message:
        if self._body is not None:
            await trio.lowlevel.checkpoint()
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        if self._from_client is not None:
            try:
                return {"type": "http.request", "body": await self._from_client.receive(), "more_body": True}
            except trio.EndOfChannel:
                self._from_client = None
                if not self.is_left:
                    return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        await trio.lowlevel.checkpoint()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
            self._started.set()
            return
        if message["type"] != "http.response.body":
            raise AppError(f"{self}: {message['type']} is no message that this server knows")
        body = bytes(message.get("body", b""))
        if body and not self._is_head and not self._gone.is_set():
            with trio.move_on_after(_KERNEL_TIMEOUT, shield=True) as waiting:
                # Broken: the client left. Closed: the handler did, and with it the connection.
                with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                    await self._to_client.send(body)
            if waiting.cancelled_caught:
                self.disconnect()
        if not message.get("more_body", False):  # this message's own: the last one may wait for the client in another task
            self._gone.set()
            self._to_client.close()
