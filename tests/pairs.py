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
from chirp_trio.server.config import ServerConfig
from chirp_trio.server.connection import Connection
from chirp_trio.server.transport import Transport


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
        self.transport = Transport(self.ours, tls, write_timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.theirs.close()
        self.transport.reset()


class Visit(Client):
    """A whole connection of the server's, and its client; see `visiting()`."""

    def __init__(
        self, app: ASGIApp, *, tls: ssl.SSLContext | None = None, certificate: ssl.SSLContext | None = None, **settings: Any
    ) -> None:
        super().__init__(tls)
        self.connection = Connection(app, ServerConfig(**settings), {}, self.ours, certificate)
        self.is_over = False

    async def run(self) -> None:
        await self.connection.run()
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
