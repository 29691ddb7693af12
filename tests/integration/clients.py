"""Clients on bare sockets, which can do what no decent client does: leave in every way, and not read."""

import selectors
import socket
import ssl
import struct
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Self

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings
import h11

# Seconds; far more than anything here takes, so that a busy machine fails no test, and a test that hangs comes to an end.
PATIENCE = 60.0


class Response:
    """What has come of a response so far."""

    def __init__(self, stream_id: int = 0) -> None:
        self.stream_id = stream_id
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.body = b""
        self.complete = False  # the end of the body has come, as HTTP has it


class Client:
    """One connection."""

    def __init__(
        self,
        address: tuple[str, int],
        *,
        receive_buffer: int | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._address = address
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        try:
            self.socket.connect(address)
            if tls is not None:
                self.socket = tls.wrap_socket(self.socket, server_hostname=address[0])
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def request(
        self, path: str, *, method: str = "GET", headers: Sequence[tuple[str, str]] = (), body: Iterable[bytes] | None = None
    ) -> Response:
        """Send a request; its body, if it has one, in a chunk or frame for each piece."""
        raise NotImplementedError

    def receive(self) -> None:
        """Take in what comes next; raise `EOFError` if nothing will."""
        raise NotImplementedError

    def wait_for(self, response: Response, text: bytes) -> None:
        """Read until the body holds the text."""
        while text not in response.body:
            assert not response.complete, f"the body ended without {text!r}: {response.body!r}"
            self.receive()

    def wait_for_end(self, response: Response) -> None:
        """Read until the body has ended as it should: an `EOFError` before that is the server's fault."""
        while not response.complete:
            self.receive()

    def leave(self) -> None:
        """Close the connection; the server gets a FIN, if all that it sent has been read."""
        self.socket.close()

    def leave_half(self) -> None:
        """Say that nothing more will be sent, and go on reading."""
        self.socket.shutdown(socket.SHUT_WR)

    def leave_by_reset(self) -> None:
        """Tear the connection down; the server gets a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _receive_bytes(self) -> bytes:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError("the server closed the connection")
        return data


class HTTP1(Client):
    """HTTP/1.1, one request after the other."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)
        self._connection = h11.Connection(h11.CLIENT)
        self._response = Response()

    def request(
        self, path: str, *, method: str = "GET", headers: Sequence[tuple[str, str]] = (), body: Iterable[bytes] | None = None
    ) -> Response:
        if self._connection.our_state is h11.DONE:
            self._connection.start_next_cycle()
        self._response = Response()
        host = ("host", "{}:{}".format(*self._address))
        framing = [("transfer-encoding", "chunked")] if body is not None else []
        head = h11.Request(method=method, target=path, headers=[host, *framing, *headers])
        events = [head, *map(h11.Data, body or ()), h11.EndOfMessage()]
        self.socket.sendall(b"".join(self._connection.send(event) or b"" for event in events))
        return self._response

    def receive(self) -> None:
        self._connection.receive_data(self._receive_bytes())
        while (event := self._connection.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
            response = self._response
            if isinstance(event, h11.Response):
                response.status = event.status_code
                response.headers = [(name.decode(), value.decode()) for name, value in event.headers]
            elif isinstance(event, h11.Data):
                response.body += event.data
            elif isinstance(event, h11.EndOfMessage):
                response.complete = True


class _HTTP2Connection(h2.connection.H2Connection):
    """Goes on with its streams after a GOAWAY frame (RFC 9113, 6.8); python-h2 does not."""

    def _receive_goaway_frame(self, frame: object) -> tuple[list[object], list[object]]:
        return [], []


class HTTP2(Client):
    """HTTP/2 in clear text, with prior knowledge; as many requests at once as one likes."""

    def __init__(self, *arguments: object, window: int = 65535, connection_window: int = 65535, **options: object) -> None:
        super().__init__(*arguments, **options)
        self._connection = _HTTP2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        windows = {h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window}
        self._connection.local_settings = h2.settings.Settings(client=True, initial_values=windows)
        self._connection.initiate_connection()
        if connection_window > 65535:
            self._connection.increment_flow_control_window(connection_window - 65535)
        self._responses: dict[int, Response] = {}
        self._flush()

    def request(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: Sequence[tuple[str, str]] = (),
        body: Iterable[bytes] | None = None,
        body_follows: bool = False,
    ) -> Response:
        stream_id = self._connection.get_next_available_stream_id()
        authority = "{}:{}".format(*self._address)
        pseudo = [(":method", method), (":path", path), (":scheme", "http"), (":authority", authority)]
        self._connection.send_headers(stream_id, [*pseudo, *headers], end_stream=body is None and not body_follows)
        self._responses[stream_id] = Response(stream_id)
        for piece in body or ():
            self._connection.send_data(stream_id, piece)
        if body is not None:
            self._connection.end_stream(stream_id)
        self._flush()
        return self._responses[stream_id]

    def receive(self) -> None:
        for event in self._connection.receive_data(self._receive_bytes()):
            response = self._responses.get(getattr(event, "stream_id", None), Response())
            if isinstance(event, h2.events.ResponseReceived):
                response.status = int(dict(event.headers)[":status"])
                response.headers = [(name, value) for name, value in event.headers if not name.startswith(":")]
            elif isinstance(event, h2.events.DataReceived):
                response.body += event.data
                self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                response.complete = True
            elif isinstance(event, h2.events.StreamReset) and not response.complete:
                raise EOFError(f"the server reset the stream: {event.error_code!r}")
        self._flush()

    def may_send(self, response: Response) -> int:
        """How many bytes of a body the server takes at present."""
        return self._connection.local_flow_control_window(response.stream_id)

    def send_data(self, response: Response, data: bytes) -> None:
        """Send a piece of the body that follows."""
        self._connection.send_data(response.stream_id, data)
        self._flush()

    def reset(self, response: Response) -> None:
        """Give up one response, and keep the connection."""
        self._connection.reset_stream(response.stream_id, h2.errors.ErrorCodes.CANCEL)
        self._flush()

    def go_away(self) -> None:
        """Announce the end of the connection, and leave without a look at what still comes."""
        self._connection.close_connection()
        self._flush()
        self.leave()

    def _flush(self) -> None:
        self.socket.sendall(self._connection.data_to_send())


def read_together(responses: Mapping[Client, Response], seconds: float = PATIENCE) -> Iterator[Response]:
    """Read from many clients, from each as soon as something has come for it; yield the response that has got more.

    Over when the time is, or when no connection is left. That the server closed one is no error here.
    """
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for client, response in responses.items():
            selector.register(client.socket, selectors.EVENT_READ, (client, response))
        while selector.get_map() and (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                client, response = key.data
                try:
                    client.receive()
                except EOFError, ConnectionError:
                    selector.unregister(client.socket)
                yield response
