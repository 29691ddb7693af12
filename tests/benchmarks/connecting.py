"""The connections of the load client in Python: of HTTP/1.1 in the clear, with TLS, and of HTTP/2 with TLS."""

import socket
import ssl

from tests.integration import frames

CHUNK = 1 << 18
WINDOW = 2**31 - 1
# The windows are as large as can be, so that no server waits for an update.
START = frames.PREFACE + frames.settings(initial_window_size=WINDOW, enable_push=0) + frames.window_update(0, WINDOW - 65535)


class Clear:
    """A connection of HTTP/1.1, which is one stream."""

    MOST = 1  # streams of a connection

    def __init__(self, port, path, _streams):
        self.socket = self._connect(port)
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\n\r\n".encode())
        self.socket.setblocking(False)

    def _connect(self, port):
        return socket.create_connection(("127.0.0.1", port))

    def receive(self):
        """Pairs of a stream, and of what has come on it."""
        if chunk := self._read():
            yield 0, chunk

    def _read(self):
        if not (chunk := self.socket.recv(CHUNK)):
            raise EOFError("a stream ended")
        return chunk


class Encrypted(Clear):
    """The same with TLS."""

    PROTOCOL = "http/1.1"
    CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    CONTEXT.check_hostname, CONTEXT.verify_mode = False, ssl.CERT_NONE  # the certificate is one of this run

    def _connect(self, port):
        self.CONTEXT.set_alpn_protocols([self.PROTOCOL])
        connection = self.CONTEXT.wrap_socket(super()._connect(port))
        if connection.selected_alpn_protocol() not in (self.PROTOCOL, None):
            raise EOFError(f"the server does not speak {self.PROTOCOL}")
        return connection

    def _read(self):
        """What has come; whatever TLS has decrypted has to be taken, because no selector tells of it."""
        received = b""
        try:
            while True:
                received += super()._read()
        except ssl.SSLWantReadError:
            return received


class Multiplexed(Encrypted):
    """A connection of HTTP/2, and its streams."""

    MOST = 100  # which all servers allow
    PROTOCOL = "h2"

    def __init__(self, port, path, streams):
        self.socket = self._connect(port)
        self._reader = frames.FrameReader()
        fields = [*frames.request_headers(path, scheme="https", authority="127.0.0.1"), ("accept", "text/event-stream")]
        requests = [frames.headers(number, fields) for number in range(1, 2 * streams, 2)]
        self.socket.sendall(START + b"".join(requests))
        self.socket.setblocking(False)

    def receive(self):
        for kind, flags, stream, payload in self._reader.feed(self._read()):
            if kind == frames.DATA:
                yield stream, payload
            ends = kind in (frames.DATA, frames.HEADERS) and flags & frames.END_STREAM
            if ends or kind in (frames.RST_STREAM, frames.GOAWAY):
                raise EOFError("a stream ended")
            if kind in (frames.SETTINGS, frames.PING) and not flags & frames.ACK:
                answer = payload if kind == frames.PING else b""
                self.socket.sendall(frames.frame(kind, frames.ACK, 0, answer))


CONNECTIONS = {"http": Clear, "https": Encrypted, "h2": Multiplexed}
