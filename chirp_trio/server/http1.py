"""HTTP/1.1 (RFC 9112) on one connection: one request after the other, in the connection's own task.

The app runs in that task too, and reads from the client by itself when it asks for a message: so there is no other task to
notify, to wait for, or to end.
"""

import re
from contextvars import Context
from functools import partial

import trio

from ..asgi import Scope
from ..contexts import run_in
from .conversation import Conversation
from .exchange import Stage
from .http1_exchange import HTTP1Exchange
from .http1_request import RefusedError, Request, RequestReader
from .http1_response import encode_head
from .messages import Headers, make_scope
from .transport import LAST_WRITE_TIMEOUT
from .websocket import WebSocket

_OF_A_BODY = frozenset({b"content-length", b"transfer-encoding"})
_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")
_PREFACE = b"PRI * HTTP/2.0\r\n\r\n"


class HTTP1:
    """The requests of one connection.

    Args:
        conversation: The parts of the server that a connection uses, and the transport.
        reader: The reader of the client's bytes.

    Attributes:
        is_stopping: Whether the response that begins next is to be the connection's last one.
    """

    __slots__ = (
        "_conversation", "_exchange", "_has_answered", "_idle", "_reader", "_settings", "_transport", "_websocket",
        "is_stopping",
    )  # fmt: skip

    def __init__(self, conversation: Conversation, reader: RequestReader) -> None:
        self._conversation = conversation
        self._transport = conversation.transport
        self._settings = conversation.settings
        self._reader = reader
        self._exchange: HTTP1Exchange | None = None
        self._websocket: WebSocket | None = None
        self._idle: trio.CancelScope | None = None  # around the wait for a request
        self._has_answered = False
        self.is_stopping = False

    async def serve(self, first: Request | int) -> bytes | None:
        """Answer requests until either side ends the connection; return the first bytes of HTTP/2 if the client speaks that.

        The connection is left open for the caller to close.

        Args:
            first: The first request, or the status with which it has to be refused.
        """
        # A client of HTTP/2 begins with it (RFC 9113, 3.3): what looks like that later has come in some other way.
        may_be_http2 = self._settings.http2_cleartext and not self._transport.is_encrypted
        try:
            if isinstance(first, int):
                raise RefusedError(first)
            request: Request | None = first
            del first
            while request is not None:
                if may_be_http2 and request.is_preface:
                    return _PREFACE + self._reader.take_rest()
                may_be_http2 = False
                answering = self._answer(request)
                del request  # an open stream need not keep it
                if not await answering:
                    return None
                request = await self._next_request()
        except RefusedError as refused:
            await self.refuse(refused.status)
        return None

    def stop(self) -> None:
        """Take no further request, except one that is on its way."""
        self.is_stopping = True
        if self._idle is not None:
            patience = LAST_WRITE_TIMEOUT if self._reader.unread else 0
            self._idle.deadline = min(self._idle.deadline, trio.current_time() + patience)

    def ask_to_leave(self) -> None:
        """Ask the app to end its response."""
        if self._exchange is not None:
            self._exchange.ask_to_leave()
        if self._websocket is not None:
            self._websocket.stop()

    # -- a request comes ------------------------------------------------------------------------------------------------

    async def _next_request(self) -> Request | None:
        """The head of the next request; None if there is none.

        It has to begin within `keep_alive_timeout` seconds, and then to be complete within `head_timeout` seconds.

        Raises:
            RefusedError: The head is not valid, or not complete in time.
        """
        reader, settings = self._reader, self._settings
        has_begun = False
        self._idle = idle = trio.CancelScope(deadline=trio.current_time() + settings.keep_alive_timeout)
        with idle:
            while (request := reader.next_request()) is None:
                if reader.unread and not has_begun:
                    has_begun = True
                    idle.deadline = trio.current_time() + settings.head_timeout
                try:
                    data = await self._transport.receive()
                except trio.BrokenResourceError:
                    return None
                if not data:
                    if has_begun:
                        raise RefusedError(400)
                    return None  # the client has left
                reader.receive_data(data)
            return request
        if has_begun and not self.is_stopping:
            raise RefusedError(408)
        return None

    async def refuse(self, status: int) -> None:
        """Answer with only a status, as the last response of this connection."""
        self._conversation.linger = True
        headers = [(b"content-length", b"0"), (b"connection", b"close"), *self._conversation.server_headers()]
        with trio.move_on_after(LAST_WRITE_TIMEOUT):
            try:
                self._transport.write_nowait(encode_head(status, headers))
                await self._transport.drain()
            except trio.BrokenResourceError:
                pass

    # -- and is answered ------------------------------------------------------------------------------------------------

    async def _answer(self, request: Request) -> bool:
        """Let the app answer; return whether there can be another request.

        Raises:
            RefusedError: The request cannot be answered.
        """
        target, headers = request.resolve()
        scope = make_scope(
            version=request.version,
            method=request.method,
            scheme="https" if self._transport.is_encrypted else "http",
            target=target,
            headers=headers,
            root_path=self._settings.root_path,
            state=self._conversation.state,
            client=self._conversation.client,
            server=self._conversation.server,
        )
        if _asks_for_websocket(request):
            await self._serve_websocket(scope)
            return False
        self._exchange = exchange = HTTP1Exchange(self._conversation, self._reader, request, self)
        scope["extensions"]["chirp_trio.connection"] = exchange
        del request, headers
        try:
            call_app = self._conversation.call_app
            if self._has_answered:  # what was set for the request before, by this task too, is not for this one
                is_answered = await run_in(_clean_context(), partial(call_app, scope, exchange.receive, exchange.send))
            else:
                self._has_answered = True
                is_answered = await call_app(scope, exchange.receive, exchange.send)
            if is_answered:
                await exchange.end_as_asked()
            if exchange.stage is Stage.NOTHING and not exchange.is_refused:
                await self.refuse(500)
            return exchange.can_be_followed() and not self.is_stopping
        finally:
            exchange.leave()
            self._exchange = None

    async def _serve_websocket(self, scope: Scope) -> None:
        if not _is_opening(scope["headers"]):
            await self.refuse(400)
            return
        self._websocket = WebSocket(self._conversation, self._reader.take_rest())
        await self._websocket.serve(scope)


def _clean_context() -> Context:
    """A context in which nothing is set for a request: that of the task which has opened the nursery of this one."""
    nursery = trio.lowlevel.current_task().parent_nursery
    assert nursery is not None
    return nursery.parent_task.context.copy()


def _is_opening(headers: Headers) -> bool:
    """Whether these can open a WebSocket (RFC 6455, 4.2.1). They must not have a body: nobody could say where it begins."""
    keys = [value for name, value in headers if name == b"sec-websocket-key"]
    return (
        all(name not in _OF_A_BODY for name, _ in headers)
        and len(keys) == 1
        and _KEY.fullmatch(keys[0]) is not None
        and all(value.isascii() for name, value in headers if name.startswith(b"sec-websocket-"))
    )


def _asks_for_websocket(request: Request) -> bool:
    """Whether a request asks to go on as a WebSocket (RFC 6455, 4.2.1). No other upgrade is taken up (RFC 9110, 7.8)."""
    if request.method != "GET" or request.version != "1.1":
        return False
    headers = request.headers
    upgrade = b",".join([value for name, value in headers if name == b"upgrade"]).lower()
    if upgrade.strip() != b"websocket":
        return False
    connection = b",".join([value for name, value in headers if name == b"connection"]).lower()
    return any(token.strip() == b"upgrade" for token in connection.split(b","))
