"""The lifespan of streams in apps that are not an `App`: it gives them a nursery, limits, hooks and `streams`."""

import inspect
from collections.abc import AsyncGenerator, Awaitable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any

import trio

from ..asgi import WRONG_RUNTIME, ASGIApp, Message, Receive, Scope, Send, require_trio
from .host import open_stream_host
from .limits import Limits
from .placement import STATE_KEY, Placement, find_placement, placed, placement_of
from .registry import Hook, LiveStreams, StreamRegistry, check_hook


class StreamLifespan:
    """The lifespan of the streams of an app that is not an `App`. Made by `stream_lifespan()`.

    It can be used as a lifespan function, as an async context manager, or as a wrapper around an app that accepts neither.
    While it runs, the app's streams live in its nursery. Its limits apply whether it runs or not.

    Attributes:
        streams: The event streams that are open: a `LiveStreams`.

    Example:
        >>> from starlette.applications import Starlette
        >>> lifespan = stream_lifespan(limits=Limits(max_streams=1000))
        >>> app = Starlette(lifespan=lifespan)
        >>> len(lifespan.streams)
        0
    """

    def __init__(self, app: object, limits: Limits) -> None:
        self._app = app
        self._registry = StreamRegistry(limits)
        self._entered: AbstractAsyncContextManager[dict[str, Any]] | None = None
        self.streams = LiveStreams(self._registry)

    def on_open[Function: Hook](self, hook: Function) -> Function:
        """Call the decorated function whenever an event stream begins; see `App.on_open`.

        Raises:
            TypeError: It is not callable.
            ConfigurationError: It is async.
        """
        self._registry.on_open.append(check_hook("on_open", hook))
        return hook

    def on_close[Function: Hook](self, hook: Function) -> Function:
        """Call the decorated function whenever an event stream is over; see `App.on_close`.

        Raises:
            TypeError: It is not callable.
            ConfigurationError: It is async.
        """
        self._registry.on_close.append(check_hook("on_close", hook))
        return hook

    def __call__(self, app: object = None) -> AbstractAsyncContextManager[dict[str, Any]]:
        """Be a lifespan function: what is returned is entered before the first request, and left after the last one.

        Args:
            app: The app, as frameworks give it to their lifespan functions; default: none in particular.
        """
        return self._open(app, Placement())

    async def __aenter__(self) -> dict[str, Any]:
        """Open it.

        Raises:
            RuntimeError: It is open already.
            WrongRuntimeError: Under asyncio.
        """
        if self._entered is not None:
            raise RuntimeError(
                "this stream_lifespan is open already; calling it gives one more, as in `async with lifespan():`"
            )
        entered = self(self._app)
        state = await entered.__aenter__()
        self._entered = entered
        return state

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        """End all of its streams, and close it."""
        assert self._entered is not None
        entered, self._entered = self._entered, None
        return await entered.__aexit__(exc_type, exc_value, traceback)

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """The app, with this lifespan around its own: for frameworks whose lifespan functions give requests no state.

        An app that has no lifespan gets one by this.

        Args:
            app: Any ASGI app.

        Example:
            >>> async def app(scope, receive, send):
            ...     await EventStream(source)(scope, receive, send)
            >>> app = stream_lifespan().wrap(app)
        """
        return _Wrapped(self, app)

    @asynccontextmanager
    async def _open(self, app: object, around: Placement) -> AsyncGenerator[dict[str, Any]]:
        require_trio()
        async with open_stream_host(self._registry.limits.max_write_delay) as host:
            with placed(app, Placement(host, around.registries).within(self._registry)) as placement:
                yield {STATE_KEY: placement}


def stream_lifespan(app: object = None, *, limits: Limits | None = None) -> StreamLifespan:
    """A lifespan for apps that are not an `App`: Starlette, FastAPI, Litestar, Quart-Trio and others, on trio.

    It gives the streams of such an app their nursery. Without it an `EventStream` works, but nothing can free it from a
    client that stops reading. It is given to the framework as it is, as in `lifespan=stream_lifespan`; or it is called for a
    lifespan with limits, of which the streams can be watched and ended.

    Args:
        app: The app, as frameworks give it to their lifespan functions; default: none in particular.
        limits: The bounds of the app's streams; default: `Limits()`, which has none.

    Returns:
        A `StreamLifespan`: a lifespan function, and an async context manager that yields the state that the server hands
        to every request, as ASGI's lifespan protocol describes it. Entering it under asyncio is a `WrongRuntimeError`.

    Raises:
        TypeError: `limits` is none, or was given by position.

    Example:
        >>> from starlette.applications import Starlette
        >>> app = Starlette(lifespan=stream_lifespan)
    """
    if isinstance(app, Limits):
        raise TypeError("stream_lifespan() takes its limits by name, as in stream_lifespan(limits=Limits(max_streams=1000))")
    if limits is not None and not isinstance(limits, Limits):
        raise TypeError(f"limits is {limits!r}; it must be a Limits, as in stream_lifespan(limits=Limits(max_streams=1000))")
    return StreamLifespan(app, limits if limits is not None else Limits())


class _Wrapped:
    """An ASGI app with a `StreamLifespan` around its own."""

    def __init__(self, lifespan: StreamLifespan, app: ASGIApp) -> None:
        self._lifespan = lifespan
        self._app = app

    # Marked as a coroutine function instead of being async, which would cost an idle stream the memory of a frame.
    @inspect.markcoroutinefunction
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Be an ASGI application."""
        if scope["type"] == "lifespan":
            return self._run(scope, receive, send)
        # Not from the state alone: of a server without it, of a lifespan inside that says nothing of this one, of another
        # app that this one is mounted in.
        own = placement_of(self._app).around(Placement(registries=(self._lifespan._registry,)))
        placement = find_placement(scope).around(own)
        state = scope.get("state") or {}
        if state.get(STATE_KEY) != placement:
            scope["state"] = {**state, STATE_KEY: placement}
        return self._app(scope, receive, send)

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not trio.lowlevel.in_trio_task():
            await receive()  # lifespan.startup
            await send({"type": "lifespan.startup.failed", "message": WRONG_RUNTIME})
            return
        async with self._lifespan._open(self._app, find_placement(scope)) as state:
            scope.setdefault("state", {}).update(state)
            await _run_lifespan(self._app, scope, receive, send)


async def _run_lifespan(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Let the app answer the server's lifespan messages, or answer them for an app that does not know them."""
    heard = answered = False

    async def hear() -> Message:
        nonlocal heard
        heard = True
        return await receive()

    async def answer(message: Message) -> None:
        nonlocal answered
        answered = True
        await send(message)

    try:
        await app(scope, hear, answer)
    except Exception:
        if answered:
            raise
    if answered:
        return
    if not heard:
        await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
