"""HTTP/2 (RFC 9113) on one connection: one task reads, and each request is answered in a task of its own.

No task is only for sending: each task sends what it has, and waits by itself while there is no room for it. Only what was
written in a turn of the flusher has a task, while the client does not read.
"""

from contextlib import suppress
from http import HTTPStatus

import trio
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)
from h2.exceptions import DenialOfServiceError, ProtocolError

from ..asgi import Scope
from .conversation import Conversation
from .http2_exchange import HTTP2Exchange
from .http2_frames import MAX_STREAMS, FrameConnection
from .http2_outgoing import Outgoing
from .http2_rules import MalformedError, RefusedError, Request, check_trailers, read_request
from .messages import Headers, make_scope

# The number of requests of one connection: after them the client is told to open another connection.
MAX_REQUESTS = 1_000
# The largest number of calls of the app for one connection; calls whose client has given up the request count too.
_MAX_APPS = 2 * MAX_STREAMS
# The number of calls that are started in one go: one read may hold hundreds of requests.
_APPS_AT_ONCE = 16
# Seconds to wait after requests of a client that sends many useless frames, before more is read from it. Requests that the
# client gives up meanwhile are not begun.
_PAUSE = 0.02
# The most bytes of the reader's own frames that may wait for a client that does not read.
_MAX_REPLIES = 64 * 1024


class HTTP2:
    """The requests of one connection.

    Args:
        conversation: The parts of the server that a connection uses, and the transport.
    """

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.settings = conversation.settings
        self.transport = conversation.transport
        self.frames = FrameConnection()
        self._exchanges: dict[int, HTTP2Exchange] = {}  # whose responses go on
        self._apps = 0
        self.outgoing = Outgoing(self.frames, self.transport)
        self._reading = trio.CancelScope()
        self._has_begun = False
        self._requested: list[tuple[HTTP2Exchange, Scope]] = []  # whose apps have not been started
        self._is_closing = False  # no more requests
        self._is_over = False  # nothing more is said

    # -- for the server -------------------------------------------------------------------------------------------------

    async def serve(self, began: bytes) -> None:
        """Answer requests until either side ends the connection.

        The connection is left open for the caller to close.

        Args:
            began: The bytes that the client has sent already.
        """
        self._has_begun = True
        self.frames.initiate_connection()
        self.outgoing.flush()
        if self._is_closing:
            self._send_go_away()
        async with trio.open_nursery() as nursery:
            self.outgoing.nursery = nursery
            self._reading.deadline = trio.current_time() + self.settings.head_timeout
            try:
                with self._reading:
                    await self._read(began, nursery)
                if self._reading.cancelled_caught:
                    self._say_good_bye()
                    self.conversation.linger = True  # the client may be about to acknowledge the last of its responses
            except ProtocolError as error:
                self._give_up(error)
            except trio.BrokenResourceError:
                pass  # the client has left
            finally:
                self._is_over = True
                for exchange in list(self._exchanges.values()):
                    exchange.be_reset()

    def stop(self) -> None:
        """Take no further request; the connection ends with the last response."""
        if not self._is_closing:
            self._is_closing = True
            if self._has_begun and not self._is_over:
                with suppress(trio.BrokenResourceError):
                    self._send_go_away()
        self._end_if_done()

    def ask_to_leave(self) -> None:
        """Ask the app to end its responses."""
        for exchange in list(self._exchanges.values()):
            exchange.ask_to_leave()

    # -- what comes -----------------------------------------------------------------------------------------------------

    async def _read(self, began: bytes, nursery: trio.Nursery) -> None:
        data = began or await self.transport.receive()
        while data:
            requests = self.frames.requests
            events = self.frames.receive_data(data)
            reset = {event.stream_id for event in events if isinstance(event, StreamReset)}
            for event in events:
                self._handle(event, reset)
            if self.frames.requests >= MAX_REQUESTS and not self._is_closing:
                self._is_closing = True
                self._send_go_away()
            self.outgoing.flush()
            await self._start_apps(nursery)
            self._end_if_done()
            if self.outgoing.kept_replies > _MAX_REPLIES:
                await self.transport.drain()
                self.outgoing.kept_replies = 0
            is_hasty = self.frames.budget.is_strained and self.frames.requests > requests
            if pause := max(self.frames.budget.pause, _PAUSE * is_hasty):
                await trio.sleep(pause)
            data = await self.transport.receive()

    async def _start_apps(self, nursery: trio.Nursery) -> None:
        """Call the app for the requests of one read, a few at a time: other connections have turns in between."""
        while self._requested:
            for exchange, scope in self._requested[:_APPS_AT_ONCE]:
                nursery.start_soon(self._call_app, exchange, scope)
            del self._requested[:_APPS_AT_ONCE]
            if self._requested:
                await trio.lowlevel.checkpoint()

    def _handle(self, event: Event, reset: set[int]) -> None:
        match event:
            case RequestReceived():
                if event.stream_id not in reset:  # or it is over already
                    self._take_request(event)
            case DataReceived():
                if event.stream_id in self._exchanges:
                    self._exchanges[event.stream_id].take(event.data, event.flow_controlled_length)
                else:
                    self.frames.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case TrailersReceived():
                self._take_trailers(event)
            case StreamEnded():
                if event.stream_id in self._exchanges:
                    self._exchanges[event.stream_id].end_body()
            case StreamReset():
                if event.stream_id in self._exchanges:
                    self._exchanges[event.stream_id].be_reset()
            case WindowUpdated():
                if event.stream_id in self._exchanges:
                    self._exchanges[event.stream_id].make_room()
                elif event.stream_id == 0:
                    self.outgoing.share_window()
            case RemoteSettingsChanged():
                for exchange in self._exchanges.values():
                    exchange.make_room()
            case ConnectionTerminated():
                self._is_closing = True  # and the client knows it

    def _take_request(self, event: RequestReceived) -> None:
        stream_id = event.stream_id
        has_room = len(self._exchanges) < MAX_STREAMS and self._apps < _MAX_APPS
        if self._is_closing or not has_room:
            self._reset(stream_id, ErrorCodes.REFUSED_STREAM)
            return
        try:
            request = read_request(event.headers)
        except MalformedError:
            self._reset(stream_id, ErrorCodes.PROTOCOL_ERROR)
        except RefusedError as refused:
            self.frames.send_headers(stream_id, self.refusal(refused.status), end_stream=True)
            if not self.frames.streams[stream_id].closed:
                self._reset(stream_id, ErrorCodes.NO_ERROR)
        else:
            self._answer(stream_id, request)

    def _reset(self, stream_id: int, code: ErrorCodes) -> None:
        self.frames.reset_stream(stream_id, code)
        self.frames.charge_for_refusal()

    def _take_trailers(self, event: TrailersReceived) -> None:
        if event.stream_id in self._exchanges:
            try:
                check_trailers(event.headers)
            except MalformedError:
                self._exchanges[event.stream_id].reset(ErrorCodes.PROTOCOL_ERROR)

    # -- a request is answered ------------------------------------------------------------------------------------------

    def _answer(self, stream_id: int, request: Request) -> None:
        exchange = HTTP2Exchange(self, stream_id, request)
        scope = make_scope(
            version="2",
            method=request.method,
            scheme="https" if self.transport.is_encrypted else "http",
            target=request.target,
            headers=request.headers,
            root_path=self.settings.root_path,
            state=self.conversation.state,
            client=self.conversation.client,
            server=self.conversation.server,
        )
        scope["extensions"] |= {
            "http.response.trailers": {},
            "http.response.early_hint": {},
            "chirp_trio.connection": exchange,
        }
        self._exchanges[stream_id] = exchange
        self._reading.deadline = float("inf")
        self._apps += 1
        self._requested.append((exchange, scope))

    async def _call_app(self, exchange: HTTP2Exchange, scope: Scope) -> None:
        try:
            if await self.conversation.call_app(scope, exchange.receive, exchange.send):
                await exchange.end_as_asked()
            exchange.conclude()
            with suppress(trio.BrokenResourceError):
                await self.transport.drain()  # there may be nobody else who waits until the client reads on
        finally:
            exchange.reset(ErrorCodes.INTERNAL_ERROR)
            self._apps -= 1
            self._end_if_done()

    def forget(self, stream_id: int) -> None:
        """Note that a response is over."""
        self._exchanges.pop(stream_id, None)
        if not self._exchanges:
            self._reading.deadline = trio.current_time() + self.settings.keep_alive_timeout

    def _end_if_done(self) -> None:
        if self._is_closing and self._has_begun and not self._exchanges and not self._apps:
            self._reading.cancel("the last response is over")

    # -- what goes ------------------------------------------------------------------------------------------------------

    def refusal(self, status: int) -> Headers:
        """The headers of a response that has only a status."""
        return [(b":status", b"%d" % HTTPStatus(status)), (b"content-length", b"0"), *self.conversation.server_headers()]

    def _send_go_away(self) -> None:
        self.frames.go_away()
        self.outgoing.flush()

    def _say_good_bye(self) -> None:
        """Tell a client that has been idle for too long that the connection ends."""
        if not self._is_closing:
            self._is_closing = True
            self._send_go_away()

    def _give_up(self, error: ProtocolError) -> None:
        """Tell a client that does not speak HTTP/2 what is wrong."""
        self.frames.end(error.error_code)
        with suppress(trio.BrokenResourceError):
            self.outgoing.flush()
        self.conversation.is_flood = isinstance(error, DenialOfServiceError)
        self.conversation.linger = not self.conversation.is_flood
