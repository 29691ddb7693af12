"""How a stream's one writer reaches its client: ASGI's `send()`, or around it where the server offers a way.

The way around is taken only where `send` is the server's own. Whoever has put something in between wants to see every
message, may still hold some that were sent before, and may change them.
"""

from collections.abc import Sequence
from typing import Protocol

from ..asgi import Message, Scope, Send, is_own_send


class Direct(Protocol):
    """The extension `chirp_trio.connection` of an ASGI scope, which `chirp_trio.server` offers."""

    is_open: bool
    progress: int  # a number that grows whenever the client has taken bytes

    async def send(self, message: Message) -> None:
        """ASGI's `send()` of the same request, as the server gives it to the app."""

    def write_nowait(self, data: bytes) -> bool:
        """Send a piece of the body, while it is open; whether all of it was taken."""

    async def drain(self) -> None:
        """Wait until the rest of it has been taken."""

    def abort(self) -> None:
        """Let the connection be reset when it is closed."""


class Sender:
    """The way to one client. Only one task uses it at a time."""

    __slots__ = ("_connection", "_direct", "_send", "has_begun")

    def __init__(self, scope: Scope, send: Send) -> None:
        self._send = send
        self.has_begun = False  # the response, from here
        # Whoever stands in between: the client at its other end is the same.
        self._connection: Direct | None = (scope.get("extensions") or {}).get("chirp_trio.connection")
        is_own = self._connection is not None and is_own_send(send, self._connection)
        self._direct: Direct | None = self._connection if is_own else None

    @property
    def is_direct(self) -> bool:
        """Whether `write_nowait()` can be used now: the response must have begun for that, and not ended.

        And begun from here: with the same `send` somebody else can begin one, who answers in the place of this one.
        """
        return self.has_begun and self._direct is not None and self._direct.is_open

    @property
    def progress(self) -> int:
        """A number that is another one once the client has taken bytes, where that can be seen."""
        return 0 if self._connection is None else self._connection.progress

    async def start(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Begin the response, with status 200."""
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        self.has_begun = True

    async def write(self, data: bytes) -> None:
        """Send a piece of the body. May block for as long as the client does not read.

        With `send()` the caller may then not be cancellable either; on a direct connection it is.
        """
        if not self.is_direct:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
        elif not self.write_nowait(data):
            await self.drain()

    def write_nowait(self, data: bytes) -> bool:
        """Send a piece of the body on a direct connection; if it was not taken whole, `drain()` has to be awaited next."""
        assert self._direct is not None
        return self._direct.write_nowait(data)

    async def drain(self) -> None:
        """Wait until what `write_nowait()` has left is taken."""
        if self._direct is not None:
            await self._direct.drain()

    async def finish(self) -> None:
        """End the body."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def abort(self) -> None:
        """Give the client up: what it has not read is not offered to it any longer, where the server can do that."""
        if self._direct is not None:
            self._direct.abort()
