"""TLS: the server's certificate, and the conversion between clear text and the bytes on the wire."""

import ssl
from contextlib import suppress
from pathlib import Path

import trio

from .incoming import READ_SIZE

# A record that is part of a handshake (RFC 8446, 5.1): its first bytes, the length of its head, and the most that follows.
_HANDSHAKE = b"\x16\x03"
_RECORD_HEAD = 5
_RECORD_SIZE = 16 * 1024


class Certificate:
    """A certificate and its key, as a TLS context for connections.

    Args:
        certfile: The certificate (PEM), with the intermediate certificates after it.
        keyfile: Its private key (PEM).
        protocols: What is offered by ALPN (RFC 7301), best first.

    Attributes:
        context: For the connections that come now.

    Raises:
        OSError: The files cannot be read, or are no certificate and its key.
    """

    def __init__(self, certfile: str | Path, keyfile: str | Path, protocols: list[str]) -> None:
        self._files = (str(certfile), str(keyfile))
        self._protocols = protocols
        self.context = self._read()

    def _read(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # Compression reveals secrets by their length, and clients could demand renegotiations without end; HTTP/2 forbids
        # both (RFC 9113, 9.2).
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
        context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
        # A client uses one ticket for each further connection; the usual two would be a sixth of the cost of a handshake.
        context.num_tickets = 1
        context.load_cert_chain(*self._files)
        context.set_alpn_protocols(self._protocols)
        return context

    def reload(self) -> None:
        """Read the files again, for connections from now on. If they cannot be used, the certificate stays the same.

        Raises:
            OSError: The files cannot be read, or do not hold a certificate and its key.
        """
        self.context = self._read()  # a new one: a context that fails to load a pair may have taken half of it


class TLS:
    """The server's side of one TLS connection (RFC 8446), without the socket: bytes go in, and bytes come out."""

    __slots__ = ("_began", "_context", "_incoming", "_is_over", "_object", "_outgoing", "is_established")

    _object: ssl.SSLObject  # OpenSSL's state, made when the client's first record is complete

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._began: bytes | None = b""  # the client's first bytes, until its first record is complete
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._is_over = False  # the client sends no more
        self.is_established = False

    @property
    def protocol(self) -> str | None:
        return self._object.selected_alpn_protocol()

    def advance(self, data: bytes) -> bool:
        """Continue the handshake with bytes of the client; return whether it is complete."""
        if self._began is not None:
            data = self._began + data
            if _is_half_a_record(data):
                self._began = data
                return False
            self._began = None
            self._object = self._context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._incoming.write(data)
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            raise trio.BrokenResourceError(f"the client speaks no TLS that is spoken here: {error.reason}") from error
        self.is_established = True
        return True

    def take(self, data: bytes) -> None:
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def decrypt(self) -> bytes | None:
        """The clear text of all complete records; empty at the end of the connection; None if none is complete."""
        pieces = []
        try:
            while self._may_have_more:
                piece = self._object.read(READ_SIZE)
                self._is_over = not piece
                pieces.append(piece)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError, ssl.SSLEOFError:
            self._is_over = True
        except ssl.SSLError as error:
            raise trio.BrokenResourceError(f"the client has broken TLS: {error.reason}") from error
        return b"".join(pieces) or (b"" if self._is_over else None)

    @property
    def _may_have_more(self) -> bool:
        """Whether a read may return something: one that raises is the most expensive."""
        return not self._is_over and bool(self._incoming.pending or self._object.pending() or self._incoming.eof)

    def encrypt(self, data: memoryview) -> bytes:
        try:
            self._object.write(data)
        except ssl.SSLError as error:
            raise trio.BrokenResourceError(f"TLS cannot go on: {error.reason}") from error
        return self._outgoing.read()

    def said(self) -> bytes:
        """Bytes of TLS's own for the client, such as handshake messages and alerts."""
        return self._outgoing.read()

    def close(self) -> None:
        with suppress(ssl.SSLError):  # raised because it would wait for the client's, which is not needed
            self._object.unwrap()


def _is_half_a_record(data: bytes) -> bool:
    """Whether these bytes begin a handshake record, and do not complete it."""
    if not data.startswith(_HANDSHAKE[: len(data)]):
        return False  # not a handshake: OpenSSL finds the right error
    return len(data) < _RECORD_HEAD or len(data) < _RECORD_HEAD + min(_RECORD_SIZE, int.from_bytes(data[3:_RECORD_HEAD]))
