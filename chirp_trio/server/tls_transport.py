"""One client's connection with TLS."""

import socket
import ssl
from typing import override

import trio

from .tls import TLS
from .transport import WRITE_SIZE, Transport
from .turns import Turns
from .watch import Watch

# The most bytes of TLS's own that may wait for a client that does not read: some messages make TLS answer.
_MOST_UNREAD = 2 * WRITE_SIZE


class TLSTransport(Transport):
    """The bytes of one connection, encrypted on the wire.

    Args:
        connection: See `Transport`.
        context: The TLS context, with the certificate.
        write_timeout: See `Transport`.
        turns: See `Transport`.
        watch: See `Transport`.
    """

    __slots__ = ("_tls",)

    is_encrypted = True

    def __init__(
        self, connection: socket.socket, context: ssl.SSLContext, write_timeout: float,
        turns: Turns | None = None, watch: Watch | None = None,
    ) -> None:  # fmt: skip
        super().__init__(connection, write_timeout, turns, watch)
        self._tls = TLS(context)

    @property
    @override
    def is_established(self) -> bool:
        return self._tls.is_established

    @property
    @override
    def protocol(self) -> str | None:
        return self._tls.protocol

    @override
    def handshake_nowait(self) -> bool:
        data = self._read()
        if data is None:
            return False
        if not data:
            raise trio.BrokenResourceError("the client has left in the middle of its handshake")
        try:
            return self._tls.advance(data)
        finally:
            self._write_protocol_bytes()  # or an alert, if the handshake has failed

    @override
    async def receive(self) -> bytes:
        data = self._tls.decrypt()  # what has come with what was received last
        return await super().receive() if data is None else data

    @override
    def receive_nowait(self) -> bytes | None:
        data = self._tls.decrypt()  # what has come with what was received last
        if data is None:
            came = self._read()  # only once: a client that sends records without content must not occupy the event loop
            if came is not None:
                self._tls.take(came)
                data = self._tls.decrypt()
        if data is None:
            self._write_protocol_bytes()
        return data

    @override
    def write_nowait(self, data: bytes | memoryview) -> bool:
        if self.is_closing:
            raise trio.BrokenResourceError("the connection is about to be closed")
        is_next = not self.backlog
        self._unsent.append(memoryview(data))
        return is_next and self._write_some()

    @override
    def _prepare(self, piece: memoryview) -> bytes:
        return self._tls.encrypt(piece)

    def _write_protocol_bytes(self) -> None:
        """Write TLS's own bytes in their order: before clear text that has not been encrypted yet."""
        if said := self._tls.said():
            if len(self._ready) > _MOST_UNREAD:
                raise trio.BrokenResourceError("the client has TLS answer, and does not read")
            self._ready = bytes(self._ready) + said
            self._write_some()

    @override
    def _say_good_bye(self) -> None:
        if not self.is_closing and self._tls.is_established:
            # Without close_notify a client cannot tell the end of a response without a length from a cut (RFC 8446, 6.1).
            self._tls.close()
            self._write_protocol_bytes()
        super()._say_good_bye()
