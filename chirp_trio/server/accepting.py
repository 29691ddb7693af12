"""Accepting connections: up to limits for each client and for all, and a few at a time, so that the others go on."""

import errno
import functools
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import trio

from ..addresses import owner_of, parse_address
from ..logs import logger_of
from .config import ServerConfig
from .forwarded import TrustedProxies
from .tls import Certificate
from .watch import PER_TURN

logger = logger_of("server")

# The system has run out of a resource, and has it again when connections close.
_OUT_OF = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
# It is the listening socket that cannot go on, and not one connection.
_OF_THE_LISTENER = {errno.EBADF, errno.EINVAL}
# Seconds until the next attempt in that case, and between two log lines on the same subject.
_PAUSE = 0.1
_BETWEEN_LINES = 10.0

_REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 21\r\n"
    b"retry-after: 10\r\nconnection: close\r\n\r\nToo many connections\n"
)
# The same in TLS (RFC 8446, 6.2): a fatal alert, internal_error. There is none that says more.
_TLS_REFUSAL = b"\x15\x03\x03\x00\x02\x02\x50"


class Room:
    """The count of open connections, and whether the limits allow one more.

    Args:
        settings: The server's settings.
    """

    def __init__(self, settings: ServerConfig) -> None:
        self._most = settings.max_connections
        self._most_of_one = settings.max_connections_per_client
        self._proxies = TrustedProxies(settings.trusted_proxies)
        self._client = functools.lru_cache(maxsize=1024)(self._find_client)
        self._all = 0
        self._of_one: Counter[object] = Counter()

    def enter(self, peer: object) -> bool:
        """Count a new connection if the limits allow it; return whether they do."""
        client = self._client(_host(peer))
        if self._all >= self._most or (client is not None and self._of_one[client] >= self._most_of_one):
            return False
        self._all += 1
        if client is not None:
            self._of_one[client] += 1
        return True

    def leave(self, peer: object) -> None:
        """Stop counting a connection."""
        self._all -= 1
        client = self._client(_host(peer))
        if client is not None:
            self._of_one[client] -= 1
            if not self._of_one[client]:
                del self._of_one[client]

    def _find_client(self, host: str | None) -> object:
        """The client that an address belongs to; None for a proxy, and for this machine, which stand for many clients."""
        if host is None:
            return None
        name = host.partition("%")[0]
        address = parse_address(name)
        if address is None or address.is_loopback or address in self._proxies:
            return None
        return owner_of(name)


def _host(peer: object) -> str | None:
    """The peer's address without the port; None for a Unix socket."""
    return str(peer[0]) if isinstance(peer, tuple) else None


class Acceptor:
    """Accepts the connections of one listening socket.

    Args:
        listening: The socket, which does not block.
        certificate: For TLS; None means clear text.
        room: How many there may be.
        serve: Begins to serve a connection; calls what it is given once that is over.
    """

    def __init__(
        self,
        listening: socket.socket,
        certificate: Certificate | None,
        room: Room,
        serve: Callable[[socket.socket, ssl.SSLContext | None, Callable[[], None]], None],
    ) -> None:
        self._listening = listening
        self._certificate = certificate
        self._room = room
        self._leave = room.leave
        self._serve = serve
        self._last_line = -_BETWEEN_LINES
        self._refused = 0

    async def run(self) -> None:
        """Accept until cancelled."""
        while True:
            await trio.lowlevel.wait_readable(self._listening)
            try:
                self.accept_waiting()
            except OSError as error:
                if error.errno == errno.EINVAL:
                    self._tell_of_end()
                    await trio.sleep_forever()
                if error.errno not in _OUT_OF:
                    raise
                if self._may_speak():
                    logger.warning(
                        "no connection can be accepted: %s; raise the limit of open files (ulimit -n, LimitNOFILE), or lower "
                        "max_connections (--max-connections)", error.strerror,
                    )  # fmt: skip
                await trio.sleep(_PAUSE)

    def _tell_of_end(self) -> None:
        logger.error(
            "no connection is accepted on %s any more: its socket was shut down, here or in another process that shares it; "
            "open connections go on", self._listening.getsockname(),
        )  # fmt: skip

    def accept_waiting(self, most: int = PER_TURN) -> None:
        """Accept the connections that wait for it, up to a number."""
        for _ in range(most):
            try:
                connection, peer = self._listening.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _OUT_OF or error.errno in _OF_THE_LISTENER:
                    raise
                continue  # the client has left already
            connection.setblocking(False)
            self._welcome(connection, peer)

    def _welcome(self, connection: socket.socket, peer: object) -> None:
        if not self._room.enter(peer):
            self._refuse(connection, peer)
            return
        tls = None if self._certificate is None else self._certificate.context
        self._serve(connection, tls, functools.partial(self._leave, peer))

    def _refuse(self, connection: socket.socket, peer: object) -> None:
        self._refused += 1
        with connection:
            with suppress(OSError):
                connection.send(_REFUSAL if self._certificate is None else _TLS_REFUSAL)
                connection.shutdown(socket.SHUT_WR)
            with suppress(OSError):
                connection.recv(65536)  # or the system would reset the connection, and the client might not read this
        if self._may_speak():
            logger.warning(
                "%d connections refused, the last from %s: there are as many as max_connections (--max-connections) or "
                "max_connections_per_client (--max-connections-per-client) allow; if that is a proxy, name it with "
                "trusted_proxies (--trusted-proxy)",
                self._refused, peer[0] if isinstance(peer, tuple) else "a Unix socket",
            )  # fmt: skip
            self._refused = 0

    def _may_speak(self) -> bool:
        """Whether enough time has passed for another log line."""
        now = time.monotonic()
        if now - self._last_line < _BETWEEN_LINES:
            return False
        self._last_line = now
        return True
