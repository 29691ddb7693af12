"""Rules for the messages of every version of HTTP, and a request as a scope of ASGI."""

import functools
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from ..asgi import Scope
from .sockets import Address

# Statuses of responses without a body, whatever the headers say (RFC 9110, 6.4.1).
STATUSES_WITHOUT_BODY = frozenset({204, 304})
# A header that is sent: its name in small letters, and the bytes that its value must not have (RFC 9110, 5.1 and 5.5).
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_FORBIDDEN_IN_VALUE = re.compile(rb"[\0\r\n]|\A[ \t]|[ \t]\Z")
_LENGTH = re.compile(rb"[0-9]{1,18}")
# A name or an address, and perhaps a port (RFC 3986, 3.2.2; in brackets with the zone of an address too, as in RFC 6874).
_HOST = re.compile(rb"(?:\[[0-9A-Za-z:.%_~-]++\]|(?:[0-9A-Za-z\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*+)(?::[0-9]*+)?")

# The limits of a request's head: no honest client needs more, and an open stream may hold it for hours.
MAX_HEAD_BYTES = 32 * 1024
MAX_HEADER_LINES = 100
MAX_TARGET_BYTES = 8 * 1024

type Headers = list[tuple[bytes, bytes]]


def make_scope(
    *, version: str, method: str, scheme: str, target: bytes, headers: Headers, root_path: str, state: dict[str, Any],
    client: Address, server: Address,
) -> Scope:  # fmt: skip
    """The ASGI scope of a request. The target is a path, with or without a query."""
    path, _, query = target.partition(b"?")
    return {
        "type": "http",
        "asgi": {"spec_version": "2.1", "version": "3.0"},
        "http_version": version,
        "method": method,
        "scheme": scheme,
        "path": unquote(path.decode("ascii")),
        "raw_path": path,
        "query_string": query,
        "root_path": root_path,
        "headers": headers,
        "client": client,
        "server": server,
        "state": state.copy(),
        "extensions": {},
    }


def is_host(value: bytes) -> bool:
    """Whether this can be what a request says of its host (RFC 9110, 7.2). It may be empty."""
    return _HOST.fullmatch(value) is not None


def check_headers(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers of a response, with names in small letters.

    Raises:
        TypeError: A name or a value is not bytes.
        ValueError: A name or a value cannot be sent.
    """
    given = tuple(map(tuple, headers))
    try:
        return [*_check_headers(given)]
    except TypeError:  # it cannot be looked up either
        return [*_check_headers.__wrapped__(given)]


@functools.lru_cache(maxsize=16)  # the streams of an app have the same headers
def _check_headers(headers: tuple[tuple[bytes, bytes], ...]) -> tuple[tuple[bytes, bytes], ...]:
    checked = []
    for name, value in headers:
        if not isinstance(name, bytes) or not isinstance(value, bytes):
            raise TypeError(f"a response has the header {name!r}: {value!r}; ASGI wants both as bytes")
        name, value = name.strip().lower(), value.strip()  # noqa: PLW2901 - as they are sent
        if name.startswith(b":"):
            raise ValueError(f"a response has the header {name!r}; names with a colon in front are HTTP/2's own")
        check_header(name, value)
        checked.append((name, value))
    return tuple(checked)


def check_header(name: bytes, value: bytes) -> None:
    """Check a header of a response.

    Raises:
        ValueError: The name or the value cannot be sent.
    """
    if not _NAME.fullmatch(name) or _FORBIDDEN_IN_VALUE.search(value):
        raise ValueError(f"a response has the header {name!r}: {value!r}; that is none (RFC 9110, 5)")


def read_content_length(headers: Headers) -> int | None:
    """The content length in a message's headers; None if there is none.

    Raises:
        ValueError: There are several, or it is not a number.
    """
    lengths = {value for name, value in headers if name == b"content-length"}
    if not lengths:
        return None
    length = lengths.pop()
    if lengths or not _LENGTH.fullmatch(length):
        raise ValueError(f"the content-length is {length!r}; it must be one number")
    return int(length)
