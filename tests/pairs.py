"""A connection of the server's and its client, as two ends of one socket pair."""

import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import trio
import trio.testing

from chirp_trio.asgi import ASGIApp
from chirp_trio.server.arrivals import Arrival, Arrivals
from chirp_trio.server.config import ServerConfig
from chirp_trio.server.connection import Connection
from chirp_trio.server.tls_transport import TLSTransport
from chirp_trio.server.transport import Transport
from chirp_trio.server.turns import Turns
from chirp_trio.server.watch import Watch


class Client:
    """The client's end of a socket pair; `ours` is the server's.

    Args:
        tls: The context for its side of a TLS handshake.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.ours.setblocking(False)
        self.theirs.setblocking(False)
        self.received = b""
        self.is_at_end = False
        self.tls: ssl.SSLObject | None = None
        if tls is not None:
            self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            self.tls = tls.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")

    def send(self, data: bytes) -> None:
        """Send what the client has to say."""
        self.theirs.sendall(data)

    async def read(self, most: int = 1 << 30) -> None:
        """Read until nothing comes any more, or so many bytes have."""
        goal = len(self.received) + most
        while len(self.received) < goal:
            await trio.testing.wait_all_tasks_blocked()
            try:
                data = self.theirs.recv(min(1 << 16, goal - len(self.received)))
            except BlockingIOError:
                return
            except ConnectionResetError:
                data = b""
            if not data:
                self.is_at_end = True
                return
            self.received += data

    def reset(self) -> None:
        """Leave at once."""
        self.theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.theirs.close()

    # -- TLS ------------------------------------------------------------------------------------------------------------

    async def does(self, step: object) -> object:
        """Do something with the client's TLS, and send and receive whatever that needs."""
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                result = None
                is_done = False
            else:
                is_done = True
            finally:
                if said := self._outgoing.read():
                    self.theirs.sendall(said)
            if is_done:
                return result
            await trio.testing.wait_all_tasks_blocked()
            data = self.theirs.recv(1 << 16)  # BlockingIOError: it waits for what will not come
            self._incoming.write(data) if data else self._incoming.write_eof()


class Pair(Client):
    """A transport of the server's, and its client.

    Args:
        tls: Speak TLS with this context.
        write_timeout: The transport's.
        client_tls: The client's context.
    """

    def __init__(
        self, tls: ssl.SSLContext | None = None, write_timeout: float = 30, client_tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(client_tls)
        self.transport = Transport(self.ours, write_timeout) if tls is None else TLSTransport(self.ours, tls, write_timeout)

    async def handshake(self) -> str | None:
        """Do the server's side of the handshake; the protocol that was settled on."""
        while not self.transport.handshake_nowait():
            await trio.lowlevel.wait_readable(self.ours)
        return self.transport.protocol

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.theirs.close()
        self.transport.reset()


class Served:
    """A connection of the server's from its first byte on, as its worker serves it.

    Args:
        app: The app.
        settings: The server's settings.
        accepted: The connection.
        tls: Speak TLS with this context.
        turns: The worker's.
        watch: The worker's, which somebody else runs; default: one for this connection alone.

    Attributes:
        connection: What serves it, once the first request has come.
    """

    def __init__(
        self, app: ASGIApp, settings: ServerConfig, accepted: socket.socket, tls: ssl.SSLContext | None = None,
        turns: Turns | None = None, watch: Watch | None = None,
    ) -> None:  # fmt: skip
        self._app = app
        self._watch = watch
        self._settings = settings
        self._accepted = accepted
        self._tls = tls
        self._turns = turns
        self._stop = trio.Event()
        self.connection: Connection | None = None

    async def run(self) -> None:
        """Serve it until it is closed."""
        if self._watch is not None:
            await self._serve(self._watch)
            return
        with Watch() as watch:
            async with trio.open_nursery() as watching:
                watching.start_soon(watch.run)
                await self._serve(watch)
                watching.cancel_scope.cancel("it is closed")

    async def _serve(self, watch: Watch) -> None:
        async with trio.open_nursery() as nursery:

            def serve(arrival: Arrival) -> None:
                self.connection = Connection(self._app, self._settings, {}, arrival, self._turns)
                if self._stop.is_set():
                    self.connection.stop()
                nursery.start_soon(self.connection.run)
                arriving.cancel_scope.cancel("it has arrived")

            with Arrivals(self._settings, serve, watch, self._turns) as arrivals:
                async with trio.open_nursery() as arriving:
                    arriving.start_soon(arrivals.run)
                    arrivals.add(self._accepted, self._tls, arriving.cancel_scope.cancel)
                    await self._stop.wait()
                    arriving.cancel_scope.cancel("the server stops")
                await arrivals.finish()

    def stop(self) -> None:
        """Do what a worker does when it is to stop."""
        self._stop.set()
        if self.connection is not None:
            self.connection.stop()


class Visit(Client):
    """A whole connection of the server's, and its client; see `visiting()`."""

    def __init__(
        self, app: ASGIApp, *, tls: ssl.SSLContext | None = None, certificate: ssl.SSLContext | None = None, **settings: Any
    ) -> None:
        super().__init__(tls)
        self._served = Served(app, ServerConfig(**settings), self.ours, certificate)
        self.is_over = False

    def stop(self) -> None:
        """Stop the server."""
        self._served.stop()

    def ask_to_leave(self) -> None:
        """Tell the app that its response is to end."""
        assert self._served.connection is not None
        self._served.connection.ask_to_leave()

    async def run(self) -> None:
        await self._served.run()
        self.is_over = True

    async def ask(self, data: bytes) -> bytes:
        """What comes until nothing comes any more, after the client has sent this."""
        self.send(data)
        return await self.answer()

    async def answer(self) -> bytes:
        """What has come since the last answer."""
        before = len(self.received)
        await self.read()
        return self.received[before:]


@asynccontextmanager
async def visiting(app: ASGIApp, **options: Any) -> AsyncIterator[Visit]:
    """Serve one connection; the client leaves at the end of the block.

    Args:
        app: The app.
        options: `tls` and `certificate` are the client's and the server's contexts; the others are the server's settings.
    """
    async with trio.open_nursery() as nursery:
        visit = Visit(app, **options)
        nursery.start_soon(visit.run)
        try:
            yield visit
        finally:
            visit.theirs.close()
