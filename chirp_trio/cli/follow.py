"""Follow one event stream, over as many connections as that takes.

This is WHATWG HTML, 9.2.3 "Processing model", for a client that is no browser. It does more than the standard says, or
chooses where the standard leaves a choice, in these points:

- After 429, 502, 503 and 504 it tries again, as after a lost connection.
- Each attempt begins at the URL that the user gave, whatever redirects came before.
- Headers and a body that the user has added may be secret, and are not sent to another origin than that of the URL.
- A server cannot make it try without pauses, or wait without bounds: see `Pauses`, and `LONGEST_HEAD`.
- It does not try again after a certificate that cannot be trusted, too many redirects, or a response that it cannot read.
"""

import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus

import httpx
import trio

from ..compression import DecompressionError, Decompressor
from ..errors import EventTooLarge, phrase
from ..wire import Comment, Decoder, SSEEvent, is_event_stream
from .pauses import LONGEST_ASKED, Pauses
from .reasons import innermost, reason

TEMPORARY = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
MOST_REDIRECTS = 20  # as Fetch has it
LONGEST_HEAD = 60.0  # seconds until a response's head has come, including redirects and "100 Continue"

# The headers of every request. Only these, and the last event id, are sent to another origin.
HEADERS = {
    "Accept": "text/event-stream",
    "Accept-Encoding": "identity",  # a proxy that compresses may hold small events back
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",  # as fetch says it
    "User-Agent": "chirp-trio",
}

# Seconds, and a number of probes. A peer that has vanished does not answer them; one that is only silent does.
_KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection to the stream is open.

    Attributes:
        again: Whether there was a connection, or a failed attempt, before.
    """

    again: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """There is no connection; the next attempt follows after a pause.

    Attributes:
        reason: Why the last connection ended, or could not be made.
        seconds: The length of the pause.
    """

    reason: str
    seconds: float


type Heard = SSEEvent[str] | Comment | Connected | Waiting


class Refused(Exception):
    """The server's answer is final, so there is no further attempt."""


class Unreachable(Exception):
    """The last attempt failed: there was no answer, or the connection was lost."""


class _Lost(Exception):
    """An attempt has ended, and another may follow, after `retry_after` seconds at least."""

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


async def follow(
    client: httpx.AsyncClient,
    url: str,
    *,
    method: str = "GET",
    content: bytes | None = None,
    last_event_id: str | None = None,
    reconnect: bool = True,
    retries: int | None = None,
    pauses: Pauses | None = None,
) -> AsyncGenerator[Heard]:
    """A stream's events and comments, and its connections as they begin and end. Use it with `aclosing()`.

    It ends when the server answers 204, which means that the stream is over; without `reconnect`, also when the first
    connection ends.

    Args:
        client: Makes the requests, with its headers and timeouts. Its read timeout is how long the stream may be silent. The
            caller closes it.
        url: The URL of the stream.
        method: The method of the requests; default `"GET"`.
        content: The body of the requests; default: none.
        last_event_id: The id of the event after which to begin; default: none.
        reconnect: Whether to connect again when a connection ends; default True.
        retries: The number of further attempts after one that brought no event and no comment; default: no limit.
        pauses: The pauses between attempts; default: `Pauses()`.

    Raises:
        Refused: The server refuses, or its response is no event stream that can be read.
        Unreachable: The last attempt has failed.
    """
    pauses = pauses or Pauses()
    ask = partial(client.build_request, method, url, content=content)
    again = False
    while True:
        decoder = Decoder(last_event_id=last_event_id)
        came = False
        try:
            async with _connection(client, ask, decoder.last_event_id) as (response, chunks):
                if response.status_code == HTTPStatus.NO_CONTENT:
                    return
                unpack = _unpacker(response)
                yield Connected(again)
                async for chunk in chunks:
                    for piece in unpack(chunk):
                        await trio.lowlevel.checkpoint()  # few bytes may stand for very many
                        for item in decoder.feed(piece):
                            came = True
                            yield item
                lost = _Lost("the server ended the stream")
            if not reconnect:
                return
        except _Lost as error:
            lost = error
        except httpx.LocalProtocolError as error:
            raise Refused(f"the request cannot be sent: {error}") from error
        except httpx.TransportError as error:
            if isinstance(cause := innermost(error), ssl.SSLCertVerificationError):
                raise Refused(f"its certificate cannot be trusted: {cause.verify_message}; --insecure trusts any") from error
            lost = _Lost(reason(error, client.timeout))
        except (EventTooLarge, DecompressionError) as error:
            raise Refused(f"it cannot be read: {error}") from error
        last_event_id = decoder.last_event_id
        if decoder.retry is not None:
            pauses.base = decoder.retry / 1000
        pause = pauses.after_success() if came else pauses.after_failure()
        if not reconnect or (retries is not None and pauses.failures > retries):
            raise Unreachable(str(lost))
        pause = max(pause, min(lost.retry_after, LONGEST_ASKED))
        yield Waiting(str(lost), pause)
        await trio.sleep(pause)
        again = True


@asynccontextmanager
async def _connection(
    client: httpx.AsyncClient, ask: Callable[..., httpx.Request], last_event_id: str
) -> AsyncGenerator[tuple[httpx.Response, AsyncIterator[bytes]]]:
    """One connection to the stream: the head of the response, which is a 204 or an event stream, and the body."""
    # White space around a header's value is lost on the way anyway. UTF-8, as the standard says.
    value = last_event_id.strip().encode()
    request = ask(headers={b"Last-Event-ID": value} if value else None)
    seconds = client.timeout.read or LONGEST_HEAD
    answer = None
    with trio.move_on_after(seconds):
        answer = await _answer(client, request)
    if answer is None:
        raise _Lost(f"nothing came for {seconds:g} s")
    async with aclosing(answer) as response:
        _check(response)
        _probe_peer(response)
        chunks = response.aiter_raw()
        try:
            yield response, chunks
        finally:
            # httpx nests generators. Closing the outermost would leave the others to the garbage collector, and trio warns
            # of that. A read that is cancelled ends all of them.
            with suppress(httpx.HTTPError), trio.CancelScope() as scope:
                scope.cancel()
                async for _ in chunks:
                    pass


async def _answer(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """The first response that is no redirect. The bodies of redirects are not read."""
    origin = request.url
    for _ in range(MOST_REDIRECTS + 1):
        try:
            response = await client.send(request, stream=True)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, UnicodeError) as error:
            raise Refused(f"it redirects to what is no HTTP URL: {error}") from error
        if response.next_request is None:
            return response
        await response.aclose()
        request = response.next_request
        if not _may_know_secrets(origin, request.url):
            request = _without_secrets(request)
    raise Refused(f"it redirects more than {MOST_REDIRECTS} times")


def _may_know_secrets(origin: httpx.URL, url: httpx.URL) -> bool:
    """Whether a URL has the same origin (RFC 6454), or leads from HTTP to HTTPS on the same host and the standard ports."""
    if url.host != origin.host:
        return False
    of_origin, of_url = (each.port or {"http": 80, "https": 443}.get(each.scheme) for each in (origin, url))
    is_upgrade = (origin.scheme, of_origin, url.scheme, of_url) == ("http", 80, "https", 443)
    return is_upgrade or (url.scheme, of_url) == (origin.scheme, of_origin)


def _without_secrets(request: httpx.Request) -> httpx.Request:
    """The same request without anything that the user has added to it."""
    if request.method not in ("GET", "HEAD"):
        raise Refused(
            f"it redirects to another origin, {request.url}, to which the body is not sent; give that URL if you trust it"
        )
    kept = {name: request.headers[name] for name in ("Last-Event-ID",) if name in request.headers}
    return type(request)(request.method, request.url, headers={**HEADERS, **kept}, extensions=request.extensions)


def _check(response: httpx.Response) -> None:
    """Raise an error unless the response is an event stream, or a 204."""
    status = response.status_code
    answer = f"the server answered {status} {response.reason_phrase or phrase(status)}"
    if status in TEMPORARY:
        raise _Lost(answer, _retry_after(response.headers.get("retry-after", "")))
    if status == HTTPStatus.NO_CONTENT:
        return
    if status != HTTPStatus.OK:
        raise Refused(answer)
    content_type = response.headers.get("content-type", "")
    if not is_event_stream(content_type):
        raise Refused(f"the server answered with the content type {content_type!r}; it must be text/event-stream")


def _unpacker(response: httpx.Response) -> Callable[[bytes], Iterable[bytes]]:
    """The function that decompresses pieces of the body."""
    coding = response.headers.get("content-encoding", "")
    try:
        return Decompressor(coding).feed
    except LookupError:
        raise Refused(f"the server answered with the content encoding {coding!r}; it may be gzip, deflate or zstd") from None


def _retry_after(value: str) -> float:
    """The seconds that a `Retry-After` asks for (RFC 9110, 10.2.3): a number, or the time when; 0 for anything else."""
    if value.isascii() and value.isdecimal():
        return float(value)
    try:
        when = parsedate_to_datetime(value)
        return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
    except ValueError, OverflowError:
        return 0.0


def _probe_peer(response: httpx.Response) -> None:
    """Have the system probe a silent connection, so that it ends when the other side has vanished."""
    stream = response.extensions.get("network_stream")
    connection = stream.get_extra_info("socket") if stream is not None else None
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE.items():
            if hasattr(socket, name):  # not everywhere
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
