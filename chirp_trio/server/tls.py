"""TLS: the certificate that the server shows, and the step between bytes in clear text and bytes on the wire."""

import ssl
from contextlib import suppress
from pathlib import Path

import trio

# The most that is read at once: a bound for how long one client may have the event loop.
READ_SIZE = 16 * 1024


class Certificate:
    """A certificate and its key, as a TLS context for all connections.

    Args:
        certfile: The certificate (PEM), and what vouches for it.
        keyfile: Its private key (PEM).
        protocols: What is offered by ALPN (RFC 7301), best first.

    Raises:
        OSError: The files cannot be read, or are no certificate and its key.
    """

    def __init__(self, certfile: str | Path, keyfile: str | Path, protocols: list[str]) -> None:
        self._files = (str(certfile), str(keyfile))
        self.context = self._read()
        self.context.set_alpn_protocols(protocols)

    def _read(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # Compression tells secrets by their length, and a renegotiation is work at a client's wish; HTTP/2 forbids both
        # (RFC 9113, 9.2).
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
        context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
        # A ticket is for one connection more; the two that are usual would be a sixth of what a handshake costs.
        context.num_tickets = 1
        context.load_cert_chain(*self._files)
        return context

    def reload(self) -> None:
        """Show from the next connection on what the files hold now. Where they cannot be used, all stays as it is.

        Raises:
            OSError: They cannot be read, or are no certificate and its key.
        """
        self._read()
        self.context.load_cert_chain(*self._files)


class TLS:
    """TLS as a step between bytes and bytes (RFC 8446), on the server's side."""

    __slots__ = ("_incoming", "_object", "_outgoing", "is_established")

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.is_established = False

    @property
    def protocol(self) -> str | None:
        return self._object.selected_alpn_protocol()

    def advance(self) -> bool:
        """Go on with the handshake; whether it is complete."""
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
        """What has come, of as many records as are complete; empty at the end; None where more is needed for it."""
        pieces = []
        try:
            while piece := self._object.read(READ_SIZE):
                pieces.append(piece)
        except ssl.SSLWantReadError:
            return b"".join(pieces) or None
        except ssl.SSLZeroReturnError, ssl.SSLEOFError:
            pass  # it is told again
        except ssl.SSLError as error:
            raise trio.BrokenResourceError(f"the client has broken TLS: {error.reason}") from error
        return b"".join(pieces)

    def encrypt(self, data: memoryview) -> bytes:
        try:
            self._object.write(data)
        except ssl.SSLError as error:
            raise trio.BrokenResourceError(f"TLS cannot go on: {error.reason}") from error
        return self._outgoing.read()

    def said(self) -> bytes:
        """What TLS itself has to tell the client."""
        return self._outgoing.read()

    def close(self) -> None:
        with suppress(ssl.SSLError):  # it waits for the client's, which nobody does
            self._object.unwrap()
