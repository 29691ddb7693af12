"""The worker: it runs the app's lifespan, accepts connections while that lasts, and stops in order.

hypercorn's own worker with three differences: its connections are ours (see `connection`), its listeners have the options
that find clients who have vanished, and being cancelled is a way to stop like any other.
"""

from functools import partial

import trio
from hypercorn.trio.lifespan import Lifespan
from hypercorn.typing import AppWrapper, ConnectionState, LifespanState

from .config import ServerConfig
from .connection import Connection, ConnectionContext
from .garbage import calm_garbage_collector
from .listeners import open_listeners


class Worker:
    """One run of a server.

    Args:
        app: The app, as hypercorn wraps it.
        settings: What the server has been told.
    """

    def __init__(self, app: AppWrapper, settings: ServerConfig) -> None:
        self._app = app
        self._settings = settings
        self._config = settings.for_hypercorn()
        self._context = ConnectionContext(settings.write_timeout)
        self._state: LifespanState = {}

    async def run(self, shutdown: trio.Event, task_status: trio.TaskStatus[list[str]]) -> None:
        """Serve until the event is set; return when the last connection is closed and the app's lifespan is over."""
        lifespan = Lifespan(self._app, self._config, self._state)
        async with trio.open_nursery() as nursery:
            await nursery.start(lifespan.handle_lifespan)
            # An app that has left it without a word has no lifespan. hypercorn would tell it all the same, and fail.
            if not lifespan.startup.is_set():
                await lifespan.wait_for_startup()
            with calm_garbage_collector():
                await self._serve(shutdown, task_status)
            if not lifespan.shutdown.is_set():
                await lifespan.wait_for_shutdown()
            nursery.cancel_scope.cancel("the lifespan is over")

    async def _serve(self, shutdown: trio.Event, task_status: trio.TaskStatus[list[str]]) -> None:
        async with trio.open_nursery() as connections:
            opening = open_listeners(
                self._config.bind,
                tls=self._config.create_ssl_context(),
                reuse_port=self._settings.reuse_port,
                timeout=self._settings.write_timeout,
            )
            with opening as (listeners, urls):
                async with trio.open_nursery() as nursery:
                    connect = partial(Connection, self._app, self._config, self._context, ConnectionState(self._state))
                    nursery.start_soon(partial(trio.serve_listeners, connect, listeners, handler_nursery=connections))
                    task_status.started(urls)
                    await shutdown.wait()
                    nursery.cancel_scope.cancel("the server is to stop")
            await self._context.stop()
            connections.cancel_scope.deadline = trio.current_time() + self._config.graceful_timeout
