"""The worker: it runs the app's lifespan, accepts connections while that lasts, and stops in order.

hypercorn's own worker with three differences: its connections are ours (see `connection`), its listeners have the options
that find clients who have vanished, and being cancelled is a way to stop like any other.
"""

import socket
from functools import partial

import trio
from hypercorn.config import Config
from hypercorn.trio.lifespan import Lifespan
from hypercorn.typing import AppWrapper, ConnectionState, LifespanState
from hypercorn.utils import repr_socket_addr

from .connection import Connection, ConnectionContext

type Listener = trio.SocketListener | trio.SSLListener[trio.SocketStream]


class Worker:
    """One run of a server.

    Args:
        app: The app, as hypercorn wraps it.
        config: hypercorn's configuration.
        write_timeout: Seconds that a client may take no bytes before it is given up.
    """

    def __init__(self, app: AppWrapper, config: Config, *, write_timeout: float) -> None:
        self._app = app
        self._config = config
        self._context = ConnectionContext(write_timeout)
        self._state: LifespanState = {}

    async def run(self, shutdown: trio.Event, task_status: trio.TaskStatus[list[str]]) -> None:
        """Serve until the event is set; return when the last connection is closed and the app's lifespan is over."""
        lifespan = Lifespan(self._app, self._config, self._state)
        async with trio.open_nursery() as nursery:
            await nursery.start(lifespan.handle_lifespan)
            await lifespan.wait_for_startup()
            await self._serve(shutdown, task_status)
            await lifespan.wait_for_shutdown()
            nursery.cancel_scope.cancel("the lifespan is over")

    async def _serve(self, shutdown: trio.Event, task_status: trio.TaskStatus[list[str]]) -> None:
        async with trio.open_nursery() as connections:
            listeners, urls = self._listen()
            async with trio.open_nursery() as nursery:
                connect = partial(Connection, self._app, self._config, self._context, ConnectionState(self._state))
                nursery.start_soon(partial(trio.serve_listeners, connect, listeners, handler_nursery=connections))
                task_status.started(urls)
                await shutdown.wait()
                nursery.cancel_scope.cancel("the server is to stop")
            await self._context.stop()
            connections.cancel_scope.deadline = trio.current_time() + self._config.graceful_timeout

    def _listen(self) -> tuple[list[Listener], list[str]]:
        sockets = self._config.create_sockets()
        tls = self._config.create_ssl_context()
        listeners: list[Listener] = []
        urls = []
        for listening in [*sockets.secure_sockets, *sockets.insecure_sockets]:
            _find_vanished_clients(listening, self._context.write_timeout)
            listening.listen(self._config.backlog)
            address = repr_socket_addr(listening.family, listening.getsockname())
            plain = trio.SocketListener(trio.socket.from_stdlib_socket(listening))
            if listening in sockets.secure_sockets:
                assert tls is not None
                listeners.append(trio.SSLListener(plain, tls, https_compatible=True))
                urls.append(f"https://{address}")
            else:
                listeners.append(plain)
                urls.append(f"http://{address}")
        return listeners, urls


def _find_vanished_clients(listening: socket.socket, timeout: float) -> None:
    """Let the system give up a client from which nothing comes any more. Accepted connections inherit these options.

    `TCP_USER_TIMEOUT` (RFC 5482) is for those to whom something has been sent, keepalive for those to whom nothing has.
    """
    if listening.family == getattr(socket, "AF_UNIX", None):
        return
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    seconds = max(1, round(timeout))
    for option, value in (
        ("TCP_USER_TIMEOUT", seconds * 1000),
        ("TCP_KEEPIDLE", max(1, seconds // 2)),
        ("TCP_KEEPINTVL", max(1, seconds // 6)),
        ("TCP_KEEPCNT", 3),
    ):
        if hasattr(socket, option):
            listening.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
