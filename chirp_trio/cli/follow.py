"""Follow one event stream, over as many connections as that takes.

WHATWG HTML, 9.2.3 "Processing model", for a client that is no browser. In these points it does more than the standard says,
or chooses where the standard leaves a choice:

- 429, 502, 503 and 504 say "later" and not "never": they are tried again, as a lost connection is.
- An attempt begins at the URL that was given, whatever redirects there were before. A place that somebody was sent to is
  never asked directly, so no secret header goes where HTTP's rules for redirects would not have it go.
- A certificate that cannot be trusted, too many redirects, and what this client cannot read are futile: no further attempt.
"""

import os
import socket
import ssl
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx
import trio

from ..errors import EventTooLarge, phrase
from ..wire import Comment, Decoder, SSEEvent, is_event_stream
from .inflate import Inflater
from .pauses import Pauses

TEMPORARY = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
MOST_REDIRECTS = 20  # as Fetch has it

# Seconds. A peer that has vanished answers no probe; one that is merely silent does.
_KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection is open, and brings what the stream has.

    Attributes:
        again: Whether there was another one before, or an attempt that failed.
    """

    again: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """There is no connection; the next attempt follows after a pause.

    Attributes:
        reason: What became of the last one.
        seconds: How long the pause is.
    """

    reason: str
    seconds: float


type Heard = SSEEvent[str] | Comment | Connected | Waiting


class Refused(Exception):
    """The answer was such that no further attempt would change it."""


class Unreachable(Exception):
    """Nobody answered, or the connection was lost, and that was the last attempt."""


class _Lost(Exception):
    """An attempt is over, and another one may do better, but not before `retry_after` seconds."""

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


async def follow(
    client: httpx.AsyncClient,
    url: str,
    *,
    last_event_id: str | None = None,
    reconnect: bool = True,
    retries: int | None = None,
    pauses: Pauses | None = None,
) -> AsyncGenerator[Heard]:
    """What comes of a stream: its events and comments, and when a connection comes and goes. For `aclosing()`.

    It ends where the server says that it is over, with a 204; without `reconnect` also at the end of the first connection.

    Args:
        client: What makes the requests, with their headers and timeouts. A timeout for reading is how long the stream may be
            silent. The caller closes it.
        url: Where the stream is.
        last_event_id: The id to begin after; default: none.
        reconnect: Whether to connect again when a connection is over; default True.
        retries: How many further attempts there are when one has failed, that is, brought no event and no comment; default:
            as many as it takes.
        pauses: How long to wait between attempts.

    Raises:
        Refused: The server does not want us, or what it has is no event stream that we can read.
        Unreachable: The last attempt has failed.
    """
    pauses = pauses or Pauses()
    again = False
    while True:
        decoder = Decoder(last_event_id=last_event_id)
        came = False
        try:
            async with _connection(client, url, decoder.last_event_id) as (response, chunks):
                if response.status_code == HTTPStatus.NO_CONTENT:
                    return
                unpack = _unpacker(response)
                yield Connected(again)
                async for chunk in chunks:
                    for piece in unpack(chunk):
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
            if isinstance(cause := _innermost(error), ssl.SSLCertVerificationError):
                raise Refused(f"its certificate is not to be trusted: {cause.verify_message}") from error
            lost = _Lost(_reason(error, client.timeout))
        except (EventTooLarge, zlib.error) as error:
            raise Refused(f"it cannot be read: {error}") from error
        last_event_id = decoder.last_event_id
        if decoder.retry is not None:
            pauses.base = decoder.retry / 1000
        pause = pauses.after_success() if came else pauses.after_failure()
        if not reconnect or (retries is not None and pauses.failures > retries):
            raise Unreachable(str(lost))
        pause = max(pause, lost.retry_after)
        yield Waiting(str(lost), pause)
        await trio.sleep(pause)
        again = True


@asynccontextmanager
async def _connection(
    client: httpx.AsyncClient, url: str, last_event_id: str
) -> AsyncGenerator[tuple[httpx.Response, AsyncIterator[bytes]]]:
    """One connection to the stream: the head of the response, which is a 204 or an event stream, and the body."""
    async with aclosing(await _answer(client, url, last_event_id)) as response:
        _check(response)
        _probe_peer(response)
        chunks = response.aiter_raw()
        try:
            yield response, chunks
        finally:
            # httpx nests generators, and closing the outermost leaves the others to the garbage collector, of which trio
            # warns. A read that is cancelled ends them all.
            with suppress(httpx.HTTPError), trio.CancelScope() as scope:
                scope.cancel()
                async for _ in chunks:
                    pass


async def _answer(client: httpx.AsyncClient, url: str, last_event_id: str) -> httpx.Response:
    """The first response that is no redirect. Those that are, are not read."""
    # The edges of a header's value are trimmed on the way, so they may as well not be sent; in UTF-8, as the standard says.
    value = last_event_id.strip().encode()
    request = client.build_request("GET", url, headers={b"Last-Event-ID": value} if value else None)
    for _ in range(MOST_REDIRECTS + 1):
        try:
            response = await client.send(request, stream=True)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, UnicodeError) as error:
            raise Refused(f"it redirects to where there is no HTTP: {error}") from error
        if response.next_request is None:
            return response
        await response.aclose()
        request = response.next_request
    raise Refused(f"it redirects more than {MOST_REDIRECTS} times")


def _check(response: httpx.Response) -> None:
    """Raise unless the response is one to go on with."""
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
    """What makes the stream's bytes of those of the body."""
    encoding = response.headers.get("content-encoding", "")
    match encoding.lower():
        case "" | "identity":
            return lambda chunk: (chunk,)
        case "gzip" | "x-gzip":
            return Inflater().feed
        case _:
            raise Refused(f"the server answered with the content encoding {encoding!r}; it may be gzip, and should be none")


def _retry_after(value: str) -> float:
    """The seconds that a `Retry-After` asks for (RFC 9110, 10.2.3): a number, or the time when; 0 for anything else."""
    if value.isascii() and value.isdecimal():
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _probe_peer(response: httpx.Response) -> None:
    """Have the connection of a silent stream probed, so that it is found out when the other side has vanished."""
    stream = response.extensions.get("network_stream")
    connection = stream.get_extra_info("socket") if stream is not None else None
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE.items():
            if hasattr(socket, name):  # not everywhere
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _reason(error: httpx.TransportError, timeout: httpx.Timeout) -> str:
    """What became of a connection, in words for people."""
    if isinstance(error, httpx.ConnectTimeout):
        return f"no connection within {timeout.connect:g} s"
    if isinstance(error, httpx.ReadTimeout):
        return f"nothing came for {timeout.read:g} s"
    cause = _innermost(error)
    if isinstance(cause, OSError) and cause.errno is not None:
        told = os.strerror(cause.errno) if cause.errno > 0 and not isinstance(cause, ssl.SSLError) else str(cause.strerror)
    else:
        told = str(error) or type(error).__name__
    return f"cannot connect: {told}" if isinstance(error, httpx.ConnectError) else f"the connection was lost: {told}"


def _innermost(error: BaseException) -> BaseException:
    """Where an error came from, below those that others made of it."""
    while True:
        below = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error.__cause__ or error.__context__
        if below is None:
            return error
        error = below
