"""`EventStream`: a description of a stream that is an ASGI response by itself, in any framework that trio runs."""

from collections.abc import Awaitable
from dataclasses import dataclass

from ..asgi import Receive, Scope, Send, require_trio
from ..compression import Compress, choose_coding
from ..errors import HTTPError
from ..headers import encode_headers
from ..wire import EncodeJSON, Render, encode_json, json_encoder
from .description import Description, response_headers
from .host import open_stream_host
from .lifecycle import LiveStream
from .placement import Placement, find_placement, find_shutdown, warn_of_missing_host
from .registry import StreamRegistry
from .sender import Sender
from .source import close_source


@dataclass(frozen=True)
class EventStream(Description):
    r"""A response that stays open and sends what a source yields, as server-sent events.

    Return it from a route of an `App`, or return or await it as the ASGI response that it is in Starlette, FastAPI or any
    other framework under a trio worker.

    A source yields text, JSON values, dataclasses, fragments or `SSEEvent`s. It runs in a task of its own and is closed
    by the stream: its `finally` runs once, however the stream ends. A source that raises before its first item gives the
    request that error; later, the client gets a `chirp:error` event and the stream ends. An item that cannot be sent costs
    only itself.

    Args:
        generator: The source: an async generator function (best, because nothing runs before the stream does), an async
            generator or any other async iterable, a `trio.MemoryReceiveChannel`, or what a function decorated with
            `trio.as_safe_channel` returns.
        event_type: The event name of items that have none of their own; default: none.
        heartbeat_interval: Seconds without an event after which a comment keeps the connection alive; default 15; None
            switches heartbeats off. It may come earlier, by a hundredth of that at most, with those of other streams.
        send_timeout: Seconds that a client may take no bytes before it is given up; default 30.
        cleanup_timeout: Seconds that the source may take to clean up before the response ends without it; default 5.
        start_grace: Seconds that the response's headers wait for the first item, so that an error before it can still
            become a status; default 0.1.
        headers: Further response headers, as a mapping or as pairs of name and value; default: none.
        expires_at: When the stream ends at the latest, as a datetime with a time zone; default: never.
        revalidate: An async function without parameters that says whether the stream may go on. It is asked before each
            heartbeat, and before an event if its last answer is as old as `heartbeat_interval` (15 seconds, where there are
            no heartbeats). False ends the stream, and so does an error, which is logged; default: nobody is asked.
        label: What the application knows the stream by, such as the user's name: it is in `App.streams`, in the log, and
            never sent; default: None.
        json_default: A function of a value that JSON has not, which returns one that it has, or raises `TypeError`;
            default: the app's.
        compress: Whether clients that take it get the stream in zstd or gzip, each event as soon as without it; with a
            `CompressionDictionary`, those that have it in dcz. Default: as the app says, and it says no.

    Raises:
        TypeError: `generator` is no source, a number is not a number, or an argument is not what it must be.
        ValueError: A number is zero, negative, infinite or NaN, a datetime has no time zone, or text does not fit its place.

    Example:
        >>> async def numbers():
        ...     for number in range(3):
        ...         yield {"number": number}
        >>> EventStream(numbers, event_type="number", heartbeat_interval=30).event_type
        'number'
    """

    __slots__ = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the stream as an ASGI response; return when it is over.

        An `HTTPError` that the source raises before its first item, or that a limit is the reason of, is answered: with its
        status, its headers, and its detail as plain text.

        Raises:
            WrongRuntimeError: Under asyncio.
            Exception: Anything else that the source raised before its first item.
        """
        require_trio()
        try:
            await respond(self, scope, receive, send, find_placement(scope))
        except HTTPError as error:
            await answer_error(error, send)


def respond(
    stream: Description,
    scope: Scope,
    receive: Receive,
    send: Send,
    placement: Placement,
    *,
    render: Render | None = None,
    encode_json: EncodeJSON = encode_json,
    compress: Compress = False,
    debug: bool = False,
) -> Awaitable[None]:
    """Serve a stream to the client of a request; return when it is over.

    Args:
        stream: What to serve.
        scope: The request's ASGI scope.
        receive: Its receive callable.
        send: Its send callable.
        placement: The host of the stream, and the apps that it belongs to. Without a host it lives in a nursery for this
            request alone.
        render: Turns fragments and HTML into text for this client; default: HTML only, in the client's own dialect.
        encode_json: Turns a value into JSON, where the stream itself says nothing of it; default: without a
            `json_default`.
        compress: Whether to compress it, where the stream itself says nothing of it; default: no.
        debug: Whether the client is told what went wrong; default: no.

    Raises:
        HTTPError: A limit refuses the stream, or the source raised it before its first item. The response has not begun.
        Exception: Anything else that the source raised before its first item.
    """
    # Not async itself, because every async function on the way costs an idle stream the memory of a frame.
    if stream.json_default is not None:
        encode_json = json_encoder(stream.json_default)
    if stream.compress is not None:
        compress = stream.compress
    sender = Sender(scope, send)
    if scope["method"] == "HEAD":
        return _answer_head(stream, sender, scope, compress)
    if placement.host is None:
        warn_of_missing_host()
        return _serve_alone(stream, scope, receive, send, placement, render, encode_json, compress, debug)
    placement.host.close_when(find_shutdown(scope, send))
    live = LiveStream(
        stream, sender, placement, scope, render=render, encode_json=encode_json, compress=compress, debug=debug
    )
    return live.serve(receive)


async def answer_error(error: HTTPError, send: Send) -> None:
    """Answer a request with an error: its status, its headers, and its detail as plain text."""
    body = error.detail.encode("utf-8", "backslashreplace")
    own = {b"content-type": b"text/plain; charset=utf-8", b"content-length": b"%d" % len(body)}
    further = encode_headers(error.headers)
    named = {name for name, _ in further}
    headers = [*((name, value) for name, value in own.items() if name not in named), *further]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _answer_head(stream: Description, sender: Sender, scope: Scope, compress: Compress) -> None:
    await close_source(stream.generator)
    await sender.start(response_headers(stream, compress, choose_coding(scope.get("headers", ()), compress)))
    await sender.finish()


async def _serve_alone(
    stream: Description,
    scope: Scope,
    receive: Receive,
    send: Send,
    placement: Placement,
    render: Render | None,
    encode_json: EncodeJSON,
    compress: Compress,
    debug: bool,
) -> None:
    async with open_stream_host() as host:
        alone = Placement(host, placement.registries or (StreamRegistry(),))
        await respond(
            stream, scope, receive, send, alone, render=render, encode_json=encode_json, compress=compress, debug=debug
        )
