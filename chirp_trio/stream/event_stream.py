"""`EventStream`: what to stream and how. An ASGI response by itself, in any framework that trio runs."""

import math
import time
from collections.abc import Awaitable, Iterable
from dataclasses import KW_ONLY, dataclass
from datetime import datetime

import trio

from ..asgi import Receive, Scope, Send, require_trio
from ..errors import HTTPError
from ..headers import HeadersInput, encode_headers, header_pairs
from ..wire import EncodeJSON, JSONDefault, check_json_default, check_one_line, encode_json, json_encoder
from .host import find_shutdown, open_stream_host
from .items import Render
from .lifecycle import LiveStream
from .placement import Placement, find_placement, warn_of_missing_host
from .registry import StreamRegistry
from .revalidation import Revalidate, Revalidation
from .sender import Sender
from .source import Source, check_source, close_source

# No `connection` and no `transfer-encoding`: they belong to the server, and HTTP/2 forbids them (RFC 9113, 8.2.2).
# An event stream is UTF-8 whatever the charset says, but clients for whom this is just text assume Latin-1 without it.
# `no-transform` keeps proxies from compressing, `x-accel-buffering` keeps nginx from buffering, what has to arrive now.
_CONTENT_TYPE = b"text/event-stream; charset=utf-8"
_HEADERS = (
    (b"content-type", _CONTENT_TYPE),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
)

# Seconds that an answer of `revalidate` holds for, where heartbeats do not say.
_ANSWER_HOLDS = 15.0


@dataclass(frozen=True, slots=True)
class EventStream:
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
            switches heartbeats off.
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

    generator: Source
    event_type: str | None = None
    heartbeat_interval: float | None = 15.0
    _: KW_ONLY
    send_timeout: float = 30.0
    cleanup_timeout: float = 5.0
    start_grace: float = 0.1
    headers: HeadersInput = ()
    expires_at: datetime | None = None
    revalidate: Revalidate | None = None
    label: object = None
    json_default: JSONDefault | None = None

    def __post_init__(self) -> None:
        check_source(self.generator)
        check_one_line("event_type", self.event_type)
        if self.heartbeat_interval is not None:
            _check_seconds("heartbeat_interval", self.heartbeat_interval, "; None switches heartbeats off")
        _check_seconds("send_timeout", self.send_timeout)
        _check_seconds("cleanup_timeout", self.cleanup_timeout)
        _check_seconds("start_grace", self.start_grace)
        if self.expires_at is not None:
            _check_point_in_time("expires_at", self.expires_at)
        if self.revalidate is not None and not callable(self.revalidate):
            raise TypeError(f"revalidate is {self.revalidate!r}; it must be an async function without parameters, or None")
        check_json_default(self.json_default)

        pairs = header_pairs(self.headers)
        object.__setattr__(self, "headers", pairs)
        _check_headers(encode_headers(pairs))

    def response_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of the response, as ASGI wants them: a stream's own, unless `headers` says otherwise.

        A new list each time, because middleware may add to it.
        """
        further = encode_headers(header_pairs(self.headers))
        _check_headers(further)  # again, because those of a response of Starlette's kind can be changed
        named = {name for name, _ in further}
        return [*(header for header in _HEADERS if header[0] not in named), *further]

    def deadline(self) -> float:
        """`expires_at` on trio's clock; infinity without one."""
        if self.expires_at is None:
            return math.inf
        return trio.current_time() + self.expires_at.timestamp() - time.time()

    def revalidation(self) -> Revalidation | None:
        """What asks `revalidate`, for one run of the stream; None if nobody is to be asked."""
        if self.revalidate is None:
            return None
        return Revalidation(self.revalidate, self.heartbeat_interval or _ANSWER_HOLDS)

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
            await self.respond(scope, receive, send, find_placement(scope))
        except HTTPError as error:
            await self._answer_error(error, scope, send)

    async def _answer_error(self, error: HTTPError, _scope: Scope, send: Send) -> None:
        body = error.detail.encode("utf-8", "backslashreplace")
        own = {b"content-type": b"text/plain; charset=utf-8", b"content-length": b"%d" % len(body)}
        further = encode_headers(error.headers)
        named = {name for name, _ in further}
        headers = [*((name, value) for name, value in own.items() if name not in named), *further]
        await send({"type": "http.response.start", "status": error.status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    def respond(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        placement: Placement,
        *,
        render: Render | None = None,
        encode_json: EncodeJSON = encode_json,
        debug: bool = False,
    ) -> Awaitable[None]:
        """As `__call__`, for an app that can render fragments, and answers errors itself.

        Args:
            scope: The request's ASGI scope.
            receive: Its receive callable.
            send: Its send callable.
            placement: Where the stream shall live, and whose it is. Without a host it lives in a nursery for this request
                alone.
            render: Turns fragments and HTML into text for this client; default: HTML only, in the client's own dialect.
            encode_json: Turns a value into JSON, where the stream itself says nothing of it; default: without a
                `json_default`.
            debug: Whether the client is told what went wrong; default: no.
        """
        # Not async itself: an idle stream keeps the frame of every function that waits for it.
        if self.json_default is not None:
            encode_json = json_encoder(self.json_default)
        sender = Sender(scope, send)
        if scope["method"] == "HEAD":
            return self._answer_head(sender)
        if placement.host is None:
            warn_of_missing_host()
            return self._serve_alone(scope, receive, send, placement, render, encode_json, debug)
        placement.host.close_when(find_shutdown(scope, send))
        live = LiveStream(self, sender, placement, scope, render=render, encode_json=encode_json, debug=debug)
        return live.serve(receive)

    async def _answer_head(self, sender: Sender) -> None:
        await close_source(self.generator)
        await sender.start(self.response_headers())
        await sender.finish()

    async def _serve_alone(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        placement: Placement,
        render: Render | None,
        encode_json: EncodeJSON,
        debug: bool,
    ) -> None:
        async with open_stream_host() as host:
            alone = Placement(host, placement.registries or (StreamRegistry(),))
            await self.respond(scope, receive, send, alone, render=render, encode_json=encode_json, debug=debug)


def _check_seconds(name: str, value: object, otherwise: str = "") -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} is {value!r}; it must be a number of seconds{otherwise}")
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"{name} is {value!r}; it must be more than zero and finite, in seconds{otherwise}")


def _check_headers(headers: Iterable[tuple[bytes, bytes]]) -> None:
    for name, value in headers:
        if name == b"content-type":
            raise ValueError(
                f"headers has the content-type {value.decode('latin-1')!r}; that of an event stream is always "
                f"{_CONTENT_TYPE.decode()!r}, so leave it out"
            )


def _check_point_in_time(name: str, value: object) -> None:
    if not isinstance(value, datetime):
        raise TypeError(f"{name} is {value!r}; it must be a datetime with a time zone, or None")
    if value.utcoffset() is None:
        raise ValueError(f"{name} is {value!r}; it must have a time zone, such as datetime.now(UTC) has")
