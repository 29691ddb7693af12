"""An ASGI server in memory, under httpx: it streams from the first byte, and behaves as hypercorn does.

As there, a task in `send()` cannot be cancelled while the client does not read, what is sent to a client that has left is
dropped in silence, and only `receive()` tells of it.
"""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Self, override

import httpx
import trio

from ..asgi import ASGIApp, Message, Scope
from ..errors import sole
from .clock import clock_held_for_threads

# What a kernel does about a peer that takes nothing: it gives up after this many seconds (Linux: tcp_retries2).
_KERNEL_TIMEOUT = 924.0

# How long an app may take, once its client has left, before a test is told that it does not end.
_END_TIMEOUT = 60.0


class AppStillRunning(AssertionError):
    """The app did not end a request after its client had left, or did not end at all."""


class ASGITransport(httpx.AsyncBaseTransport):
    """Requests to an ASGI app, in the caller's trio run.

    Entering it starts the app (its lifespan), leaving it disconnects every client, stops the app, and leaves no task.
    httpx's client does both.

    Args:
        app: The ASGI app.
        client: The address and port that requests seem to come from.
        root_path: ASGI's root_path: what the app is mounted at.
    """

    def __init__(self, app: ASGIApp, *, client: tuple[str, int] = ("127.0.0.1", 50000), root_path: str = "") -> None:
        self._app = app
        self._client = client
        self._root_path = root_path
        self._nursery: trio.Nursery | None = None
        self._stack = AsyncExitStack()
        self._state: dict[str, Any] = {}
        self._exchanges: set[Exchange] = set()
        self.shutdown = trio.Event()  # setting it tells the app that its server is about to stop

    @override
    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._running())
        return self

    @override
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        # What the test raised goes its own way, and not into our nursery, which would wrap it in a group.
        await self._stack.aclose()

    @asynccontextmanager
    async def _running(self) -> AsyncGenerator[None]:
        with clock_held_for_threads():
            try:
                async with trio.open_nursery() as self._nursery:
                    lifespan = _Lifespan(self._app, self._state, self.shutdown)
                    await self._nursery.start(lifespan.run)
                    try:
                        yield
                    finally:
                        for exchange in tuple(self._exchanges):
                            exchange.disconnect()
                        with trio.move_on_after(_END_TIMEOUT, shield=True):
                            for exchange in tuple(self._exchanges):
                                await exchange.ended.wait()
                            await lifespan.stop()
                        still = ", ".join(str(exchange) for exchange in self._exchanges)
                        self._nursery.cancel_scope.cancel("the test client was closed")
                    if still:
                        raise AppStillRunning(f"still running {_END_TIMEOUT:g} s after their clients had left: {still}")
            except ExceptionGroup as group:
                raise sole(group) from None

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._nursery is None:
            raise RuntimeError("the TestClient is not open: use `async with TestClient(app) as client:`")
        exchange = Exchange(self._app, self._scope(request), await request.aread())
        self._exchanges.add(exchange)
        self._nursery.start_soon(self._run, exchange)
        try:
            await exchange.started.wait()
        except BaseException:
            exchange.disconnect()
            raise
        if exchange.status == 0:
            raise exchange.error if exchange.error is not None else AppError(f"{exchange}: no response")
        body = Body(exchange)
        # httpx wraps the stream in a generator, which has to be closed by hand when it is left early.
        extensions = {"chirp_trio.body": body}
        return httpx.Response(exchange.status, headers=exchange.headers, stream=body, extensions=extensions)

    async def _run(self, exchange: Exchange) -> None:
        try:
            await exchange.run()
        finally:
            self._exchanges.discard(exchange)

    def _scope(self, request: httpx.Request) -> Scope:
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
            "extensions": {"chirp_trio.shutdown": self.shutdown},
        }


class Exchange:
    """One request and its response, seen from the server."""

    def __init__(self, app: ASGIApp, scope: Scope, body: bytes) -> None:
        self._app = app
        self._scope = scope
        self._unread: list[bytes] = [body]
        self._to_client, self.from_app = trio.open_memory_channel[bytes](0)
        self._gone = trio.Event()  # the client has left, or has all that it came for
        self.complete = False  # the body has had its end
        self.left = False  # the client did not want to read it that far
        self.started = trio.Event()  # status and headers are known, or there is an error instead
        self.ended = trio.Event()
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.error: Exception | None = None

    def __str__(self) -> str:
        return f"{self._scope['method']} {self._scope['path']}"

    def disconnect(self) -> None:
        """Be a client that closes its connection. Never blocks."""
        self.left = True
        self._gone.set()
        self.from_app.close()

    async def run(self) -> None:
        """Let the app answer."""
        try:
            await self._app(self._scope, self._receive, self._send)
            # As with a server: no response is an error, half a response is cut off, which whoever reads it hears of.
            if not self.started.is_set() and not self._gone.is_set():
                self.error = AppError(f"{self}: the app returned without a response")
        except Exception as error:
            self.error = sole(error)
        finally:
            self._gone.set()
            self._to_client.close()
            self.started.set()
            self.ended.set()

    async def _receive(self) -> Message:
        if self._unread:
            await trio.lowlevel.checkpoint()
            return {"type": "http.request", "body": self._unread.pop(), "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        await trio.lowlevel.checkpoint()
        if self.complete:
            raise AppError(f"{self}: {message['type']} after the end of the response")
        if message["type"] == "http.response.start":
            if self.started.is_set():
                raise AppError(f"{self}: http.response.start for the second time")
            self.status = message["status"]
            self.headers = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
            self.started.set()
            return
        if not self.started.is_set():
            raise AppError(f"{self}: {message['type']} before http.response.start")
        body = bytes(message.get("body", b""))
        if body and self._scope["method"] != "HEAD" and not self._gone.is_set():
            with trio.move_on_after(_KERNEL_TIMEOUT, shield=True) as waiting:
                # Broken: the client left. Closed: the handler did, and with it the connection.
                with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                    await self._to_client.send(body)
            if waiting.cancelled_caught:
                self.disconnect()
        if not message.get("more_body", False):
            self.complete = True
            self._gone.set()
            self._to_client.close()


class AppError(AssertionError):
    """The app broke the ASGI protocol."""


class Body(httpx.AsyncByteStream):
    """A response's body, as it comes. Not reading it is being a slow client."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    @override
    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self.exchange.from_app.receive()
        except trio.EndOfChannel, trio.ClosedResourceError:
            if not self.exchange.complete and not self.exchange.left:
                await self.exchange.ended.wait()
                self._raise_error()
                raise AppError(f"{self.exchange}: the app returned before its response was complete") from None
            raise StopAsyncIteration from None

    @override
    async def aclose(self) -> None:
        """Leave, and wait until the app has noticed and ended."""
        self.exchange.disconnect()
        with trio.move_on_after(_END_TIMEOUT, shield=True):
            await self.exchange.ended.wait()
        if not self.exchange.ended.is_set():
            raise AppStillRunning(f"{self.exchange}: the app still runs {_END_TIMEOUT:g} s after its client has left")
        self._raise_error()

    def _raise_error(self) -> None:
        error, self.exchange.error = self.exchange.error, None
        if error is not None:
            raise error


class _Lifespan:
    """ASGI's lifespan protocol, the server's side. Apps that do not know it are left alone."""

    def __init__(self, app: ASGIApp, state: dict[str, Any], shutdown: trio.Event) -> None:
        self._app = app
        self._state = state
        self._shutdown = shutdown
        self._stop = trio.Event()
        self._over = trio.Event()

    async def run(self, task_status: trio.TaskStatus[None]) -> None:
        messages = [{"type": "lifespan.startup"}]
        supported = started = False

        async def receive() -> Message:
            if messages:
                return messages.pop()
            await self._stop.wait()
            return {"type": "lifespan.shutdown"}

        async def send(message: Message) -> None:
            nonlocal supported, started
            supported = True
            if message["type"] == "lifespan.startup.complete":
                started = True
                task_status.started()
            elif message["type"].endswith(".failed"):
                raise AppError(f"the app's lifespan failed: {message.get('message', '')}")

        scope: Scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self._state,
            "extensions": {"chirp_trio.shutdown": self._shutdown},
        }
        try:
            await self._app(scope, receive, send)
        except Exception:
            if supported:
                raise
        finally:
            self._over.set()
        if not started:
            task_status.started()

    async def stop(self) -> None:
        """Let the app shut down, and wait until it has."""
        self._stop.set()
        await self._over.wait()
