"""`serve`: serve an app in a trio run until it is cancelled or told to stop."""

import inspect
import os
from collections.abc import Awaitable
from types import NoneType

import trio

from ..arguments import check_type
from ..asgi import ASGIApp, Receive, Scope, Send, require_trio
from ..errors import ConfigurationError, sole
from .access_log import AccessLog
from .config import ServerConfig
from .forwarded import ForwardedClient
from .listeners import Listeners, open_listeners
from .tls import Certificate
from .worker import Worker


async def serve(
    app: ASGIApp,
    config: ServerConfig | None = None,
    *,
    shutdown: trio.Event | None = None,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve an ASGI app in the caller's trio run.

    Event streams end at once when the server stops: each ends its source and its body, whatever its client does.

    Args:
        app: The app: an `App`, or any other ASGI application that runs on trio.
        config: The settings; default: `ServerConfig()`.
        shutdown: Setting this event stops the server; default: it is stopped by cancelling the caller.
        task_status: For `nursery.start()`, which returns the URLs once the server listens.

    Raises:
        TypeError: An argument has the wrong type.
        WrongRuntimeError: Under asyncio.
        ConfigurationError: This system is Windows, where the server does not run.
        OSError: The address cannot be listened on, or the certificate cannot be used.
        LifespanError: The app's lifespan failed at the start, before `task_status` was told anything, or later; or it took
            longer than it may.

    Example:
        >>> async def main():
        ...     async with trio.open_nursery() as nursery:
        ...         urls = await nursery.start(serve, app, ServerConfig(port=0))
        ...         print("serving on", *urls)
    """
    require_trio()
    require_supported_system()
    check_type("config", config, (ServerConfig, NoneType), "a ServerConfig, or None")
    check_type("shutdown", shutdown, (trio.Event, NoneType), "a trio.Event, or None")
    if not callable(app):
        raise TypeError(f"app is {app!r:.200}; it must be an ASGI application")
    settings = config if config is not None else ServerConfig()
    opening = listeners_of(settings)
    await serve_with(app, settings, read_certificate(settings), opening, shutdown=shutdown, task_status=task_status)


def require_supported_system() -> None:
    """Raise `ConfigurationError` on Windows, where the server was never tested: it relies on guarantees of POSIX."""
    if os.name == "nt":
        raise ConfigurationError(
            "the server of chirp_trio runs on Linux and macOS, and this is Windows: run it in WSL, the Windows Subsystem for "
            "Linux"
        )


def read_certificate(settings: ServerConfig) -> Certificate | None:
    """The certificate that the settings name; None without TLS."""
    if settings.certfile is None or settings.keyfile is None:
        return None
    return Certificate(settings.certfile, settings.keyfile, ["h2", "http/1.1"] if settings.http2 else ["http/1.1"])


def listeners_of(settings: ServerConfig) -> Listeners:
    """The context manager that opens the sockets which the settings name."""
    return open_listeners(
        settings.addresses,
        scheme="http" if settings.certfile is None else "https",
        reuse_port=settings.reuse_port,
        timeout=settings.write_timeout,
    )


async def serve_with(
    app: ASGIApp,
    settings: ServerConfig,
    certificate: Certificate | None,
    opening: Listeners,
    *,
    shutdown: trio.Event | None,
    task_status: trio.TaskStatus[list[str]],
) -> None:
    """See `serve()`. The caller keeps the certificate, to read it anew; `opening` may have open sockets already."""
    stop = trio.Event()  # separate from the caller's event, which only the caller sets
    draining = trio.Event()
    status = _Status(task_status)
    worker = Worker(_with_middleware(_Stoppable(app, stop, draining), settings), settings, stop, certificate, opening)
    over = trio.Event()
    # A cancellation of this call reaches neither the app's lifespan nor its streams, which could not end in order then:
    # it lets them stop. From that moment on, the shield has a deadline.
    drain = trio.CancelScope(shield=True)

    async def work() -> None:
        try:
            with drain:
                await worker.run({"root_path": settings.root_path}, status)
        finally:
            over.set()

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work)
            if shutdown is not None:
                nursery.start_soon(_stop_after, shutdown, draining, settings.drain_delay, stop)
            try:
                await over.wait()
            finally:
                stop.set()
                patience = settings.graceful_timeout + settings.shutdown_timeout if status.is_up else 0
                drain.deadline = trio.current_time() + patience
            nursery.cancel_scope.cancel("the server has stopped")
    except ExceptionGroup as group:
        raise sole(group) from None


async def _stop_after(shutdown: trio.Event, draining: trio.Event, delay: float, stop: trio.Event) -> None:
    await shutdown.wait()
    draining.set()
    await trio.sleep(delay)
    stop.set()


def _with_middleware(app: ASGIApp, settings: ServerConfig) -> ASGIApp:
    """The app with the middleware that the settings ask for."""
    if settings.access_log:
        app = AccessLog(app)
    if settings.trusted_proxies:
        app = ForwardedClient(app, settings.trusted_proxies)  # around the log, which names the client too
    return app


class _Status(trio.TaskStatus[list[str]]):
    """The caller's task status, and whether it was told already that the server is up."""

    def __init__(self, task_status: trio.TaskStatus[list[str]]) -> None:
        self._task_status = task_status
        self.is_up = False

    def started(self, value: list[str] | None = None) -> None:
        self.is_up = True
        self._task_status.started(value or [])


class _Stoppable:
    """An app whose scopes have the extension `chirp_trio.shutdown`, by which it can wait for the server to stop."""

    def __init__(self, app: ASGIApp, stop: trio.Event, draining: trio.Event) -> None:
        self._app = app
        self._signal = ShutdownSignal(stop, draining)

    # Marked, not async: an idle stream keeps the frame of every async function on its way.
    @inspect.markcoroutinefunction
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        scope.setdefault("extensions", {})["chirp_trio.shutdown"] = self._signal
        return self._app(scope, receive, send)


class ShutdownSignal:
    """The extension `chirp_trio.shutdown`, by which apps wait for the shutdown. A copy of a scope has the same object.

    Args:
        event: Set when the server stops.
        draining: Set when the server was told to stop, and still takes requests; default: `event`.
    """

    def __init__(self, event: trio.Event, draining: trio.Event | None = None) -> None:
        self.wait = event.wait
        self.is_draining = (draining if draining is not None else event).is_set

    def __deepcopy__(self, memo: object) -> ShutdownSignal:
        return self
