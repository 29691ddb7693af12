"""What to stream and how: the settings of one `EventStream`, checked when they are given."""

import math
import time
from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from datetime import datetime

import trio

from ..arguments import check_seconds
from ..compression import Coding, Compress, check_compress
from ..headers import HeadersInput, encode_headers, header_pairs
from ..wire import JSONDefault, check_json_default, check_one_line
from .revalidation import Revalidate
from .source import Source, check_source

# No `connection` and no `transfer-encoding`: they belong to the server, and HTTP/2 forbids them (RFC 9113, 8.2.2).
# An event stream is UTF-8 whatever the charset says, but clients for whom this is just text assume Latin-1 without it.
# `no-transform` keeps proxies from compressing events, and `x-accel-buffering` keeps nginx from holding them back.
_CONTENT_TYPE = b"text/event-stream; charset=utf-8"
_HEADERS = (
    (b"content-type", _CONTENT_TYPE),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
)


# What most streams have, and nobody has to check.
_HEARTBEAT_INTERVAL = 15.0
_SEND_TIMEOUT = 30.0
_CLEANUP_TIMEOUT = 5.0
_START_GRACE = 0.1


@dataclass(frozen=True, slots=True)
class Description:
    """The arguments of an `EventStream`; see there for each of them."""

    generator: Source
    event_type: str | None = None
    heartbeat_interval: float | None = _HEARTBEAT_INTERVAL
    _: KW_ONLY
    send_timeout: float = _SEND_TIMEOUT
    cleanup_timeout: float = _CLEANUP_TIMEOUT
    start_grace: float = _START_GRACE
    headers: HeadersInput = ()
    expires_at: datetime | None = None
    revalidate: Revalidate | None = None
    label: object = None
    json_default: JSONDefault | None = None
    compress: Compress | None = None

    def __post_init__(self) -> None:
        check_source(self.generator)
        check_one_line("event_type", self.event_type)
        if self.heartbeat_interval is not None and self.heartbeat_interval is not _HEARTBEAT_INTERVAL:
            check_seconds("heartbeat_interval", self.heartbeat_interval, otherwise="; None switches heartbeats off")
        if self.send_timeout is not _SEND_TIMEOUT:
            check_seconds("send_timeout", self.send_timeout)
        if self.cleanup_timeout is not _CLEANUP_TIMEOUT:
            check_seconds("cleanup_timeout", self.cleanup_timeout)
        if self.start_grace is not _START_GRACE:
            check_seconds("start_grace", self.start_grace)
        if self.expires_at is not None:
            _check_point_in_time("expires_at", self.expires_at)
        if self.revalidate is not None and not callable(self.revalidate):
            raise TypeError(f"revalidate is {self.revalidate!r}; it must be an async function without parameters, or None")
        check_json_default(self.json_default)
        if self.compress is not None:
            check_compress("compress", self.compress, ", or None for the app's")

        if self.headers != ():
            pairs = header_pairs(self.headers)
            object.__setattr__(self, "headers", pairs)
            _check_headers(encode_headers(pairs))


def response_headers(description: Description, compress: Compress, coding: Coding | None) -> list[tuple[bytes, bytes]]:
    """The headers of the response in ASGI's form: those of an event stream, unless `headers` replaces them.

    A new list each time, because middleware may add to it.

    Args:
        description: The stream.
        compress: Whether it is compressed for clients that take that, which caches have to know.
        coding: What compresses it for this one; None if nothing does.
    """
    if description.headers == () and compress is False:
        return list(_HEADERS)
    further = encode_headers(header_pairs(description.headers))
    _check_headers(further)  # checked again, because the headers of a Starlette response can be changed
    named = {name for name, _ in further}
    headers = [*(header for header in _HEADERS if header[0] not in named), *further]
    if coding is not None:
        headers.append((b"content-encoding", coding.name))
    if compress is not False:
        headers.append((b"vary", b"accept-encoding" if compress is True else b"accept-encoding, available-dictionary"))
    return headers


def deadline(description: Description) -> float:
    """When the stream ends at the latest: `expires_at` on trio's clock; infinity without one."""
    if description.expires_at is None:
        return math.inf
    return trio.current_time() + description.expires_at.timestamp() - time.time()


def _check_headers(headers: Iterable[tuple[bytes, bytes]]) -> None:
    for name, value in headers:
        if name == b"content-type":
            raise ValueError(
                f"headers has the content-type {value.decode('latin-1')!r}; that of an event stream is always "
                f"{_CONTENT_TYPE.decode()!r}, so leave it out"
            )
        if name == b"content-encoding":
            raise ValueError(
                f"headers has the content-encoding {value.decode('latin-1')!r}; a stream is compressed by compress=True"
            )


def _check_point_in_time(name: str, value: object) -> None:
    if not isinstance(value, datetime):
        raise TypeError(f"{name} is {value!r}; it must be a datetime with a time zone, or None")
    if value.utcoffset() is None:
        raise ValueError(f"{name} is {value!r}; it must have a time zone, such as datetime.now(UTC) has")
