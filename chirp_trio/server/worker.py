"""The worker: runs the app's lifespan, accepts connections while it lasts, and stops in order."""

import functools
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import trio

from ..asgi import ASGIApp, Scope
from .accepting import Acceptor, Room
from .arrivals import Arrival, Arrivals
from .config import ServerConfig
from .connection import Connection
from .garbage import CalmCollector, calm_garbage_collector
from .lifespan import Lifespan
from .listeners import BACKLOG, Listeners, listen
from .tls import Certificate
from .turns import Turns
from .watch import PER_TURN, Watch


class Worker:
    """One run of a server.

    Args:
        app: The app.
        settings: The server's settings.
        stop: The event that ends the run; the worker sets it itself if the app's lifespan fails.
        certificate: The certificate for TLS; None means clear text.
        opening: Opens the sockets to listen on, and closes them.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: ServerConfig,
        stop: trio.Event,
        certificate: Certificate | None,
        opening: Listeners,
    ) -> None:
        self._app = app
        self._settings = settings
        self._stop = stop
        self._certificate = certificate
        self._opening = opening
        self._state: dict[str, Any] = {}
        self._connections: set[Connection] = set()
        self._open = Room(settings)
        self._endings = Turns(PER_TURN)

    async def run(self, scope: Scope, task_status: trio.TaskStatus[list[str]]) -> None:
        """Serve until the event is set; return when the last connection is closed and the app's lifespan is over.

        Args:
            scope: Further members of the lifespan's scope.
            task_status: Told the URLs, once the server listens.

        Raises:
            OSError: An address cannot be listened on.
            LifespanError: The app's lifespan failed.
        """
        settings = self._settings
        lifespan = Lifespan(self._app, self._state, scope, self._stop)
        with ExitStack() as until_stop:
            listeners, urls = until_stop.enter_context(self._opening)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(lifespan.run)
                if await self._has_started(lifespan):
                    try:
                        with calm_garbage_collector() as collector:
                            await self._serve(listeners, urls, collector, task_status, until_stop.close)
                    finally:
                        await lifespan.stop(settings.shutdown_timeout)
                nursery.cancel_scope.cancel("the lifespan is over")

    async def _has_started(self, lifespan: Lifespan) -> bool:
        """Start the app; return False if the server was told to stop before that was done."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._cancel_on_stop, nursery.cancel_scope)
            await lifespan.start(self._settings.startup_timeout)
            nursery.cancel_scope.cancel("the app has started")
            return True
        return False

    async def _cancel_on_stop(self, scope: trio.CancelScope) -> None:
        await self._stop.wait()
        scope.cancel("the server is to stop")

    async def _serve(
        self,
        listeners: list[socket.socket],
        urls: list[str],
        collector: CalmCollector,
        task_status: trio.TaskStatus[list[str]],
        close: Callable[[], None],
    ) -> None:
        settings = self._settings
        with Watch() as watch:
            async with trio.open_nursery() as patience:
                patience.start_soon(watch.run)
                async with trio.open_nursery() as connections:
                    serve = functools.partial(self._serve_arrival, connections, collector)
                    with Arrivals(settings, serve, watch, self._endings) as arrivals:
                        acceptors = [
                            Acceptor(listening, self._certificate, self._open, arrivals.add) for listening in listeners
                        ]
                        listen(listeners)
                        async with trio.open_nursery() as nursery:
                            nursery.start_soon(arrivals.run)
                            for acceptor in acceptors:
                                nursery.start_soon(acceptor.run)
                            task_status.started(urls)
                            await self._stop.wait()
                            nursery.cancel_scope.cancel("the server is to stop")
                        for acceptor in acceptors:
                            with suppress(OSError):  # the process has no more files
                                acceptor.accept_waiting(BACKLOG)  # connections that wait there would be reset otherwise
                        close()
                        for connection in self._connections:
                            connection.stop()
                        patience.start_soon(self._ask_to_leave, settings.graceful_timeout / 2)
                        connections.cancel_scope.deadline = trio.current_time() + settings.graceful_timeout
                        await arrivals.finish()
                patience.cancel_scope.cancel("the last connection is closed")

    def _serve_arrival(self, connections: trio.Nursery, collector: CalmCollector, arrival: Arrival) -> None:
        over = self._connections.discard
        connection = Connection(self._app, self._settings, self._state, arrival, self._endings, over)
        self._connections.add(connection)
        collector.note_connection(len(self._connections))
        if self._stop.is_set():
            connection.stop()
        connections.start_soon(connection.run)

    async def _ask_to_leave(self, patience: float) -> None:
        """Ask responses that still go on to end, while there is time for it."""
        await trio.sleep(patience)
        for connection in self._connections:
            connection.ask_to_leave()
