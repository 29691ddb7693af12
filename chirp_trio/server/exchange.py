"""One request and its response in terms of ASGI, for each version of HTTP.

An exchange is also the extension `chirp_trio.connection` of the request's scope, for responses that stay open:
`start_nowait()` writes the head, with the first piece of the body, to the socket at once, and `write_nowait()` writes further
pieces, without a task switch. Only an app that was given this exchange's own `send` may use them: middleware that wraps
`send` may hold messages back, or change them. In the same way, `watch()` is for an app that was given the
exchange's own `receive`, and only wants to know when the client leaves.
"""

import enum
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import final

import trio

from ..asgi import Message
from .messages import STATUSES_WITHOUT_BODY, Headers, check_headers

# Statuses whose responses have no body, whatever the headers say (RFC 9110, 6.4.1).
_METHODS_WITHOUT_BODY = frozenset({"HEAD", "CONNECT"})
# Headers of bodies to which pieces cannot be added directly: a known length, or a transfer coding. A content coding is the
# app's own: only an app that uses the server's own `send` can add pieces, and it knows the coding.
_CLOSED_TO_PIECES = frozenset({b"content-length", b"transfer-encoding"})


class Stage(enum.Enum):
    """The progress of the response."""

    NOTHING = "not begun"
    BODY = "begun"
    OVER = "over"


class Exchange(ABC):
    """A request that is being answered.

    Args:
        method: The request's method, as the client has sent it.
    """

    __slots__ = (
        "_has_body", "_is_event_stream", "_is_receiving", "_is_told_to_leave", "_left", "_method", "_receivers", "_waiting",
        "body_bytes", "has_left", "is_open", "stage",
    )  # fmt: skip

    def __init__(self, method: str) -> None:
        self._method = method
        self._has_body = False
        self._is_event_stream = False
        self._is_receiving = False
        self._receivers: trio.lowlevel.ParkingLot | None = None  # tasks that wait until another task has received
        self._waiting: trio.CancelScope | None = None  # around the wait in `receive()`
        self._left: Callable[[], None] | None = None  # called when `receive()` would return
        self._is_told_to_leave = False
        self.stage = Stage.NOTHING
        self.has_left = False  # the client has left, or the connection is broken: nothing that is sent will arrive
        self.is_open = False  # whether the body has begun, goes on, and takes pieces directly
        self.body_bytes = 0  # bytes of the body that were not sent by `send()`

    # -- ASGI -----------------------------------------------------------------------------------------------------------

    @final
    async def receive(self) -> Message:
        """ASGI's `receive()`: pieces of the body, then `http.disconnect` when the client has left or the response is over."""
        while self._is_receiving:  # two tasks of an app may both wait for the client
            self._receivers = self._receivers or trio.lowlevel.ParkingLot()
            await self._receivers.park()
        self._is_receiving = True
        try:
            if not self._is_finished:
                message = self._message_at_hand()
                if message is not None:
                    return message
                with trio.CancelScope() as self._waiting:
                    message = await self._next_message()
                    if message is not None:
                        return message
                    self.leave()
        finally:
            self._waiting = None
            self._is_receiving = False
            if self._receivers is not None:
                self._receivers.unpark()
        await trio.lowlevel.checkpoint()
        return {"type": "http.disconnect"}

    @final
    async def send(self, message: Message) -> None:
        """ASGI's `send()`. Messages to a client that has left are dropped.

        Raises:
            RuntimeError: The message is not allowed now.
        """
        kind = message["type"]
        if kind == "http.response.start" and self.stage is Stage.NOTHING:
            self._start(message, b"")
            await trio.lowlevel.checkpoint()
        elif kind == "http.response.body" and self.stage is Stage.BODY:
            await self._send_body(bytes(message.get("body", b"")), more=message.get("more_body", False))
        elif not await self._send_other(message):
            raise self._refusal(message)

    def _start(self, message: Message, first: bytes) -> bool:
        """Begin the response, with the first piece of its body if there is one; return whether all bytes were taken."""
        status, headers = int(message["status"]), check_headers(message.get("headers", ()))
        self._has_body = self._method not in _METHODS_WITHOUT_BODY and status >= 200 and status not in STATUSES_WITHOUT_BODY
        is_open = self._has_body and _CLOSED_TO_PIECES.isdisjoint([name for name, _ in headers])
        is_taken = True
        if not self.has_left:
            try:
                is_taken = self._begin(status, headers, message, first if self._has_body else b"")
            except trio.BrokenResourceError:
                self.leave()
        self.stage = Stage.BODY
        self.is_open = is_open and not self.has_left
        types = [value for name, value in headers if name == b"content-type"]
        self._is_event_stream = bool(types) and types[0].startswith(b"text/event-stream")
        return is_taken

    def _refusal(self, message: Message) -> RuntimeError:
        return RuntimeError(f"the message {message['type']!r} cannot be sent now: the response is {self.stage.value}")

    async def _send_body(self, body: bytes, *, more: bool) -> None:
        if not more:
            self.is_open = False
        try:
            if not self.has_left:
                if body and self._has_body:
                    self._write_piece(body)
                    if not more and self._must_drain_before_end:
                        await self._drain()
                if not more and not self.has_left:
                    self._end()
                await self._drain()
        except trio.BrokenResourceError:
            self.leave()
        finally:
            if not more:
                self._finish()
        await trio.lowlevel.checkpoint()

    # HTTP/2 sends no more than the client's window has room for; what is left would come after the end.
    _must_drain_before_end = False

    async def _send_other(self, message: Message) -> bool:  # noqa: ARG002 - for protocols that have more
        """Send a message of an extension, if it is known and allowed now; return whether it is."""
        return False

    # -- the extension --------------------------------------------------------------------------------------------------

    @final
    def start_nowait(self, message: Message, first: bytes) -> bool:
        """Send the message that begins the response, with the first piece of its body, which may be empty.

        Returns:
            Whether all bytes were taken. If not, `drain()` should be awaited before more is sent.

        Raises:
            RuntimeError: The response has begun already.
            trio.BrokenResourceError: The client is gone, or the connection is about to be closed.
        """
        if self.stage is not Stage.NOTHING:
            raise self._refusal(message)
        is_taken = self._start(message, first)
        if self.has_left:
            raise trio.BrokenResourceError("the client has left")
        self.body_bytes += len(first)
        return is_taken

    def write_nowait(self, data: bytes) -> bool:
        """Send a piece of the body, which must not be empty.

        Returns:
            Whether all bytes were taken. If not, `drain()` should be awaited before more is sent.

        Raises:
            trio.BrokenResourceError: The client is gone, or the connection is about to be closed.
        """
        if self.has_left:
            raise trio.BrokenResourceError("the client has left")
        assert self.is_open
        self.body_bytes += len(data)
        return self._write_piece(data)

    @final
    async def drain(self) -> None:
        """Wait until the kept bytes have been taken; returns at once if there are none. Can be cancelled, and called again.

        Raises:
            trio.BrokenResourceError: The client is gone, or has taken no bytes for too long.
        """
        await self._drain()

    @final
    def watch(self, left: Callable[[], None]) -> bool:
        """Register a function that is called once, when `receive()` would say that the client has left. That may be now.

        Returns:
            Whether it will be called: it will not while there may be a body to receive. Bytes that have come are dropped.
        """
        if self._is_finished:
            left()
        elif self._begin_to_watch():
            self._left = left
        else:
            return False
        return True

    @property
    @abstractmethod
    def progress(self) -> int:
        """A number that changes when the client takes bytes while others wait for that."""

    @abstractmethod
    def abort(self) -> None:
        """Close the connection with a reset: the client does not read, and need not be offered the rest."""

    def __deepcopy__(self, memo: object) -> Exchange:
        return self  # middleware may copy a request's scope, but not its exchange

    # -- from the connection --------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Note that the client has left."""
        self.has_left = True
        self._wake()

    @final
    def ask_to_leave(self) -> None:
        """Ask an app whose response has begun to end it, as if the client had left; its messages still arrive."""
        if self.stage is not Stage.NOTHING:
            self._is_told_to_leave = True
            self._wake()

    @final
    async def end_as_asked(self) -> None:
        """End the event stream of an app that was asked to end it, and has returned as if the client had left.

        A client can go on from any event of a stream. Other responses that are not complete must not look complete.
        """
        if self._is_told_to_leave and self.is_open and self._is_event_stream:
            await self.send({"type": "http.response.body"})

    # -- for the protocols ----------------------------------------------------------------------------------------------

    def _message_at_hand(self) -> Message | None:
        """The next piece of the request's body, if it can be had without a wait."""
        return None

    @abstractmethod
    async def _next_message(self) -> Message | None:
        """The next piece of the request's body; then wait until the client leaves, and return None."""

    @abstractmethod
    def _begin_to_watch(self) -> bool:
        """Let `leave()` be called when the client leaves, without a task that waits; return whether that is possible now."""

    @abstractmethod
    def _begin(self, status: int, headers: Headers, message: Message, first: bytes) -> bool:
        """Write the head of the response, and the first piece of its body if there is one; return whether all was taken."""

    @abstractmethod
    def _write_piece(self, data: bytes) -> bool:
        """Write a piece of the body, or keep it; return whether all bytes were taken."""

    @abstractmethod
    async def _drain(self) -> None:
        """Wait until all kept bytes have been taken."""

    @abstractmethod
    def _end(self) -> None:
        """Write the end of the body."""

    def _finish(self) -> None:
        self.stage = Stage.OVER
        self.is_open = False
        self._wake()

    @property
    def _is_finished(self) -> bool:
        """Whether nothing more can be received: the client has left, or the response is over."""
        return self.has_left or self._is_told_to_leave or self.stage is Stage.OVER

    def _wake(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel("the exchange is over")
        if self._left is not None:
            left, self._left = self._left, None
            left()
