"""Responses of other libraries, such as Starlette's FileResponse: any ASGI app that a handler returns."""

import math

import trio

from ..asgi import ASGIApp, Message, Receive, Scope, Send
from ..failures import failure_of, reraise
from .request import Request, body_so_far
from .response import ResponseBroken

# Seconds that an app which does not look whether its client is there may go on when it has left.
_PATIENCE = 5.0


class ForeignResponse:
    """Runs an ASGI app that a handler has returned as the response to its request.

    Args:
        app: The app.
        request: The request, whose body the handler may have read.
    """

    def __init__(self, app: ASGIApp, request: Request) -> None:
        self._app = app
        self._body = body_so_far(request)  # not the request, which an open stream would keep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app. What it raises before its response has begun is raised here.

        Raises:
            ResponseBroken: It raised in the middle of its response.
            RuntimeError: It returned without one.
        """
        async with trio.open_nursery() as nursery:
            exchange = _Exchange(scope["method"] == "HEAD", receive, send, self._body, nursery.cancel_scope)
            nursery.start_soon(self._run, exchange, scope)
            await exchange.watch()

    async def _run(self, exchange: _Exchange, scope: Scope) -> None:
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except BaseException as raised:
            error = failure_of(raised)
            if exchange.begun:
                raise ResponseBroken from error
            reraise(error)
        if not exchange.begun:
            raise RuntimeError(f"{self._app!r} returned without a response")
        exchange.cancel_scope.cancel("the response is complete")


class _Exchange:
    """The messages between the server and the app.

    The app reads the body, if it wants it. What it leaves is read by `watch`, because it would fill the server's queue, and
    because behind it comes the news that the client has left.
    """

    def __init__(self, head: bool, receive: Receive, send: Send, body: bytes | None, cancel_scope: trio.CancelScope) -> None:
        self._head = head
        self._receive = receive
        self._send = send
        self._body = body  # what the handler has read, for the app to read again
        self.cancel_scope = cancel_scope  # around the app
        self.begun = False
        self._complete = False
        self._app_reads = False
        self._listening = 0  # how many calls of receive() wait for the client to leave
        self._rest_is_ours = trio.Event()  # the app has stopped reading the body
        self._gone = trio.Event()

    async def receive(self) -> Message:
        """The app's `receive`."""
        if self._body is not None:
            body, self._body = self._body, None
            self._rest_is_ours.set()
            return {"type": "http.request", "body": body, "more_body": False}
        if not self._rest_is_ours.is_set():
            self._app_reads = True
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._gone.set()
            if not message.get("more_body", False):
                self._rest_is_ours.set()
            return message
        if not self._gone.is_set():  # no checkpoint otherwise: Starlette asks in a scope that is cancelled already
            self._listening += 1
            try:
                await self._gone.wait()
            finally:
                self._listening -= 1
        self.cancel_scope.deadline = math.inf  # it knows now
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """The app's `send`: HEAD gets no body, and nobody gets anything once the client has left."""
        kind = message["type"]
        if self._gone.is_set() or (self._complete and kind == "http.response.body"):
            await trio.lowlevel.checkpoint()
            return
        if kind == "http.response.body":
            more = message.get("more_body", False)
            if self._head:
                message = {"type": kind, "body": b"", "more_body": False}
                if more:
                    self.cancel_scope.deadline = trio.current_time() + _PATIENCE
            self._complete = self._head or not more
        await self._send(message)
        if kind == "http.response.start":
            self.begun = True
            if not self._app_reads:
                self._rest_is_ours.set()

    async def watch(self) -> None:
        """Read what the app does not, and see to it that it ends when the client has left."""
        await self._rest_is_ours.wait()
        while not self._gone.is_set():
            if (await self._receive())["type"] == "http.disconnect":
                self._gone.set()
        if not self._complete and not self._listening:
            self.cancel_scope.deadline = trio.current_time() + _PATIENCE
