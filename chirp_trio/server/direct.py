"""An ASGI extension for responses that stay open: chunks go to the socket at once, without a task switch.

`scope["extensions"]["chirp_trio.connection"]` is there for HTTP/1.1 without TLS. `send()` costs some fifty microseconds a
message, most of it locks and cancel scopes that are of no use to a response with one writer; this costs the system call.
The response begins and ends by `send()`, so that the server, and middleware around `send`, know of it.
"""

import os
from collections.abc import Awaitable
from typing import Any, Protocol

import trio

from ..asgi import Message, Scope, Send


class Writable(Protocol):
    """What this needs of a connection."""

    def write_nowait(self, data: bytes) -> int:
        """Hand bytes to the system; how many it took."""

    async def wait_writable(self) -> None:
        """Wait until it takes more."""

    def reset_when_closed(self) -> None:
        """Let closing drop what has not been delivered."""


class DirectConnection:
    """The extension: one response's way around `send()`.

    Only the task that would call `send()` may use it, and not while it calls `send()`.
    """

    __slots__ = ("_connection", "_rest", "_send", "is_open")

    def __init__(self, connection: Writable, send: Send) -> None:
        self._connection = connection
        self._send = send
        self._rest = b""  # of a chunk that was taken in part
        self.is_open = False  # whether the response has begun, in a way that chunks can be put into

    def send(self, message: Message) -> Awaitable[None]:
        """ASGI's `send()`, as the app gets it: notes where the body begins and ends, and what it looks like."""
        if message["type"] == "http.response.start":
            self.is_open = all(name.lower() not in _NOT_IN_CHUNKS for name, _ in message.get("headers", ()))
        elif not message.get("more_body", False):
            self.is_open = False
        return self._send(message)

    def write_nowait(self, data: bytes) -> bool:
        """Send a piece of the body, which must not be empty, as one chunk (RFC 9112, 7.1).

        Returns:
            Whether all of it was taken. If not, the rest is kept, and `drain()` has to be awaited before anything else.

        Raises:
            trio.BrokenResourceError: The client is gone.
        """
        assert self.is_open
        assert not self._rest
        chunk = b"%x\r\n%b\r\n" % (len(data), data)
        taken = self._connection.write_nowait(chunk)
        self._rest = chunk[taken:]
        return not self._rest

    async def drain(self) -> None:
        """Wait until the rest has been taken; returns at once if there is none. Can be cancelled, and called again.

        Raises:
            trio.BrokenResourceError: The client is gone.
        """
        while self._rest:
            await self._connection.wait_writable()
            self._rest = self._rest[self._connection.write_nowait(self._rest) :]

    def __deepcopy__(self, memo: object) -> DirectConnection:
        return self  # there is one connection, however often middleware copies a request's scope

    def abort(self) -> None:
        """Let the connection be reset when it is closed: the client does not read, and need not be offered the rest."""
        self._connection.reset_when_closed()


# A body of known length, or in another coding, cannot have chunks put into it from beside.
_NOT_IN_CHUNKS = {b"content-length", b"content-encoding", b"transfer-encoding"}


def offer_direct_connection(app: Any, connection: Writable) -> Any:
    """The app, as hypercorn wraps it, with the extension in the scope of each HTTP/1.1 request."""

    def offering(scope: Scope, receive: Any, send: Send, *others: Any) -> Awaitable[None]:
        if scope["type"] == "http" and scope["http_version"] == "1.1":
            direct = DirectConnection(connection, send)
            scope["extensions"]["chirp_trio.connection"] = direct
            send = direct.send
        awaitable: Awaitable[None] = app(scope, receive, send, *others)
        return awaitable

    return offering


def write_nowait(descriptor: int, data: bytes) -> int:
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
