"""An ASGI extension for responses that stay open: chunks go to the socket at once, without a task switch.

`scope["extensions"]["chirp_trio.connection"]` is there for HTTP/1.1 without TLS. `send()` costs some fifty microseconds a
message, most of it locks and cancel scopes that are of no use to a response with one writer; this costs the system call.
The response begins and ends by `send()`, so that the server knows of it. It is for those who were given the extension's own
`send`, with nobody in between: middleware that wraps `send` may hold messages back, or change them.
"""

import os
from collections.abc import Awaitable, Iterable
from typing import Any, Protocol

import trio

from ..asgi import Message, Scope, Send


class Writable(Protocol):
    """What this needs of a connection. What this and hypercorn write leaves in the order in which it was given."""

    def has_open_body(self) -> bool:
        """Whether a response has begun on the wire, and not ended."""

    def write_nowait(self, data: bytes) -> bool:
        """Hand bytes to the system, and keep what it does not take; whether it has taken all."""

    async def drain(self) -> None:
        """Wait until all that was kept has been taken."""

    def reset_when_closed(self) -> None:
        """Let closing drop what has not been delivered."""


class DirectConnection:
    """The extension: one response's way around `send()`.

    Others may call `send()` meanwhile: what they send, and what is written here, is each whole on the wire.

    Args:
        connection: Where the response goes.
        send: hypercorn's `send()`.
    """

    __slots__ = ("_connection", "_send", "body_bytes", "is_open")

    def __init__(self, connection: Writable, send: Send) -> None:
        self._connection = connection
        self._send = send
        self.is_open = False  # whether the body has begun, is one that chunks can be put into, and goes on
        self.body_bytes = 0  # how much of the body was not sent by `send()`

    async def send(self, message: Message) -> None:
        """ASGI's `send()`, as the app gets it: notes where the body begins and ends, and what it looks like."""
        has_chunks = False
        if message["type"] == "http.response.start":
            headers = message.get("headers", ())
            if not isinstance(headers, list | tuple):
                headers = list(headers)  # which might be read only once
                message = {**message, "headers": headers}
            has_chunks = _has_chunks(int(message["status"]), headers)
        elif not message.get("more_body", False):
            self.is_open = False
        await self._send(message)
        if has_chunks:
            # hypercorn keeps silent where the connection is over, after a bad request say, and nothing has begun.
            self.is_open = self._connection.has_open_body()

    def write_nowait(self, data: bytes) -> bool:
        """Send a piece of the body, which must not be empty, as one chunk (RFC 9112, 7.1).

        Returns:
            Whether all of it was taken. If not, `drain()` should be awaited before there is more.

        Raises:
            trio.BrokenResourceError: The client is gone, or the connection is about to be closed.
        """
        assert self.is_open
        self.body_bytes += len(data)
        return self._connection.write_nowait(b"%x\r\n%b\r\n" % (len(data), data))

    async def drain(self) -> None:
        """Wait until the rest has been taken; returns at once if there is none. Can be cancelled, and called again.

        Raises:
            trio.BrokenResourceError: The client is gone.
        """
        await self._connection.drain()

    def abort(self) -> None:
        """Let the connection be reset when it is closed: the client does not read, and need not be offered the rest."""
        self._connection.reset_when_closed()

    def __deepcopy__(self, memo: object) -> DirectConnection:
        return self  # there is one connection, however often middleware copies a request's scope


# Without a body, whatever the headers say (RFC 9112, 6.3). The methods are those of the client: middleware may show others.
_METHODS_WITHOUT_BODY = {"HEAD", "CONNECT"}
_STATUSES_WITHOUT_BODY = {204, 304}
# A body of known length, or in another coding, cannot have chunks put into it from beside.
_NOT_IN_CHUNKS = {b"content-length", b"content-encoding", b"transfer-encoding"}


def _has_chunks(status: int, headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether hypercorn frames the body of such a response in chunks, and in nothing else."""
    if status < 200 or status in _STATUSES_WITHOUT_BODY:
        return False
    return all(bytes(name).strip().lower() not in _NOT_IN_CHUNKS for name, _ in headers)  # as hypercorn cleans them


def offer_direct_connection(app: Any, connection: Writable) -> Any:
    """The app, as hypercorn wraps it, with the extension in the scope of each HTTP/1.1 request whose response has a body."""

    def offering(scope: Scope, receive: Any, send: Send, *others: Any) -> Awaitable[None]:
        if scope["type"] == "http" and scope["http_version"] == "1.1" and scope["method"] not in _METHODS_WITHOUT_BODY:
            direct = DirectConnection(connection, send)
            scope["extensions"]["chirp_trio.connection"] = direct
            send = direct.send
        awaitable: Awaitable[None] = app(scope, receive, send, *others)
        return awaitable

    return offering


def write_nowait(descriptor: int, data: bytes | memoryview) -> int:
    """Hand bytes to the system; how many it took, which may be none.

    Raises:
        trio.BrokenResourceError: The connection is gone.
    """
    try:
        return os.write(descriptor, data)
    except BlockingIOError:
        return 0
    except OSError as error:
        raise trio.BrokenResourceError(str(error)) from error
