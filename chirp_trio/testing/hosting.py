"""Running an app for a test, in memory or on a server: its start, its requests, its end, and the check of what is left."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Any, Self, override

import httpx
import trio

from ..arguments import check_type
from ..asgi import ASGIApp
from ..errors import sole
from .deadline import AppStillRunning, last_deadline
from .exchange import Answer, AppError, Body, Exchange, read_timeout
from .runtime import require_trio_test
from .tasks import AppTasks


class LeftBehind(AssertionError):
    """A test left its client while a response was open, or an error of the app had not been raised in it.

    Example:
        >>> from chirp_trio.testing import TestClient
        >>> async def test_it(app):
        ...     async with TestClient(app) as client:  # raises it when the block is left, if the stream is still open
        ...         async with client.stream_sse("/events") as stream:
        ...             await stream.next_event()
    """


class AppTransport(httpx.AsyncBaseTransport):
    """An httpx transport that runs the app to which it sends requests.

    Entering it starts the app; leaving it disconnects every client, stops the app, and raises what the test has overlooked.

    Args:
        app: The ASGI app.
        root_path: ASGI's `root_path`: the path that the app is mounted at.
        raise_stream_errors: Whether to raise errors that the app only logs and tells its client of.
        end_timeout: Seconds that the app may take to end a request whose client has left, and to end itself.
    """

    def __init__(self, app: ASGIApp, *, root_path: str, raise_stream_errors: bool, end_timeout: float) -> None:
        if not callable(app):
            raise TypeError(f"app is {app!r:.200}; it must be an ASGI application")
        check_type("root_path", root_path, str, "text")
        check_type("raise_stream_errors", raise_stream_errors, bool, "True or False")
        self.shutdown = trio.Event()  # setting it tells the app that its server is about to stop
        self.url: str | None = None  # that of a real server
        self._app = app
        self._root_path = root_path
        self._raise_stream_errors = raise_stream_errors
        self._end_timeout = end_timeout
        self._nursery: trio.Nursery | None = None
        self._stack = AsyncExitStack()
        self._exchanges: list[Exchange] = []  # those that go on, or have errors that were not raised yet
        self._visits: list[Answer] = []  # requests of other clients, for their errors
        self._tasks = AppTasks()
        self._unfinished: list[str] = []  # what had not ended in time

    # -- for subclasses -------------------------------------------------------------------------------------------------

    @abstractmethod
    async def _start(self, nursery: trio.Nursery) -> None:
        """Start the app in the nursery, and wait until it has started."""

    @abstractmethod
    async def _stop(self) -> None:
        """Stop the app, and wait until it has stopped."""

    @abstractmethod
    def _make_exchange(self, nursery: trio.Nursery, name: str) -> Exchange:
        """The exchange for a request with this name."""

    def _extensions(self, answer: Answer) -> dict[str, Any]:
        """The extension in a request's scope to which the library reports errors that it does not raise."""
        return {"chirp_trio.errors": answer.report if self._raise_stream_errors else answer.note}

    # -- for the client -------------------------------------------------------------------------------------------------

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._nursery is None:
            raise RuntimeError("the TestClient is not open: use `async with TestClient(app) as client:`")
        exchange = self._make_exchange(self._nursery, f"{request.method} {request.url.path}")
        self._exchanges = [*(former for former in self._exchanges if not former.is_settled), exchange]
        timeout = request.extensions.get("timeout", {}).get("read")
        try:
            with read_timeout(exchange.name, timeout):
                await exchange.open(request)
            if exchange.upload_error is not None:
                raise exchange.upload_error
            if not exchange.status or exchange.is_left:  # the end of the client disconnects all exchanges
                exchange.raise_errors()
                raise AppError(f"{exchange}: no response")
        except BaseException:
            exchange.is_closed = True
            exchange.disconnect()
            raise
        body = Body(exchange, timeout)
        # For SSEStream: httpx wraps the body in a generator, which ends for good when a read is cancelled.
        extensions = {"chirp_trio.exchange": exchange}
        return httpx.Response(exchange.status, headers=exchange.headers, stream=body, extensions=extensions)

    # -- start and end --------------------------------------------------------------------------------------------------

    @override
    async def __aenter__(self) -> Self:
        """Start the app.

        Raises:
            WrongRuntimeError: Under asyncio.
        """
        require_trio_test("a TestClient")
        try:
            await self._stack.enter_async_context(self._running())
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    @override
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        left_open = [f"{exchange}: its response was left open" for exchange in self._exchanges if not exchange.is_closed]
        # What the test raised is not raised in our nursery, which would wrap it in a group.
        await self._stack.aclose()
        overlooked = [answer for answer in (*self._exchanges, *self._visits) if answer.cause is not None]
        lines = [*self._unfinished, *left_open, *(line for answer in overlooked for line in answer.errors())]
        if lines and exc_value is not None:
            exc_value.add_note("\n".join(["When the TestClient was closed:", *lines]))
        elif lines:
            failure: type[AssertionError] = AppStillRunning if self._unfinished else LeftBehind
            raise failure("\n".join(lines)) from next((answer.cause for answer in overlooked), None)

    @asynccontextmanager
    async def _running(self) -> AsyncGenerator[None]:
        trio.lowlevel.add_instrument(self._tasks)
        ending = AsyncExitStack()
        try:
            async with trio.open_nursery() as nursery:
                await self._start(nursery)
                self._nursery = nursery
                try:
                    yield
                finally:
                    self._nursery = None
                    await ending.enter_async_context(last_deadline(3 * self._end_timeout, self._still_alive))
                    await self._end()
                    nursery.cancel_scope.cancel("the test client was closed")
            self._unfinished += self._tasks.alive()
        except ExceptionGroup as group:
            raise sole(group) from None
        finally:
            await ending.aclose()
            trio.lowlevel.remove_instrument(self._tasks)

    def _still_alive(self) -> str:
        return "\n".join([*self._unfinished, *self._tasks.alive()])

    async def _end(self) -> None:
        """Disconnect every client, and stop the app."""
        for exchange in self._exchanges:
            exchange.disconnect()
        with trio.move_on_after(self._end_timeout, shield=True):
            for exchange in self._exchanges:
                await exchange.ended.wait()
        if still := ", ".join(str(exchange) for exchange in self._exchanges if not exchange.ended.is_set()):
            self._unfinished.append(f"still running {self._end_timeout:g} s after their clients had left: {still}")
        with trio.move_on_after(self._end_timeout, shield=True) as stopping:
            await self._stop()
        if stopping.cancelled_caught:
            self._unfinished.append(f"the app's lifespan still runs {self._end_timeout:g} s after it was told to end")


def start_soon(transport: AppTransport, function: Callable[..., Awaitable[None]], *arguments: Any) -> None:
    """Start a task that ends when the client is closed, at the latest."""
    assert transport._nursery is not None
    transport._nursery.start_soon(function, *arguments)
