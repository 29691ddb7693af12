"""The server's side of HTTP/1.1 (RFC 9112): the bytes of responses."""

import functools
from http import HTTPStatus
from typing import NamedTuple

from ..errors import phrase
from .messages import STATUSES_WITHOUT_BODY, Headers, read_content_length

_OF_THE_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


class ResponseEncoder:
    """The encoder of one response.

    Args:
        method: The request's method.
        version: The request's version of HTTP.
        is_last: Whether the connection is closed after the response.

    Attributes:
        is_last: The same; it may become true when the head is made.
        is_complete: Whether the end of the response was made.
        is_chunked: Whether the body is sent in chunks, because its length is not known (RFC 9112, 7.1).
    """

    __slots__ = ("_has_body", "_left", "_version", "is_chunked", "is_complete", "is_last")

    def __init__(self, method: str, version: str, *, is_last: bool) -> None:
        self._version = version
        self._has_body = method != "HEAD"
        self.is_chunked = False
        self._left: int | None = None  # bytes left of a body whose length was given
        self.is_last = is_last
        self.is_complete = False

    def head(self, status: int, headers: Headers) -> bytes:
        """The bytes of the status and the headers, with those that say how the body ends.

        Raises:
            ValueError: A header about the body is not valid.
        """
        head = _make_head(status, tuple(headers), self._version, self._has_body, self.is_last)
        self._has_body, self.is_chunked, self._left, self.is_last = head[1:]
        return head.data

    def piece(self, data: bytes) -> bytes:
        """The bytes of a piece of the body, which must not be empty.

        Raises:
            ValueError: The body is longer than its content-length.
        """
        if not self._has_body:
            return b""
        if self.is_chunked:
            return b"%x\r\n%b\r\n" % (len(data), data)
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                self.is_last = True
                raise ValueError("the response's body is longer than its content-length")
        return data

    def end(self) -> bytes:
        """The bytes that end the body.

        Raises:
            ValueError: The body is shorter than its content-length.
        """
        if self._has_body and self._left:
            raise ValueError(f"the response's body is {self._left} bytes shorter than its content-length")
        self.is_complete = True
        return b"0\r\n\r\n" if self.is_chunked else b""


class _Head(NamedTuple):
    """The bytes of a head, and how its body is sent; see `ResponseEncoder`."""

    data: bytes
    has_body: bool
    is_chunked: bool
    length: int | None
    is_last: bool


@functools.lru_cache(maxsize=16)  # the streams that begin within a second have the same head
def _make_head(status: int, headers: tuple[tuple[bytes, bytes], ...], version: str, has_body: bool, is_last: bool) -> _Head:
    names = {name for name, _ in headers}
    lines = list(headers)
    is_chunked, length = False, None
    if status in STATUSES_WITHOUT_BODY:
        has_body = False
        # A length is that which another response would have, which there is none of for 204 (RFC 9110, 8.6).
        kept = b"content-length" if status == HTTPStatus.NOT_MODIFIED else b""
        lines = [header for header in headers if header[0] not in _OF_THE_FRAMING or header[0] == kept]
    elif b"content-length" in names and b"transfer-encoding" not in names:
        length = read_content_length(lines)
    else:  # the body's length is not known
        if any(name == b"transfer-encoding" and value.lower() != b"chunked" for name, value in headers):
            raise ValueError("a response has a transfer-encoding other than chunked, which is the only one there is")
        lines = [header for header in headers if header[0] not in _OF_THE_FRAMING]
        if version == "1.1":
            is_chunked = has_body
            lines.append((b"transfer-encoding", b"chunked"))
        elif has_body:
            is_last = True  # the end of the connection ends the body
    if b"connection" in names:
        said = b",".join([value for name, value in headers if name == b"connection"]).lower()
        is_last |= b"close" in map(bytes.strip, said.split(b","))
    if is_last:
        lines = [header for header in lines if header[0] != b"connection"]
        lines.append((b"connection", b"close"))
    return _Head(encode_head(status, lines), has_body, is_chunked, length, is_last)


def encode_head(status: int, headers: Headers) -> bytes:
    """A status line, headers, and the empty line after them."""
    # The reason may be empty (RFC 9112, 4), but some clients count such a response as a failure.
    lines = [b"HTTP/1.1 %d %b\r\n" % (status, phrase(status).encode("ascii"))]
    lines += [b"%b: %b\r\n" % header for header in headers]
    lines.append(b"\r\n")
    return b"".join(lines)
