"""One request of an HTTP/2 connection, and its response.

A body is sent as far as the windows allow (RFC 9113, 5.2), in frames of a limited size, so that the connection's streams take
turns; the rest stays in the app's own buffer, and the task that sends it waits.
"""

from collections import deque
from collections.abc import Callable
from typing import Protocol, override

import trio
from h2.errors import ErrorCodes

from ..asgi import Message
from .conversation import Conversation
from .exchange import Exchange, Stage
from .http2_body import RequestBody
from .http2_frames import FrameConnection
from .http2_outgoing import Outgoing
from .http2_rules import Request, check_response
from .messages import Headers, read_content_length


class Connection(Protocol):
    """The parts of its connection that an exchange uses."""

    conversation: Conversation
    frames: FrameConnection
    outgoing: Outgoing

    def forget(self, stream_id: int) -> None:
        """Note that a response is over."""

    def refusal(self, status: int) -> Headers:
        """The headers of a response that has only a status."""


class HTTP2Exchange(Exchange):
    """A request and its response over HTTP/2.

    Args:
        connection: The connection that it came on.
        stream_id: The number of its stream.
        request: Its head.
    """

    __slots__ = (
        "_awaits_trailers", "_body", "_connection", "_content_left", "_expects_continue", "_flowed", "_frames", "_outgoing",
        "_pieces", "_room", "_sent", "_state", "_stream_id", "_takes_trailers", "_trailers", "_transport", "is_concluded",
    )  # fmt: skip

    _must_drain_before_end = True

    def __init__(self, connection: Connection, stream_id: int, request: Request) -> None:
        super().__init__(request.method)
        self._connection = connection
        self._transport = connection.conversation.transport
        self._frames = connection.frames
        self._outgoing = connection.outgoing
        self._stream_id = stream_id
        self._state = connection.frames.streams[stream_id]
        timeout = connection.conversation.settings.body_timeout
        self._body = RequestBody(connection.frames, stream_id, request.content_length, timeout)
        self._expects_continue = request.expects_continue
        self._pieces: deque[memoryview] = deque()  # bytes that the windows have no room for yet
        self._content_left: int | None = None
        self._room = trio.Event()  # one of the windows has been opened
        self._sent = self._flowed = 0
        self._takes_trailers = request.takes_trailers
        self._awaits_trailers = False
        self._trailers: Headers = []
        self.is_concluded = False  # nothing more is sent: the response is complete, or the stream was reset

    # -- the request's body ---------------------------------------------------------------------------------------------

    def take(self, data: bytes, flowed: int) -> None:
        """Keep a piece of the body for the app; `flowed` is its size in the windows, with its padding."""
        if not self._body.take(data, flowed):
            self.reset(ErrorCodes.PROTOCOL_ERROR)

    def end_body(self) -> None:
        """Note that the body is complete."""
        if not self._body.end():
            self.reset(ErrorCodes.PROTOCOL_ERROR)

    @override
    async def _next_message(self) -> Message | None:
        if self._expects_continue and self._body.is_empty and self.stage is Stage.NOTHING:
            self._try(lambda: self._send_headers([(b":status", b"100")]))
        self._expects_continue = False
        message = await self._body.next_message()
        if message is None:
            self._give_body_up()
        else:
            self._try(self._outgoing.flush)
        return message

    @override
    def _begin_to_watch(self) -> bool:
        return self._body.has_been_taken  # the connection's reader calls `leave()` in any case

    def _give_body_up(self) -> None:
        """End a request whose body does not come."""
        self.refuse(408) if self.stage is Stage.NOTHING else self.reset(ErrorCodes.CANCEL)

    # -- the response ---------------------------------------------------------------------------------------------------

    @override
    def _begin(self, status: int, headers: Headers, message: Message, first: bytes) -> bool:
        if not 200 <= status <= 999:
            raise ValueError(f"the response's status is {status}; it must be 200 or more")
        headers = check_response(headers)
        self._content_left = read_content_length(headers) if self._has_body else None
        self._awaits_trailers = bool(message.get("trailers", False))
        headers = [(b":status", b"%d" % status), *headers, *self._connection.conversation.server_headers()]
        self._frames.send_headers(self._stream_id, headers)
        is_taken = self._write_piece(first) if first else True
        self._outgoing.flush()
        return is_taken and not self._transport.backlog

    def _send_headers(self, headers: Headers, *, ends: bool = False) -> None:
        self._frames.send_headers(self._stream_id, headers, end_stream=ends)
        self._outgoing.flush()
        if ends:
            self._conclude()

    @override
    def _write_piece(self, data: bytes) -> bool:
        if self._content_left is not None:
            self._content_left -= len(data)
            if self._content_left < 0:
                raise ValueError("the response's body is longer than its content-length")
        if self.is_concluded:
            raise trio.BrokenResourceError("the stream is over")
        if len(data) <= self._outgoing.most_data(self._state) and not self._pieces and not self._transport.backlog:
            self._send_piece(data)
            return not self._transport.backlog
        self._pieces.append(memoryview(data))
        return False

    def _send_next(self) -> None:
        """Send one frame of the waiting bytes: as many as the windows have room for."""
        piece, most = self._pieces.popleft(), self._outgoing.most_data(self._state)
        if len(piece) > most:
            self._pieces.appendleft(piece[most:])
            piece = piece[:most]
        self._send_piece(piece)

    def _send_piece(self, piece: bytes | memoryview) -> None:
        self._sent += len(piece)
        self._outgoing.send_data(self._state, piece)

    @property
    def _has_room(self) -> bool:
        return self._outgoing.most_data(self._state) > 0

    @override
    async def _drain(self) -> None:
        patience = self._connection.conversation.settings.write_timeout
        deadline = trio.current_time() + patience
        while self._pieces:
            if self.is_concluded or self.has_left:
                self._pieces.clear()
                raise trio.BrokenResourceError("the stream is over")
            if not self._has_room:
                await self._wait_for_room(deadline)
            elif self._transport.backlog:
                await self._transport.drain()
                deadline = trio.current_time() + patience
            else:
                self._send_next()
                deadline = trio.current_time() + patience
                await trio.lowlevel.checkpoint()  # the other streams have their turn
        await self._transport.drain()

    async def _wait_for_room(self, deadline: float) -> None:
        """Wait until a window is opened, or the stream is over."""
        self._room = trio.Event()
        waits_for_connection = self._state.outbound_flow_control_window > 0
        with trio.move_on_at(deadline) as waiting:
            if waits_for_connection:
                await self._outgoing.wait_for_window(self._room)
            else:
                await self._room.wait()
        if waiting.cancelled_caught and not self._has_room:
            self.reset(ErrorCodes.CANCEL)
            raise trio.BrokenResourceError("the client has taken nothing for too long")

    def make_room(self) -> None:
        """Note that the stream's window has been opened."""
        self._room.set()

    @override
    def _end(self) -> None:
        if self._content_left:
            raise ValueError(f"the response's body is {self._content_left} bytes shorter than its content-length")
        if not self._awaits_trailers and not self.is_concluded:
            self._frames.end_stream(self._stream_id)
            self._frames.budget.forgive_for_data()
            self._outgoing.flush()
            self._conclude()

    def _conclude(self) -> None:
        """Note that the response is complete: the client need not send the rest of its request (RFC 9113, 8.1)."""
        if not self.is_concluded:
            if not self._state.closed:
                self._frames.reset_stream(self._stream_id, ErrorCodes.NO_ERROR)
                self._outgoing.flush()
            self._let_go()

    @override
    async def _send_other(self, message: Message) -> bool:
        kind = message["type"]
        if kind == "http.response.early_hint" and self.stage is Stage.NOTHING:
            headers = check_response([(b"link", bytes(link).strip()) for link in message["links"]])
            if not self.has_left:
                self._try(lambda: self._send_headers([(b":status", b"103"), *headers]))
        elif kind == "http.response.trailers" and self._awaits_trailers and self.stage is Stage.OVER:
            self._trailers += check_response([(bytes(name).lower(), bytes(value)) for name, value in message["headers"]])
            if not message.get("more_trailers", False):
                self._awaits_trailers = False
                if not self.has_left:
                    self._try(self._send_trailers)
        else:
            return False
        await trio.lowlevel.checkpoint()
        return True

    def _send_trailers(self) -> None:
        if self._trailers and self._takes_trailers:
            self._send_headers(self._trailers, ends=True)
        else:
            self._end()

    # -- its end --------------------------------------------------------------------------------------------------------

    def conclude(self) -> None:
        """End the response when the app has returned, so that the client learns of the end."""
        if not self.is_concluded and not self.has_left and self.stage is Stage.NOTHING:
            self.refuse(500)
        self.reset(ErrorCodes.INTERNAL_ERROR)

    def refuse(self, status: int) -> None:
        """Answer with only a status, in place of the app."""
        self._try(lambda: self._send_headers(self._connection.refusal(status), ends=True))
        self.leave()

    def reset(self, code: ErrorCodes) -> None:
        """Reset the stream, if it is not over yet: the client learns that no more comes, and why."""
        if not self.is_concluded:
            if not self.has_left and not self._state.closed:
                self._try(lambda: self._send_reset(code))
            self._let_go()
        self.leave()

    def _send_reset(self, code: ErrorCodes) -> None:
        self._frames.reset_stream(self._stream_id, code)
        self._outgoing.flush()

    def be_reset(self) -> None:
        """Note that the client has reset the stream, or that the connection is gone."""
        if not self.is_concluded:
            self._let_go()
        self.leave()

    def _let_go(self) -> None:
        """Drop the request's body, and let the connection forget the stream."""
        self.is_concluded = True
        self._body.drop()
        self._connection.forget(self._stream_id)

    def _try(self, write: Callable[[], None]) -> None:
        try:
            write()
        except trio.BrokenResourceError:
            self.leave()

    @override
    def _wake(self) -> None:
        super()._wake()
        self._room.set()

    @property
    @override
    def progress(self) -> int:
        # What waits for the stream's own window is not helped by what the client takes of others.
        if self._transport.backlog and self._has_room:
            self._flowed = self._transport.progress
        return self._sent + self._flowed

    @override
    def abort(self) -> None:
        self.reset(ErrorCodes.CANCEL)
