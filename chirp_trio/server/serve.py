"""Serving: an app until somebody says stop."""

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

    Event streams end at once when the server is to stop: each ends its source and its body, whatever its client does.

    Args:
        app: The app: an `App`, or any other ASGI application that runs on trio.
        config: The settings; default: `ServerConfig()`.
        shutdown: Setting this event stops the server; default: it is stopped by cancelling the caller.
        task_status: For `nursery.start()`: told the URLs that the server listens on, once it does.

    Raises:
        TypeError: An argument is something else.
        ConfigurationError: This system is Windows, where the server does not run.
        OSError: The address cannot be listened on, or the certificate cannot be used.
        LifespanError: The app's lifespan failed, at the start (then `task_status` was told nothing), or later, or took longer
            than it may.

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
    """Raise `ConfigurationError` on Windows: nobody has run the server there, and it uses what only POSIX promises."""
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
    """What opens the sockets that the settings name."""
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
    """See `serve()`. Whoever has read the certificate can read it anew; what opens the sockets may have them already."""
    stop = trio.Event()  # ours: the caller's event is the caller's to set
    draining = trio.Event()
    status = _Status(task_status)
    worker = Worker(_with_middleware(_Stoppable(app, stop, draining), settings), settings, stop, certificate, opening)
    over = trio.Event()
    # Whoever cancels this call cancels neither the app's lifespan nor its streams, which could not end in order then: it
    # lets them stop. The shield has a deadline from that moment on.
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
    """The caller's, and whether it has been told already that the server is up."""

    def __init__(self, task_status: trio.TaskStatus[list[str]]) -> None:
        self._task_status = task_status
        self.is_up = False

    def started(self, value: list[str] | None = None) -> None:
        self.is_up = True
        self._task_status.started(value or [])


class _Stoppable:
    """An app that can wait for the server to stop, by the extension `chirp_trio.shutdown` of its scopes."""

    def __init__(self, app: ASGIApp, stop: trio.Event, draining: trio.Event) -> None:
        self._app = app
        self._signal = ShutdownSignal(stop, draining)

    # Marked, not async: an idle stream keeps the frame of every async function on its way.
    @inspect.markcoroutinefunction
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        scope.setdefault("extensions", {})["chirp_trio.shutdown"] = self._signal
        return self._app(scope, receive, send)


class ShutdownSignal:
    """What apps are told of the shutdown: something to wait for. It stays one, where middleware copies a request's scope.

    Args:
        event: Set when the server stops.
        draining: Set when it has been told to, and still takes requests; default: never before it stops.
    """

    def __init__(self, event: trio.Event, draining: trio.Event | None = None) -> None:
        self.wait = event.wait
        self.is_draining = (draining if draining is not None else event).is_set

    def __deepcopy__(self, memo: object) -> ShutdownSignal:
        return self
