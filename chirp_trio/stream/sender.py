"""How a stream's one writer reaches its client: ASGI's `send()`."""

from collections.abc import Sequence
from typing import Protocol

from ..asgi import Send


class Sender(Protocol):
    """The way to one client. Only one task calls it."""

    async def start(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Begin the response, with status 200."""

    async def write(self, data: bytes) -> None:
        """Send a piece of the body. May block for as long as the client does not read, and may not be cancellable."""

    async def finish(self) -> None:
        """End the body."""


class ASGISender:
    """A `Sender` on ASGI's `send()`."""

    __slots__ = ("_send",)

    def __init__(self, send: Send) -> None:
        self._send = send

    async def start(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def write(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
