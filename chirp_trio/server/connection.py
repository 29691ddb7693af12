"""One client's connection: hypercorn's, with a deadline on every write, and with errors that stay its own."""

import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, cast

import h11
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData
from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.h11 import H2CProtocolRequiredError, H2ProtocolAssumedError
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ConnectionState
from hypercorn.utils import parse_socket_addr

from ..logs import logger_of
from .direct import offer_direct_connection, write_nowait
from .http1 import AttentiveH11Protocol
from .http2 import BoundedH2Protocol

logger = logger_of("server")

# Seconds for the last bytes of a connection: a server that is about to stop does not wait for clients that do not read.
LAST_WRITE_TIMEOUT = 0.5
# A write's deadline begins anew with each piece of this size, so that it is for clients that stand still, not for slow ones.
_PIECE = 64 * 1024


class ConnectionContext(WorkerContext):
    """What all connections of a worker share.

    Args:
        write_timeout: Seconds that a client may take no bytes before it is given up.
    """

    def __init__(self, write_timeout: float) -> None:
        super().__init__(None)
        self.write_timeout = write_timeout
        self.connections: set[Connection] = set()

    async def stop(self) -> None:
        """Let idle connections close, and have no patience with clients that do not read."""
        await self.terminated.set()
        self.write_timeout = min(self.write_timeout, LAST_WRITE_TIMEOUT)
        for connection in self.connections:
            connection.hurry()


class Connection(TCPServer):
    """A connection that ends, whatever its client does.

    hypercorn writes in a shielded scope, because half a message is worse than none, and so hangs on a client that does not
    read: the handler, the connection, and the shutdown of the worker with them. Here such a client is reset after the
    write timeout, and at once where the server wants to close the connection anyway.

    Args:
        app: The app, as hypercorn wraps it.
        config: hypercorn's configuration.
        context: What all connections of the worker share.
        state: What the app's lifespan has left for its requests.
        stream: The accepted connection.
    """

    stream: Any  # trio.SocketStream, or trio.SSLStream of one

    def __init__(
        self,
        app: AppWrapper,
        config: Config,
        context: ConnectionContext,
        state: ConnectionState,
        stream: trio.SocketStream | trio.SSLStream[trio.SocketStream],
    ) -> None:
        super().__init__(app, config, context, state, cast(Any, stream))
        self._shared = context
        self._write: trio.CancelScope | None = None  # around the write that is going on
        self._reading = trio.CancelScope()  # around the reader
        # What is to be written and has not been taken yet, in the order of its making. It stays, if whoever brought it is
        # cancelled: hypercorn counts it as sent already, and half a chunk may be on the wire.
        self._unsent: tuple[memoryview, ...] = ()
        self._is_closing = False
        transport = stream.transport_stream if isinstance(stream, trio.SSLStream) else stream
        self._socket = transport.socket
        self._is_plain = transport is stream

    async def run(self) -> None:
        """Serve the client until it or the server is done. Its errors are logged; they are nobody else's."""
        self._shared.connections.add(self)
        try:
            alpn_protocol = await self._handshake()
            client = parse_socket_addr(self._socket.family, self._socket.getpeername())
            server = parse_socket_addr(self._socket.family, self._socket.getsockname())
            async with TaskGroup() as task_group:
                self._task_group = task_group
                app = offer_direct_connection(self.app, self) if self._is_plain else self.app
                parts = (
                    app, self.config, self.context, task_group, ConnectionState(self.state),
                    not self._is_plain, client, server, self.protocol_send,
                )  # fmt: skip
                self.protocol = _Protocols(parts, alpn_protocol, self._receive_some, self._stop_reading)
                await self.protocol.initiate()
                await self.idle_task.restart(task_group, self._idle_timeout)
                with self._reading:
                    await self._read_data()
                self._stop_reading()
                await self.protocol.close()
                await self.idle_task.stop()
        except* OSError, trio.BrokenResourceError, trio.TooSlowError:
            pass  # the client left, or never spoke TLS
        except* Exception as errors:
            logger.exception("a connection failed", exc_info=errors)
        finally:
            self._shared.connections.discard(self)
            await self._close()

    async def _receive_some(self) -> bytes:
        return bytes(await self.stream.receive_some(_PIECE))

    def _stop_reading(self) -> None:
        """The client is gone, or is to go. hypercorn's reader may wait for something else than the client."""
        self._reading.cancel("the connection is over")

    def hurry(self) -> None:
        """Give up soon a client that does not read: the server is about to stop."""
        if self._write is not None:
            self._write.deadline = min(self._write.deadline, trio.current_time() + self._shared.write_timeout)

    async def _handshake(self) -> str:
        if self._is_plain:
            return "http/1.1"
        with trio.fail_after(self.config.ssl_handshake_timeout):
            await self.stream.do_handshake()
        return str(self.stream.selected_alpn_protocol())

    async def protocol_send(self, event: Event) -> None:
        """Do what hypercorn's protocol asks for: write, close, or note that the connection is idle or not."""
        if isinstance(event, RawData):
            try:
                await self._write_all(event.data)
            except trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError:  # it is gone, or going
                self._stop_reading()
        elif isinstance(event, Closed):
            if self.send_lock.locked():
                self.reset_when_closed()  # somebody waits for a client that does not read
            await self._close()
            self._stop_reading()
        elif not self._reading.cancel_called:
            await super().protocol_send(event)

    async def _write_all(self, data: bytes) -> None:
        self._unsent = (*self._unsent, memoryview(data))
        try:
            self.send_lock.acquire_nowait()
        except trio.WouldBlock:
            await self.send_lock.acquire()
        # From here on nothing can be cancelled: half a message is worse than none.
        try:
            if self._is_plain:
                self._write_some()  # which nearly always is all, and then no scope is needed
                if not self._unsent:
                    await trio.lowlevel.cancel_shielded_checkpoint()
            while self._unsent:
                first = self._unsent[0]
                with trio.move_on_after(self._shared.write_timeout, shield=True) as self._write:
                    await self.stream.send_all(first[:_PIECE])
                gave_up = self._write.cancelled_caught
                self._write = None
                if gave_up:
                    self.reset_when_closed()
                    await trio.aclose_forcefully(self.stream)
                    raise trio.BrokenResourceError("the client does not read")
                self._taken(min(len(first), _PIECE))
        finally:
            self.send_lock.release()

    def _write_some(self) -> None:
        while self._unsent:
            first = self._unsent[0]
            taken = write_nowait(self._socket.fileno(), first)
            self._taken(taken)
            if taken < len(first):
                return

    def _taken(self, count: int) -> None:
        """Forget the first bytes of what is to be written, all of them in its first part."""
        first, *others = self._unsent
        self._unsent = (first[count:], *others) if count < len(first) else tuple(others)

    def has_open_body(self) -> bool:
        """See `direct.Writable`."""
        protocol = self.protocol.protocol
        return isinstance(protocol, AttentiveH11Protocol) and protocol.connection.our_state is h11.SEND_BODY

    def write_nowait(self, data: bytes) -> bool:
        """See `direct.Writable`. Writes nothing itself while there is something to be written before."""
        if self._is_closing:
            raise trio.BrokenResourceError("the connection is about to be closed")
        taken = 0 if self._unsent else write_nowait(self._socket.fileno(), data)
        if taken == len(data):
            return True
        self._unsent = (*self._unsent, memoryview(data)[taken:])
        return False

    async def drain(self) -> None:
        """See `direct.Writable`."""
        if not self._unsent:
            return
        async with self.send_lock:
            self._write_some()
            while self._unsent:
                try:
                    await trio.lowlevel.wait_writable(self._socket)
                except trio.ClosedResourceError as error:
                    raise trio.BrokenResourceError("the connection was closed meanwhile") from error
                self._write_some()

    def reset_when_closed(self) -> None:
        """Close with a reset: otherwise the system would go on for minutes to offer the client what it does not read."""
        with suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async def _close(self) -> None:
        self._is_closing = True
        with trio.move_on_after(LAST_WRITE_TIMEOUT, shield=True):
            await super()._close()
            return
        await trio.aclose_forcefully(self.stream)

    async def _initiate_server_close(self) -> None:
        await self.protocol.handle(Closed())
        await self._close()


class _Protocols(ProtocolWrapper):
    """HTTP/1.1, or HTTP/2 where TLS or the client's first bytes have settled on it; that one is ours then."""

    def __init__(
        self, parts: Any, alpn_protocol: str, receive_some: Callable[[], Awaitable[bytes]], stop_reading: Callable[[], None]
    ) -> None:
        super().__init__(*parts)
        self._parts = parts  # what a protocol is made of
        self._stop_reading = stop_reading
        if alpn_protocol == "h2":
            self.protocol = BoundedH2Protocol(*parts)
        else:
            may_change = "h2" in self.config.alpn_protocols
            self.protocol = AttentiveH11Protocol(parts, receive_some, stop_reading, may_change=may_change)

    async def close(self) -> None:
        """Tell the app of every stream that the client is gone."""
        await self.protocol.handle(Closed())

    async def handle(self, event: Event) -> None:
        """Hand the event to the protocol; change that where the client asks for it."""
        if isinstance(event, Closed):
            # The connection's own task tells the streams. Who has found it out may be cancelled before it has told them all.
            self._stop_reading()
            return
        try:
            await self.protocol.handle(event)
        except H2ProtocolAssumedError as assumed:
            await self._change_to_http2(assumed.data)
        except H2CProtocolRequiredError as required:
            await self._change_to_http2(required.data, required.headers, required.settings)

    async def _change_to_http2(self, data: bytes, *upgraded_request: Any) -> None:
        self.protocol = BoundedH2Protocol(*self._parts)
        await self.protocol.initiate(*upgraded_request)
        await self.protocol.rest()  # hypercorn took the preface for a request
        if data:
            await self.protocol.handle(RawData(data))
