"""Serving: an app on hypercorn's trio worker until somebody says stop."""

import inspect
import os
import signal
import sys
from collections.abc import Awaitable
from typing import cast

import trio
from hypercorn.typing import ASGIFramework
from hypercorn.utils import wrap_app

from ..asgi import ASGIApp, Message, Receive, Scope, Send, require_trio
from ..errors import LifespanError, sole
from .access_log import AccessLog
from .config import ServerConfig
from .forwarded import ForwardedClient
from .worker import Worker

# Seconds that the app's lifespan has for its end, once the last connection is closed.
_LIFESPAN_TIMEOUT = 10.0


async def serve(
    app: ASGIApp,
    config: ServerConfig | None = None,
    *,
    shutdown: trio.Event | None = None,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve an ASGI app on hypercorn's trio worker, in the caller's trio run.

    Event streams end at once when the server is to stop: each ends its source and its body, whatever its client does.

    Args:
        app: The app: an `App`, or any other ASGI application that runs on trio.
        config: The settings; default: `ServerConfig()`.
        shutdown: Setting this event stops the server; default: it is stopped by cancelling the caller.
        task_status: For `nursery.start()`: told the URLs that the server listens on, once it does.

    Raises:
        OSError: The address cannot be listened on.
        LifespanError: The app's lifespan failed, at the start (then `task_status` was told nothing) or later.

    Example:
        >>> async def main():
        ...     async with trio.open_nursery() as nursery:
        ...         urls = await nursery.start(serve, app, ServerConfig(port=0))
        ...         print("serving on", *urls)
    """
    require_trio()
    settings = config if config is not None else ServerConfig()
    stop = trio.Event()  # ours: the caller's event is the caller's to set
    served = _Served(app, stop, task_status, settings.root_path)
    worker = Worker(wrap_app(cast(ASGIFramework, _with_middleware(served, settings)), 0, "asgi"), settings)
    over = trio.Event()
    # Whoever cancels this call cancels neither the app's lifespan nor its streams, which could not end in order then: it
    # lets them stop. The shield has a deadline from that moment on.
    drain = trio.CancelScope(shield=True)

    async def work() -> None:
        try:
            with drain:
                await worker.run(stop, served)
        finally:
            over.set()

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work)
            if shutdown is not None:
                nursery.start_soon(_set_after, shutdown, stop)
            try:
                await over.wait()
            finally:
                stop.set()
                patience = settings.graceful_timeout + _LIFESPAN_TIMEOUT if served.is_up else 0
                drain.deadline = trio.current_time() + patience
            nursery.cancel_scope.cancel("the server has stopped")
    except ExceptionGroup as group:
        raise served.failure or sole(group) from None


async def _set_after(first: trio.Event, second: trio.Event) -> None:
    await first.wait()
    second.set()


def _with_middleware(app: ASGIApp, settings: ServerConfig) -> ASGIApp:
    """The app with the middleware that the settings ask for."""
    if settings.access_log:
        app = AccessLog(app)
    if settings.trusted_proxies:
        app = ForwardedClient(app, settings.trusted_proxies)  # around the log, which names the client too
    return app


class _Served(trio.TaskStatus[list[str]]):
    """The app as hypercorn sees it, and hypercorn's start as the caller sees it.

    hypercorn reports its start although the app's own has failed, and lets the failure out in groups of groups.
    """

    def __init__(self, app: ASGIApp, shutdown: trio.Event, task_status: trio.TaskStatus[list[str]], root_path: str) -> None:
        self._app = app
        self._root_path = root_path
        self._signal = ShutdownSignal(shutdown)
        self._task_status = task_status
        self.failure: LifespanError | None = None
        self.is_up = False

    # Marked, not async: an idle stream keeps the frame of every async function on its way.
    @inspect.markcoroutinefunction
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        scope.setdefault("extensions", {})["chirp_trio.shutdown"] = self._signal
        if scope["type"] != "lifespan":
            return self._app(scope, receive, send)
        scope["root_path"] = self._root_path  # beyond ASGI: what is published before the first request may need it
        return self._app(scope, receive, self._watch(send))

    def _watch(self, send: Send) -> Send:
        async def watched(message: Message) -> None:
            if message["type"].endswith(".failed"):
                self.failure = LifespanError(f"the app's lifespan failed: {message.get('message') or 'it does not say why'}")
            await send(message)

        return watched

    def started(self, value: list[str] | None = None) -> None:
        if self.failure is None:
            self.is_up = True
            self._task_status.started(value or [])


class ShutdownSignal:
    """What apps are told of the shutdown: something to wait for. It stays one, where middleware copies a request's scope."""

    def __init__(self, event: trio.Event) -> None:
        self.wait = event.wait

    def __deepcopy__(self, memo: object) -> ShutdownSignal:
        return self


def run(app: ASGIApp, config: ServerConfig | None = None, *, name: str = "app") -> None:
    """Serve an app until SIGINT or SIGTERM; a second one ends the process at once. Says where, once it is up.

    Args:
        app: The app.
        config: The settings; default: `ServerConfig()`.
        name: What to call the app in the line that says where it is.

    Raises:
        OSError: The address cannot be listened on.
        LifespanError: The app's lifespan failed.
    """
    try:
        trio.run(_serve_until_signal, app, config, name)
    except ExceptionGroup as group:
        raise sole(group) from None


async def _serve_until_signal(app: ASGIApp, config: ServerConfig | None, name: str) -> None:
    shutdown = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(_set_on_signal, shutdown)
        await serve(app, config, shutdown=shutdown, task_status=_Announcement(name))
        nursery.cancel_scope.cancel("the server has stopped")


async def _set_on_signal(shutdown: trio.Event, *, task_status: trio.TaskStatus[None]) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for number in signals:
            if shutdown.is_set():
                os._exit(128 + number)  # asked twice: whoever waits for something will not get it
            shutdown.set()


class _Announcement(trio.TaskStatus[list[str]]):
    """Prints where the server listens, in the moment that it does."""

    def __init__(self, name: str) -> None:
        self._name = name

    def started(self, value: list[str] | None = None) -> None:
        print(f"chirp_trio: serving {self._name} on {', '.join(value or ())} (Ctrl-C stops it)", file=sys.stderr, flush=True)
