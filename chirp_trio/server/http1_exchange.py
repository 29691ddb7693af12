"""One request and its response over HTTP/1.1 (RFC 9112)."""

from typing import Protocol, override

import trio

from ..asgi import Message
from ..logs import logger_of
from .conversation import Conversation
from .exchange import Exchange, Stage
from .http1_request import RefusedError, Request, RequestReader
from .http1_response import ResponseEncoder
from .messages import Headers
from .patience import BodyPatience

logger = logger_of("server")

# The most bytes that a client may send ahead of its turn: the next request, or a few. Clients that send more are cut off.
MAX_AHEAD = 64 * 1024
_GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"


class LastChunk:
    """The piece of a body that was sent last, and its chunk: a thousand clients get an event as one object, in turn.

    Attributes:
        pair: Both, as one value, because the servers of all threads share it.
        MAX_BYTES: The size of a piece that is kept until the next one.
    """

    MAX_BYTES = 64 * 1024
    pair = b"", b""


class Answering(Protocol):
    """The part of the connection that answers its requests.

    Attributes:
        is_stopping: Whether the response that begins now is to be the last one.
    """

    is_stopping: bool

    async def refuse(self, status: int) -> None:
        """Answer with only a status."""


class HTTP1Exchange(Exchange):
    """A request and its response over HTTP/1.1.

    Args:
        conversation: The parts of the server that a connection uses.
        reader: The reader of the connection, which has read the head of the request.
        request: That head.
        answering: The part of the connection that answers its requests.

    Attributes:
        is_refused: Whether the request was answered with only a status while its body came.
    """

    __slots__ = ("_answering", "_body", "_conversation", "_encoder", "_is_chunked", "_reader", "_transport", "is_refused")

    def __init__(self, conversation: Conversation, reader: RequestReader, request: Request, answering: Answering) -> None:
        super().__init__(request.method)
        self._conversation = conversation
        self._reader = reader
        self._transport = conversation.transport
        self._encoder = ResponseEncoder(request.method, request.version, is_last=request.is_last)
        self._is_chunked = False  # the encoder's, once the response has begun
        self._answering = answering
        self._body = BodyPatience(conversation.settings.body_timeout)
        self.is_refused = False

    @override
    def _message_at_hand(self) -> Message | None:
        try:
            return None if self._body.is_over else self._take_piece()
        except RefusedError:
            return None  # `_next_message()` meets it again, and can answer

    def _take_piece(self) -> Message | None:
        piece = self._reader.next_piece()
        if piece is None:
            return None
        self._body.received += len(piece)
        self._body.is_over = not piece
        return {"type": "http.request", "body": piece, "more_body": bool(piece)}

    @override
    async def _next_message(self) -> Message | None:
        if not self._body.is_over:
            return await self._receive_piece()
        if not self.is_refused and self._begin_to_watch():
            await trio.sleep_forever()  # in a scope that ends with the exchange
        return None

    async def _receive_piece(self) -> Message | None:
        try:
            while (message := self._take_piece()) is None:
                if self._reader.awaits_continue and self.stage is Stage.NOTHING:  # it would be a part of the response
                    self._reader.awaits_continue = False
                    self._transport.write_nowait(_GO_ON)
                data = await self._receive_body()
                if not data:
                    await self._refuse_body(400)  # unless it was too late, and has been told so
                    break
                self._reader.receive_data(data)
            else:
                return message
        except RefusedError as refused:
            self._body.is_over = True
            await self._refuse_body(refused.status)
        except trio.BrokenResourceError:
            pass
        self._body.is_over = True
        return None

    async def _receive_body(self) -> bytes:
        """The next bytes of the client; empty if they take too long."""
        with self._body.wait() as patience:
            data = await self._transport.receive()
        if not patience.cancelled_caught:
            return data
        await self._refuse_body(408)
        return b""

    async def _refuse_body(self, status: int) -> None:
        """Give up a request whose body cannot be read, with an error status if no response has begun."""
        if self.stage is Stage.NOTHING and not self.is_refused:
            self.is_refused = True
            await self._answering.refuse(status)

    @override
    def _begin_to_watch(self) -> bool:
        while self._message_at_hand() is not None:
            pass
        if not self._body.is_over or self.is_refused:
            return False
        try:
            self._transport.watch(self)
        except OSError:
            logger.exception("a connection failed")
            self.leave()
        else:
            if self._transport.is_encrypted:  # bytes may have come already, which the system does not report again
                self.take_in()
        return True

    def take_in(self) -> None:
        """Keep the bytes that the client sends ahead of its turn, or note that it has left."""
        try:
            while data := self._transport.receive_nowait():
                self._reader.receive_data(data)
                if self._reader.unread >= MAX_AHEAD:
                    break
            if data is None:
                return
        except trio.BrokenResourceError:
            pass
        except Exception:
            logger.exception("a connection failed")
        self._conversation.has_had_turn = True
        self.leave()

    @override
    def leave(self) -> None:
        self._transport.unwatch(self)
        super().leave()

    @override
    def _begin(self, status: int, headers: Headers, message: Message, first: bytes) -> bool:
        if not 200 <= status <= 999:
            raise ValueError(f"the response's status is {status}; it must be 200 or more")
        if self.is_refused:
            raise trio.BrokenResourceError("the connection is about to be closed")
        # A client that still waits for `100 Continue` may or may not send its body: the next request could not be found.
        self._encoder.is_last |= self._answering.is_stopping or self._reader.awaits_continue
        head = self._encoder.head(status, headers + self._conversation.server_headers())
        self._is_chunked = self._encoder.is_chunked
        return self._transport.write_nowait(head + self._encoder.piece(first) if first else head)

    @override
    def write_nowait(self, data: bytes) -> bool:
        if not self._is_chunked:
            return super().write_nowait(data)
        # As there, with as few looks at memory as can be: an event for a thousand clients comes here a thousand times.
        if self.has_left:
            raise trio.BrokenResourceError("the client has left")
        assert self.is_open
        self.body_bytes += len(data)
        known, chunk = LastChunk.pair
        if known is not data:
            chunk = b"%x\r\n%b\r\n" % (len(data), data)
            if len(data) <= LastChunk.MAX_BYTES:
                LastChunk.pair = data, chunk
        return self._transport.write_nowait(chunk)

    @override
    def _write_piece(self, data: bytes) -> bool:
        return self._transport.write_nowait(self._encoder.piece(data))

    @override
    async def _drain(self) -> None:
        await self._transport.drain()

    @override
    def _end(self) -> None:
        if end := self._encoder.end():
            self._transport.write_nowait(end)

    def can_be_followed(self) -> bool:
        """Move the connection on to the next request, if there can be one; return whether there can."""
        if self.is_refused or not self._encoder.is_complete:
            return False
        try:
            while piece := self._reader.next_piece():  # the rest of a body that the app has not read
                pass
        except RefusedError:
            piece = None
        is_last = piece is None or self._encoder.is_last
        # What the client still sends must not cost it the response.
        self._conversation.linger = piece is None or (is_last and self._reader.unread > 0)
        return not is_last

    @property
    @override
    def progress(self) -> int:
        return self._transport.progress

    @override
    def abort(self) -> None:
        self._transport.reset_when_closed()
