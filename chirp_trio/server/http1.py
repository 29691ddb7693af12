"""HTTP/1.1 (RFC 9112) on one connection: one request after the other, in the connection's own task.

The app runs in that task too, and reads from the client itself whenever it asks for a message: so there is nobody else who
would have to be told, waited for, or ended.
"""

import re

import h11
import trio

from ..asgi import Scope
from ..errors import phrase
from .conversation import Conversation
from .exchange import MAX_HEAD_BYTES, MAX_HEADER_LINES, MAX_TARGET_BYTES, Headers, Stage, make_scope
from .http1_exchange import HTTP1Exchange
from .transport import LAST_WRITE_TIMEOUT
from .websocket import WebSocket

_ABSOLUTE = re.compile(rb"https?://([^/?#@]+)([/?].*)?", re.IGNORECASE)
_PREFACE = b"PRI * HTTP/2.0\r\n\r\n"


class HTTP1:
    """One connection's requests.

    Args:
        conversation: What it has of the server, and the way to the client.
    """

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._transport = conversation.transport
        self._settings = conversation.settings
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=2 * MAX_HEAD_BYTES)
        self._exchange: HTTP1Exchange | None = None
        self._websocket: WebSocket | None = None
        self._idle = trio.CancelScope()  # around the wait for a request
        self._is_stopping = False
        self._has_answered = False

    async def serve(self) -> bytes | None:
        """Answer requests until either side is done; the first bytes of HTTP/2, where the client speaks that.

        The connection is left open for the caller to close.
        """
        timeout = self._settings.head_timeout
        while not (self._is_stopping and self._has_answered):
            request = await self._next_request(timeout)
            if request is None:
                return None
            if request.method == b"PRI" and request.http_version == b"2.0":
                if self._settings.http2_cleartext and not self._transport.is_encrypted:
                    return _PREFACE + self._parser.trailing_data[0]
                await self.refuse(505)
                return None
            try:
                target, headers = _resolve(request)
            except _RefusedError as refused:
                await self.refuse(refused.status)
                return None
            if not await self._answer(request, target, headers):
                return None
            self._has_answered = True
            timeout = self._settings.keep_alive_timeout
        return None

    def stop(self) -> None:
        """Take no further request, but for one that is on its way."""
        self._is_stopping = True
        self._idle.deadline = trio.current_time() + (0 if self._has_answered else LAST_WRITE_TIMEOUT)

    def ask_to_leave(self) -> None:
        """Tell the app that it is to end its response."""
        if self._exchange is not None:
            self._exchange.ask_to_leave()
        if self._websocket is not None:
            self._websocket.stop()

    # -- a request comes ------------------------------------------------------------------------------------------------

    async def _next_request(self, timeout: float) -> h11.Request | None:
        """The head of the next request; None where there is none, or none that can be answered.

        Args:
            timeout: Seconds until it has to begin; it has to be complete within `head_timeout` seconds then.
        """
        has_begun = bool(self._parser.trailing_data[0])
        patience = self._settings.head_timeout if has_begun else timeout
        self._idle = trio.CancelScope(deadline=trio.current_time() + (LAST_WRITE_TIMEOUT if self._is_stopping else patience))
        with self._idle:
            while True:
                if refused := self._look_at_head():
                    await self.refuse(refused)
                    return None
                try:
                    event = self._parser.next_event()
                except h11.RemoteProtocolError as error:
                    await self.refuse(error.error_status_hint)
                    return None
                if isinstance(event, h11.Request):
                    return event
                if event is not h11.NEED_DATA:
                    return None  # the client has left
                try:
                    data = await self._transport.receive()
                except trio.BrokenResourceError:
                    return None
                if data and not has_begun:
                    has_begun = True
                    if not self._is_stopping:
                        self._idle.deadline = trio.current_time() + self._settings.head_timeout
                self._parser.receive_data(data)
        if has_begun and not self._is_stopping:
            await self.refuse(408)
        return None

    def _look_at_head(self) -> int:
        """The status that what has come of a head is refused with; zero if with none.

        Looked at before it is read, so that the answer does not depend on the pieces in which it comes, and what is refused
        costs nothing.
        """
        came = self._parser.trailing_data[0]
        # Without the last two bytes, which may be a part of what ends it.
        end = min((found for found in (came.find(b"\n\r\n"), came.find(b"\n\n")) if found >= 0), default=len(came) - 2)
        if end > MAX_HEAD_BYTES:
            return 431 if b"\n" in came[:MAX_HEAD_BYTES] else 414
        return 431 if came.count(b"\n", 0, max(end, 0)) > MAX_HEADER_LINES else 0

    async def refuse(self, status: int) -> None:
        """Answer with a status and nothing else, as the last thing on this connection."""
        if self._parser.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        self._conversation.linger = True
        headers = [(b"content-length", b"0"), (b"connection", b"close"), *self._conversation.server_headers()]
        response = h11.Response(status_code=status, headers=headers, reason=phrase(status).encode("ascii"))
        with trio.move_on_after(LAST_WRITE_TIMEOUT):
            try:
                self._transport.write_nowait(self._parser.send(response) or b"")
                await self._transport.drain()
            except trio.BrokenResourceError, h11.LocalProtocolError:
                pass

    # -- and is answered ------------------------------------------------------------------------------------------------

    async def _answer(self, request: h11.Request, target: bytes, headers: Headers) -> bool:
        """Let the app answer; whether there can be another request."""
        scope = make_scope(
            version=request.http_version.decode(),
            method=request.method.decode("ascii"),
            scheme="https" if self._transport.is_encrypted else "http",
            target=target,
            headers=headers,
            root_path=self._settings.root_path,
            state=self._conversation.state,
            client=self._conversation.client,
            server=self._conversation.server,
        )
        if _asks_for_websocket(scope["method"], headers):
            await self._serve_websocket(scope)
            return False
        self._exchange = exchange = HTTP1Exchange(
            self._conversation, self._parser, scope["method"], self.refuse, self._closes_after_this
        )
        scope["extensions"]["chirp_trio.connection"] = exchange
        del request, headers
        try:
            if await self._conversation.call_app(scope, exchange.receive, exchange.send):
                await exchange.end_as_asked()
            if exchange.stage is Stage.NOTHING:
                await self.refuse(500)
            return self._can_go_on()
        finally:
            exchange.leave()
            self._exchange = None

    async def _serve_websocket(self, scope: Scope) -> None:
        if any(name in {b"content-length", b"transfer-encoding"} for name, _ in scope["headers"]):
            await self.refuse(400)  # it has no body, so nobody can say where the WebSocket begins
            return
        self._websocket = WebSocket(self._conversation, self._parser)
        await self._websocket.serve(scope)

    def _can_go_on(self) -> bool:
        """Be ready for the next request, if there can be one."""
        try:
            while self._parser.their_state is h11.SEND_BODY:  # what has come of a body that nobody has read
                if self._parser.next_event() is h11.NEED_DATA:
                    self._conversation.linger = True
                    return False
            self._parser.start_next_cycle()
        except h11.ProtocolError:
            return False
        return not self._is_stopping

    def _closes_after_this(self) -> bool:
        """Whether the response that begins now is to be the last one."""
        # A client that has not been told to go on with its body will not send it, and nobody could find the next request.
        return self._is_stopping or self._parser.they_are_waiting_for_100_continue


class _RefusedError(Exception):
    """A request that is answered with a status and nothing else."""

    def __init__(self, status: int) -> None:
        self.status = status


def _resolve(request: h11.Request) -> tuple[bytes, Headers]:
    """The path and query of a request's target, and its headers.

    A target may name the scheme and the host too (RFC 9112, 3.2.2); its host counts, then, and not the header's.

    Raises:
        _RefusedError: It cannot be answered.
    """
    target, headers = request.target, list(request.headers)
    if request.http_version not in {b"1.0", b"1.1"}:
        raise _RefusedError(505)
    if len(target) > MAX_TARGET_BYTES:
        raise _RefusedError(414)
    names = {name for name, _ in headers}
    if b"transfer-encoding" in names and (b"content-length" in names or request.http_version == b"1.0"):
        raise _RefusedError(400)  # two lengths: who is in between may believe in the other one (RFC 9112, 6.1)
    if request.method == b"CONNECT":
        raise _RefusedError(501)
    if target.startswith(b"/") or (target == b"*" and request.method == b"OPTIONS"):
        return target, headers
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise _RefusedError(400)
    host, path = absolute.groups(b"")
    headers = [(name, host if name == b"host" else value) for name, value in headers]
    return path if path.startswith(b"/") else b"/" + path, headers


def _asks_for_websocket(method: str, headers: Headers) -> bool:
    """Whether the request asks to go on as a WebSocket (RFC 6455, 4.2.1). No other upgrade is taken up (RFC 9110, 7.8)."""
    if method != "GET":
        return False
    values = {
        name: b",".join(value for other, value in headers if other == name).lower() for name in (b"upgrade", b"connection")
    }
    upgrades = values[b"connection"].split(b",")
    return values[b"upgrade"].strip() == b"websocket" and any(token.strip() == b"upgrade" for token in upgrades)
