"""New connections: the TLS handshakes and first requests of all of them, without a task for each.

So a client that only connects, or sends half of a request, costs a few system calls and an entry in a table. A connection
whose first request has come gets a task of its own; see connection.py.
"""

import enum
import socket
import ssl
from collections.abc import Callable
from itertools import islice
from types import TracebackType
from typing import Self

import trio

from ..logs import logger_of
from .config import ServerConfig
from .http1_request import RefusedError, Request, RequestReader
from .tls_transport import TLSTransport
from .transport import LAST_WRITE_TIMEOUT, Transport
from .turns import Turns
from .watch import PER_TURN, Watch

logger = logger_of("server")


class _Awaited(enum.IntEnum):
    """The part that has to come next from a client."""

    HANDSHAKE = enum.auto()
    REQUEST = enum.auto()
    REST_OF_REQUEST = enum.auto()


class Arrival:
    """A connection whose first request has not come, or has just come.

    Args:
        transport: The connection.
        leave: Called once, when the connection is closed.
        arrivals: The table of new connections that it is in.

    Attributes:
        reader: The reader of HTTP/1.1, which has read the first request and holds the bytes after it. With HTTP/2 it has read
            nothing.
        first: The first request, or the status with which it has to be refused; none with HTTP/2.
    """

    __slots__ = ("_arrivals", "awaited", "first", "leave", "reader", "transport")

    def __init__(self, transport: Transport, leave: Callable[[], None], arrivals: Arrivals) -> None:
        self.transport = transport
        self.leave = leave
        self._arrivals = arrivals
        self.reader = RequestReader()
        self.first: Request | int | None = None
        self.awaited: _Awaited | None = None

    @property
    def is_http2(self) -> bool:
        """Whether HTTP/2 was agreed on in the handshake."""
        return self.transport.protocol == "h2"

    def take_in(self) -> None:
        """Process the bytes that the client has sent."""
        self._arrivals.advance(self)

    def advance(self) -> bool:
        """Process the bytes that the client has sent; return whether the first request, or a malformed one, has come.

        Raises:
            trio.BrokenResourceError: The client has left, or does not speak TLS.
        """
        transport, reader = self.transport, self.reader
        if not (transport.is_established or transport.handshake_nowait()):
            return False
        data = transport.receive_nowait()
        if data is None:
            return False
        if not data and not reader.unread:
            raise trio.BrokenResourceError("the client has left")
        reader.receive_data(data)
        if self.is_http2:
            return True
        try:
            self.first = reader.next_request()
        except RefusedError as refused:
            self.first = refused.status
        if self.first is None and not data:
            self.first = 400  # the client has left in the middle of its request
        return self.first is not None

    def take_first(self) -> Request | int:
        """The first request, or the status with which it has to be refused. Can be taken only once."""
        first, self.first = self.first, None
        assert first is not None
        return first

    def note_awaited(self) -> bool:
        """Note the part that has to come next; return whether it has changed."""
        if not self.transport.is_established:
            awaited = _Awaited.HANDSHAKE
        else:
            awaited = _Awaited.REST_OF_REQUEST if self.reader.unread else _Awaited.REQUEST
        is_new = awaited is not self.awaited
        self.awaited = awaited
        return is_new

    def close(self) -> None:
        """Close the connection, without waiting for anything."""
        try:
            self.transport.close_nowait()
        finally:
            self.leave()


class Arrivals:
    """All new connections, each until its first request or its end. A context manager, which closes those that are left.

    Args:
        settings: The server's settings.
        serve: Called with a connection whose first request has come; serves it.
        watch: Tells of bytes that come.
        turns: See `Transport`.
    """

    def __init__(
        self, settings: ServerConfig, serve: Callable[[Arrival], None], watch: Watch, turns: Turns | None = None
    ) -> None:
        self._settings = settings
        self._serve = serve
        self._watch = watch
        self._turns = turns
        self._all_have_come: trio.Event | None = None  # what `finish()` waits for
        self._patience = {
            _Awaited.HANDSHAKE: settings.handshake_timeout,
            _Awaited.REQUEST: settings.head_timeout,
            _Awaited.REST_OF_REQUEST: settings.head_timeout,
        }
        # The deadline of each connection. All that wait for the same part may wait equally long, so the first is due first.
        self._deadlines: dict[_Awaited, dict[Arrival, float]] = {awaited: {} for awaited in _Awaited}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for waiting in self._deadlines.values():
            for arrival in [*waiting]:
                self._forget(arrival)
                arrival.close()

    def add(self, accepted: socket.socket, tls: ssl.SSLContext | None, leave: Callable[[], None]) -> None:
        """Add a connection.

        Args:
            accepted: The accepted socket, in non-blocking mode. The connection closes it in the end.
            tls: The TLS context; None means clear text.
            leave: Called when the connection is closed.
        """
        timeout, turns, watch = self._settings.write_timeout, self._turns, self._watch
        if tls is None:
            transport = Transport(accepted, timeout, turns, watch)
        else:
            transport = TLSTransport(accepted, tls, timeout, turns, watch)
        self.advance(Arrival(transport, leave, self))

    async def finish(self) -> None:
        """Wait a moment for requests that are on their way, because the server is about to stop."""
        if any(self._deadlines.values()):
            self._all_have_come = trio.Event()
            with trio.move_on_after(LAST_WRITE_TIMEOUT):
                await self._all_have_come.wait()

    def advance(self, arrival: Arrival) -> None:
        """Process the bytes that a client has sent."""
        try:
            has_come = arrival.advance()
            if not has_come:
                self._wait_for(arrival)
        except Exception as raised:
            if not isinstance(raised, trio.BrokenResourceError):
                logger.exception("a connection failed")
            self._forget(arrival)
            arrival.close()
            return
        if has_come:
            self._forget(arrival)
            self._serve(arrival)

    def _wait_for(self, arrival: Arrival) -> None:
        before = arrival.awaited
        if before is None:
            arrival.transport.watch(arrival)
        if not arrival.note_awaited():
            return
        if before is not None:
            del self._deadlines[before][arrival]
        assert arrival.awaited is not None
        self._deadlines[arrival.awaited][arrival] = trio.current_time() + self._patience[arrival.awaited]

    def _forget(self, arrival: Arrival) -> None:
        if arrival.awaited is not None:
            del self._deadlines[arrival.awaited][arrival]
            arrival.transport.unwatch(arrival)
            arrival.awaited = None
            if self._all_have_come is not None and not any(self._deadlines.values()):
                self._all_have_come.set()

    async def run(self) -> None:
        """Close connections that have waited for too long, a few in each turn, until cancelled."""
        while True:
            now = trio.current_time()
            # Connections that come meanwhile may wait equally long, so none of them is due earlier.
            wake_at = now + min(self._patience.values())
            for waiting in self._deadlines.values():
                for arrival in [arrival for arrival, until in islice(waiting.items(), PER_TURN) if until <= now]:
                    self._give_up(arrival)
                if waiting:
                    wake_at = min(wake_at, next(iter(waiting.values())))
            await trio.sleep_until(wake_at)

    def _give_up(self, arrival: Arrival) -> None:
        is_half = arrival.reader.unread > 0
        self._forget(arrival)
        if is_half:
            arrival.first = 408
            self._serve(arrival)
        else:
            arrival.close()
