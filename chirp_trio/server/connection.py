"""One client's connection: hypercorn's, with a deadline on every write, and with errors that stay its own."""

import logging
import socket
import struct
from contextlib import suppress
from typing import Any, cast

import h11
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData
from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.h11 import H2CProtocolRequiredError, H2ProtocolAssumedError, H11Protocol
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ConnectionState
from hypercorn.utils import parse_socket_addr

from .direct import offer_direct_connection, write_nowait
from .http2 import BoundedH2Protocol

logger = logging.getLogger("chirp_trio.server")

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
                self.protocol = _Protocols(parts, alpn_protocol)
                await self.protocol.initiate()
                await self.idle_task.restart(task_group, self._idle_timeout)
                await self._read_data()
        except* OSError, trio.BrokenResourceError, trio.TooSlowError:
            pass  # the client left, or never spoke TLS
        except* Exception as errors:
            logger.exception("a connection failed", exc_info=errors)
        finally:
            self._shared.connections.discard(self)
            await self._close()

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
        if not isinstance(event, RawData):
            if isinstance(event, Closed) and self.send_lock.locked():
                self.reset_when_closed()  # somebody waits for a client that does not read
            await super().protocol_send(event)
            return
        try:
            await self._write_all(event.data)
        except trio.BrokenResourceError, trio.ClosedResourceError:
            await self.protocol.handle(Closed())

    async def _write_all(self, data: bytes) -> None:
        if self._is_plain and not self.send_lock.locked():
            # Nearly always the system takes it all, and neither the lock nor a cancel scope is needed.
            data = data[self.write_nowait(data) :]
            if not data:
                await trio.lowlevel.cancel_shielded_checkpoint()
                return
        async with self.send_lock:
            for start in range(0, len(data), _PIECE):
                with trio.move_on_after(self._shared.write_timeout, shield=True) as self._write:
                    await self.stream.send_all(data[start : start + _PIECE])
                gave_up = self._write.cancelled_caught
                self._write = None
                if gave_up:
                    self.reset_when_closed()
                    await trio.aclose_forcefully(self.stream)
                    raise trio.BrokenResourceError("the client does not read")

    def write_nowait(self, data: bytes) -> int:
        """See `direct.Writable`."""
        return write_nowait(self._socket.fileno(), data)

    async def wait_writable(self) -> None:
        """See `direct.Writable`."""
        try:
            await trio.lowlevel.wait_writable(self._socket)
        except trio.ClosedResourceError as error:
            raise trio.BrokenResourceError("the connection was closed meanwhile") from error

    def reset_when_closed(self) -> None:
        """Close with a reset: otherwise the system would go on for minutes to offer the client what it does not read."""
        with suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async def _close(self) -> None:
        with trio.move_on_after(LAST_WRITE_TIMEOUT, shield=True):
            await super()._close()
            return
        await trio.aclose_forcefully(self.stream)

    async def _initiate_server_close(self) -> None:
        await self.protocol.handle(Closed())
        await self._close()


class _Protocols(ProtocolWrapper):
    """HTTP/1.1, or HTTP/2 where TLS or the client's first bytes have settled on it; that one is ours then."""

    def __init__(self, parts: Any, alpn_protocol: str) -> None:
        super().__init__(*parts)
        self._parts = parts  # what a protocol is made of
        if alpn_protocol == "h2":
            self.protocol = BoundedH2Protocol(*parts)
        elif "h2" not in self.config.alpn_protocols:
            self.protocol = _HTTP1Protocol(*parts)

    async def handle(self, event: Event) -> None:
        """Hand the event to the protocol; change that where the client asks for it."""
        try:
            await self.protocol.handle(event)
        except H2ProtocolAssumedError as assumed:
            await self._change_to_http2(assumed.data)
        except H2CProtocolRequiredError as required:
            await self._change_to_http2(required.data, required.headers, required.settings)

    async def _change_to_http2(self, data: bytes, *upgraded_request: Any) -> None:
        self.protocol = BoundedH2Protocol(*self._parts)
        await self.protocol.initiate(*upgraded_request)
        if data:
            await self.protocol.handle(RawData(data))


class _HTTP1Protocol(H11Protocol):
    """HTTP/1.1 and nothing else."""

    async def _check_protocol(self, event: h11.Request) -> None:
        # An upgrade need not be taken up (RFC 9110, 7.8). Who begins with HTTP/2 is told that it is not spoken here.
        if event.http_version == b"2.0":
            await self._send_error_response(505)
            raise trio.BrokenResourceError("the client speaks HTTP/2")
