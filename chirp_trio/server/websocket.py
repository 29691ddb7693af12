"""WebSockets (RFC 6455) over HTTP/1.1: hypercorn's implementation, on a connection of this server."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import trio
from hypercorn.config import Config
from hypercorn.protocol.events import Body, Data, EndBody, Request, Response, StreamClosed
from hypercorn.protocol.ws_stream import WSStream

from ..asgi import Scope
from .conversation import Conversation
from .http1_response import ResponseEncoder, encode_head
from .messages import check_headers

_STREAM_ID = 1


class WebSocket:
    """One WebSocket, from the request that asks for it to its end.

    Args:
        conversation: The parts of the server that a connection uses.
        began: The bytes that the client has sent after its request.
    """

    def __init__(self, conversation: Conversation, began: bytes) -> None:
        self._conversation = conversation
        self._transport = conversation.transport
        self._began = began
        self._refusal = ResponseEncoder("GET", "1.1", is_last=True)
        self._reading = trio.CancelScope()

    async def serve(self, scope: Scope) -> None:
        """Serve the WebSocket until either side ends it. The caller closes the connection."""
        settings = self._conversation.settings
        config = Config()
        config.root_path = settings.root_path
        async with trio.open_nursery() as nursery:
            stream = WSStream(
                cast(Any, self._conversation.app), config, cast(Any, _Context()),
                cast(Any, _Tasks(nursery, self._conversation)), self._transport.is_encrypted,
                cast(Any, self._conversation.client), cast(Any, self._conversation.server), self._send, _STREAM_ID,
            )  # fmt: skip
            await stream.handle(
                Request(
                    stream_id=_STREAM_ID,
                    headers=scope["headers"],
                    http_version=scope["http_version"],
                    method=scope["method"],
                    raw_path=scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b""),
                    state=cast(Any, self._conversation.state),
                )
            )
            with self._reading:
                data = self._began or await self._receive()
                while data:
                    await stream.handle(Data(stream_id=_STREAM_ID, data=data))
                    data = await self._receive()
            if stream.closed and stream.app_put is not None:  # it was refused, which the app has not been told
                await stream.app_put({"type": "websocket.disconnect", "code": 1006})
            await stream.handle(StreamClosed(stream_id=_STREAM_ID))

    def stop(self) -> None:
        """Tell the app that the client has left."""
        self._reading.cancel("the server is to stop")

    async def _receive(self) -> bytes:
        try:
            return await self._transport.receive()
        except trio.BrokenResourceError:
            return b""

    async def _send(self, event: Any) -> None:
        match event:
            case Response():
                status, headers = event.status_code, check_headers(event.headers) + self._conversation.server_headers()
                data = encode_head(status, headers) if status == 101 else self._refusal.head(status, headers)
            case Body():
                data = self._refusal.piece(event.data) if event.data else b""
            case EndBody():
                data = self._refusal.end()
                self._conversation.linger = True
                self._reading.cancel("the request was refused")
            case Data():
                data = event.data
            case _:  # the stream is over
                self._reading.cancel("the WebSocket is over")
                return
        try:
            self._transport.write_nowait(data)
            await self._transport.drain()
        except trio.BrokenResourceError:
            self._reading.cancel("the client has left")


class _Context:
    """The part of hypercorn's worker context that its WebSockets use."""

    sleep = staticmethod(trio.sleep)


class _Tasks:
    """The part of hypercorn's task group that its WebSockets use."""

    def __init__(self, nursery: trio.Nursery, conversation: Conversation) -> None:
        self._nursery = nursery
        self._conversation = conversation

    async def spawn_app(
        self, _app: object, config: Config, scope: Scope, send: Callable[[Any], Awaitable[None]]
    ) -> Callable[[Any], Awaitable[None]]:
        incoming, received = trio.open_memory_channel[Any](config.max_app_queue_size)
        self._nursery.start_soon(self._run_app, scope, received.receive, send)
        return incoming.send

    async def _run_app(
        self, scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        await self._conversation.call_app(scope, receive, send)
        await send(None)

    def spawn(self, function: Callable[..., Awaitable[None]], *arguments: object) -> None:
        self._nursery.start_soon(function, *arguments)
