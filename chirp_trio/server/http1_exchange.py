"""One request and its response by HTTP/1.1 (RFC 9112)."""

from collections.abc import Awaitable, Callable
from typing import override

import h11
import trio

from ..asgi import Message
from ..errors import phrase
from .conversation import Conversation
from .exchange import Exchange, Headers
from .patience import BodyPatience

# What a client may send before its turn: the next request, or a few. Whoever sends more is cut off.
MAX_AHEAD = 64 * 1024


class HTTP1Exchange(Exchange):
    """A request and its response, by HTTP/1.1.

    Args:
        conversation: What the connection has of the server.
        parser: The connection's parser, which has read the head of the request.
        method: The request's method.
        refuse: Answers with a status and nothing else, if nothing has been answered yet.
        is_last: Whether the response that begins now is to be the connection's last one.
    """

    __slots__ = ("_body", "_conversation", "_has_chunks", "_is_last", "_parser", "_refuse", "_transport")

    def __init__(
        self, conversation: Conversation, parser: h11.Connection, method: str,
        refuse: Callable[[int], Awaitable[None]], is_last: Callable[[], bool],
    ) -> None:  # fmt: skip
        super().__init__(method)
        self._conversation = conversation
        self._parser = parser
        self._transport = conversation.transport
        self._has_chunks = parser.their_http_version == b"1.1"  # others have a body without a length end with the connection
        self._refuse = refuse
        self._is_last = is_last
        self._body = BodyPatience(conversation.settings.body_timeout)

    @override
    async def _next_message(self) -> Message | None:
        if not self._body.is_over:
            message = await self._next_piece()
            if message is not None:
                return message
        elif self._parser.their_state is not h11.ERROR:
            await self._wait_until_left()
        return None

    async def _next_piece(self) -> Message | None:
        try:
            while True:
                event = self._parser.next_event()
                if isinstance(event, h11.Data):
                    self._body.received += len(event.data)
                    return {"type": "http.request", "body": bytes(event.data), "more_body": True}
                if isinstance(event, h11.EndOfMessage):
                    self._body.is_over = True
                    return {"type": "http.request", "body": b"", "more_body": False}
                if event is not h11.NEED_DATA:
                    return None
                if self._parser.they_are_waiting_for_100_continue:
                    go_on = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
                    self._transport.write_nowait(self._parser.send(go_on) or b"")
                data = await self._receive_body()
                if not data:
                    return None
                self._parser.receive_data(data)
        except h11.RemoteProtocolError as error:
            await self._refuse(error.error_status_hint)
        except trio.BrokenResourceError:
            pass
        self._body.is_over = True
        return None

    async def _receive_body(self) -> bytes:
        """What comes next; nothing, if it is too long in coming."""
        with self._body.wait() as patience:
            data = await self._transport.receive()
        if not patience.cancelled_caught:
            return data
        await self._refuse(408)
        return b""

    async def _wait_until_left(self) -> None:
        ahead = 0
        try:
            while ahead < MAX_AHEAD and (data := await self._transport.receive()):
                self._parser.receive_data(data)
                ahead += len(data)
        except trio.BrokenResourceError:
            pass

    @override
    def _begin(self, status: int, headers: Headers, message: Message) -> None:
        if status < 200:
            raise ValueError(f"the response's status is {status}; it must be 200 or more")
        headers = headers + self._conversation.server_headers()
        if self._is_last():
            headers.append((b"connection", b"close"))
        # The reason may be empty (RFC 9112, 4), but there are clients that count such a response as a failure.
        self._write(h11.Response(status_code=status, headers=headers, reason=phrase(status).encode("ascii")))

    @override
    def _write_piece(self, data: bytes) -> bool:
        if self.is_open and self._has_chunks:  # (RFC 9112, 7.1); the parser's own would come to the same
            return self._transport.write_nowait(b"%x\r\n%b\r\n" % (len(data), data))
        return self._write(h11.Data(data=data))

    @override
    async def _drain(self) -> None:
        await self._transport.drain()

    @override
    def _end(self) -> None:
        self._write(h11.EndOfMessage())

    def _write(self, event: h11.Event) -> bool:
        if self._parser.our_state is h11.ERROR:  # it has been refused already, while its body came
            raise trio.BrokenResourceError("the connection is about to be closed")
        data = self._parser.send(event)
        return self._transport.write_nowait(data) if data else True

    @property
    @override
    def progress(self) -> int:
        return self._transport.progress

    @override
    def abort(self) -> None:
        self._transport.reset_when_closed()
