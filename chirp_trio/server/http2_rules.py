"""The rules for requests and responses of HTTP/2 (RFC 9113, 8)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .messages import MAX_HEAD_BYTES, MAX_HEADER_LINES, MAX_TARGET_BYTES, Headers, check_header, is_host, read_content_length

# The bytes that a header counts besides its name and value (RFC 9113, 6.5.2).
_HEADER_OVERHEAD = 32
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET = re.compile(rb"/[\x21\x22\x24-\x7e]*")  # without a fragment
_FORBIDDEN_IN_VALUE = re.compile(rb"[\0\r\n]|\A[ \t]|[ \t]\Z")
_PSEUDO_HEADERS = frozenset({b":method", b":scheme", b":authority", b":path"})
# Headers about one connection of HTTP/1.1, which have no meaning here (RFC 9113, 8.2.2).
_OF_THE_CONNECTION = frozenset({b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade"})


class MalformedError(Exception):
    """A malformed request, whose stream is reset."""


class RefusedError(Exception):
    """A request that is answered with only a status."""

    def __init__(self, status: int) -> None:
        self.status = status


@dataclass(slots=True)
class Request:
    """The head of a request.

    Args:
        method: The method, as the client has sent it.
        target: The path, with the query if there is one.
        headers: Its headers, with `host`.
        content_length: The announced length of the body; None if there is none.
        expects_continue: Whether the client waits for `100 Continue` before it sends the body.
        takes_trailers: Whether the client accepts trailers.
    """

    method: str
    target: bytes
    headers: Headers
    content_length: int | None
    expects_continue: bool
    takes_trailers: bool


def read_request(received: Iterable[tuple[bytes, bytes]]) -> Request:
    """The head of a request, from its headers.

    Raises:
        MalformedError: They are not the headers of a valid request.
        RefusedError: They are too large, or ask for something that is not supported.
    """
    pseudo, headers = _divide(received)
    method, scheme, path = (pseudo.get(name, b"") for name in (b":method", b":scheme", b":path"))
    if not _METHOD.fullmatch(method):
        raise MalformedError("the method")
    if method == b"CONNECT":
        raise RefusedError(501)
    if not scheme or not (_TARGET.fullmatch(path) or (path == b"*" and method == b"OPTIONS")):
        raise MalformedError("the scheme or the path")
    if len(path) > MAX_TARGET_BYTES:
        raise RefusedError(414)
    headers = _with_host(_with_one_cookie(headers), pseudo.get(b":authority"))
    if len(headers) > MAX_HEADER_LINES or sum(len(n) + len(v) + _HEADER_OVERHEAD for n, v in headers) > MAX_HEAD_BYTES:
        raise RefusedError(431)
    values = dict(headers)
    return Request(
        method=method.decode("ascii"),
        target=path,
        headers=headers,
        content_length=_content_length(headers),
        expects_continue=values.get(b"expect", b"").lower() == b"100-continue",
        takes_trailers=values.get(b"te", b"").lower() == b"trailers",
    )


def check_trailers(received: Iterable[tuple[bytes, bytes]]) -> None:
    """Check the trailers after a body.

    Raises:
        MalformedError: They are not valid.
    """
    pseudo, _ = _divide(received)
    if pseudo:
        raise MalformedError("a pseudo-header after the body")


def check_response(headers: Headers) -> Headers:
    """The headers of a response, or its trailers, without those that are about a connection.

    Raises:
        ValueError: A name or a value cannot be sent.
    """
    for name, value in headers:
        check_header(name, value)
    return [(name, value) for name, value in headers if name not in _OF_THE_CONNECTION]


def _divide(received: Iterable[tuple[bytes, bytes]]) -> tuple[dict[bytes, bytes], Headers]:
    pseudo: dict[bytes, bytes] = {}
    headers: Headers = []
    for name, value in ((bytes(name), bytes(value)) for name, value in received):
        if _FORBIDDEN_IN_VALUE.search(value):
            raise MalformedError("a value")
        if name.startswith(b":"):
            if headers or name in pseudo or name not in _PSEUDO_HEADERS:
                raise MalformedError("a pseudo-header")
            pseudo[name] = value
            continue
        if not _NAME.fullmatch(name) or name in _OF_THE_CONNECTION or (name == b"te" and value.lower() != b"trailers"):
            raise MalformedError("a header")
        headers.append((name, value))
    return pseudo, headers


def _with_one_cookie(headers: Headers) -> Headers:
    """Join cookies that a client has divided into several headers for compression (RFC 9113, 8.2.3)."""
    cookies = [value for name, value in headers if name == b"cookie"]
    if len(cookies) < 2:
        return headers
    return [header for header in headers if header[0] != b"cookie"] + [(b"cookie", b"; ".join(cookies))]


def _with_host(headers: Headers, authority: bytes | None) -> Headers:
    hosts = [value for name, value in headers if name == b"host"]
    if authority is None:
        if len(hosts) != 1 or not is_host(hosts[0]):
            raise MalformedError("the host")
        return headers
    if not authority or not is_host(authority) or len(hosts) > 1 or (hosts and hosts[0].lower() != authority.lower()):
        raise MalformedError("the host")
    return headers if hosts else [(b"host", authority), *headers]


def _content_length(headers: Headers) -> int | None:
    try:
        return read_content_length(headers)
    except ValueError as error:
        raise MalformedError("the content-length") from error
