"""The client's side of HTTP/1.1 (RFC 9112): heads of requests, and their bodies.

They are read strictly, and in one pass: a proxy between the client and this server must not understand a different request.
"""

import re
from dataclasses import dataclass

from .messages import MAX_HEAD_BYTES, MAX_HEADER_LINES, MAX_TARGET_BYTES, Headers, is_host

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_LINE = rb"(?:" + _TOKEN + rb":[^\0\r\n\f\v]*+\n)"
# A head whose lines end with a line feed alone, which is allowed too (RFC 9112, 2.2). A target has no fragment (3.2).
_HEAD = re.compile(rb"(" + _TOKEN + rb") ([\x21\x22\x24-\x7e]++) HTTP/([0-9]\.[0-9])\n(" + _LINE + rb"*+)")
_HEADER = re.compile(rb"([^:]++):[ \t]*+([^\n]*+)\n")
_TRAILERS = re.compile(_LINE + rb"*+")
_LINE_FEED_ALONE = re.compile(rb"(?<!\r)\n")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*+;[^\0-\x08\x0a-\x1f\x7f]*+)?+[ \t]*+")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_ABSOLUTE = re.compile(rb"https?://([^/?#@]+)([/?].*)?", re.IGNORECASE)
# The most bytes of the line before a chunk: its size, and extensions, which are ignored.
_MAX_CHUNK_LINE = 4096


class RefusedError(Exception):
    """A request that is answered with only a status."""

    def __init__(self, status: int) -> None:
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request.

    Args:
        method: The method, as the client has sent it.
        target: The target, as the client has sent it.
        version: The version of HTTP, such as "1.1".
        headers: The headers, with names in small letters.
        is_last: Whether the client sends no other request on this connection.
    """

    method: str
    target: bytes
    version: str
    headers: Headers
    is_last: bool

    @property
    def is_preface(self) -> bool:
        """Whether this is no request, but what HTTP/2 begins with (RFC 9113, 3.4)."""
        return (self.method, self.target, self.version, self.headers) == ("PRI", b"*", "2.0", [])

    def resolve(self) -> tuple[bytes, Headers]:
        """The path and query of the target, and the headers.

        A target may contain the scheme and the host too (RFC 9112, 3.2.2); then that host counts, and not the header's.

        Raises:
            RefusedError: The request cannot be answered.
        """
        target = self.target
        if self.version not in {"1.0", "1.1"}:
            raise RefusedError(505)
        if len(target) > MAX_TARGET_BYTES:
            raise RefusedError(414)
        if self.method == "CONNECT":
            raise RefusedError(501)
        if target.startswith(b"/") or (target == b"*" and self.method == "OPTIONS"):
            return target, self.headers
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is None:
            raise RefusedError(400)
        host, path = absolute.groups(b"")
        if not is_host(host):
            raise RefusedError(400)
        headers = [(b"host", host), *(header for header in self.headers if header[0] != b"host")]
        return path if path.startswith(b"/") else b"/" + path, headers


class RequestReader:
    """A reader of the requests of one connection, in whatever pieces their bytes come.

    Attributes:
        awaits_continue: Whether the client waits for `100 Continue` before it sends the announced body (RFC 9110, 10.1.1).
    """

    __slots__ = ("_buffer", "_has_footer", "_has_skipped_line", "_is_chunked", "_is_in_trailers", "_left", "awaits_continue")

    def __init__(self) -> None:
        self._buffer = b""
        # Before a request; one is passed over, as there are clients that end a body with it (RFC 9112, 2.2).
        self._has_skipped_line = False
        self._left = 0  # bytes left of the body, or of its current chunk
        self._is_chunked = False  # there are further chunks
        self._has_footer = False  # a chunk is complete, except for the end of its line
        self._is_in_trailers = False
        self.awaits_continue = False

    def receive_data(self, data: bytes) -> None:
        """Take bytes that the client has sent."""
        self._buffer = self._buffer + data if self._buffer else data

    @property
    def unread(self) -> int:
        """The number of bytes that were not read."""
        return len(self._buffer)

    def take_rest(self) -> bytes:
        """Remove the bytes that were not read, and return them for another reader."""
        rest, self._buffer = self._buffer, b""
        return rest

    # -- heads ----------------------------------------------------------------------------------------------------------

    def next_request(self) -> Request | None:
        """The next head; None if it is not complete.

        Raises:
            RefusedError: The head is malformed, or too large.
        """
        if not self._has_skipped_line and self._buffer.startswith(b"\r\n"):
            self._has_skipped_line = True
            self._buffer = self._buffer[2:]
        came = self._buffer
        if not came or (came == b"\r" and not self._has_skipped_line):
            return None
        end = _find_end(came)
        _check_size(came, end)
        if end < 0:
            if came[0] <= 0x20:  # no method begins like this, and the rest of the line may never come
                raise RefusedError(400)
            return None
        head = _HEAD.fullmatch(came[: end + 1].replace(b"\r\n", b"\n"))
        if head is None:
            raise RefusedError(400)
        self._buffer = came[came.index(b"\n", end + 1) + 1 :]
        self._has_skipped_line = False
        method, target, version, lines = head.groups()
        headers = [(name.lower(), value.rstrip(b" \t")) for name, value in _HEADER.findall(lines)]
        self._begin_body(version, headers)
        connection = b",".join([value for name, value in headers if name == b"connection"]).lower()
        is_last = version < b"1.1" or (bool(connection) and b"close" in map(bytes.strip, connection.split(b",")))
        return Request(method.decode("ascii"), target, version.decode("ascii"), headers, is_last)

    def _begin_body(self, version: bytes, headers: Headers) -> None:
        """Determine the length of the body (RFC 9112, 6.3), and drop repeated headers about it."""
        names = [name for name, _ in headers]
        hosts = [value for name, value in headers if name == b"host"]
        if len(hosts) > 1 or (not hosts and version == b"1.1") or not all(map(is_host, hosts)):
            raise RefusedError(400)
        self._left, self._is_chunked, self.awaits_continue = 0, False, False
        if b"transfer-encoding" in names:
            codings = [value.lower() for name, value in headers if name == b"transfer-encoding"]
            if codings != [b"chunked"]:
                raise RefusedError(501)
            if b"content-length" in names or version < b"1.1":
                raise RefusedError(400)  # two lengths: a proxy may use the other one (RFC 9112, 6.1)
            self._is_chunked, self._has_footer, self._is_in_trailers = True, False, False
        elif b"content-length" in names:
            values = [value for name, value in headers if name == b"content-length"]
            lengths = {length.strip() for value in values for length in value.split(b",")}
            length = lengths.pop()
            if lengths or not _LENGTH.fullmatch(length):
                raise RefusedError(400)
            self._left = int(length)
            if values != [length]:
                headers[:] = [header for header in headers if header[0] != b"content-length"]
                headers.append((b"content-length", length))
        else:
            return
        if version >= b"1.1" and (self._left or self._is_chunked):
            self.awaits_continue = any(name == b"expect" and b"100-continue" in value.lower() for name, value in headers)

    # -- bodies ---------------------------------------------------------------------------------------------------------

    def next_piece(self) -> bytes | None:
        """The next piece of the body; empty at its end; None if no piece has come.

        Raises:
            RefusedError: The body is malformed.
        """
        while not self._left:
            if not self._is_chunked:
                return b""
            if not self._read_chunk_head():
                return None
        piece = self._buffer[: self._left]
        if not piece:
            return None
        self._buffer = self._buffer[len(piece) :]
        self._left -= len(piece)
        self._has_footer = not self._left
        self.awaits_continue = False
        return piece

    def _read_chunk_head(self) -> bool:
        """Read the lines before a chunk, or after the last one (RFC 9112, 7.1); return whether they are complete."""
        if self._is_in_trailers:
            return self._read_trailers()
        if self._has_footer:
            if not self._buffer.startswith(b"\r\n"):
                if not b"\r\n".startswith(self._buffer):
                    raise RefusedError(400)
                return False
            self._buffer = self._buffer[2:]
            self._has_footer = False
        end = self._buffer.find(b"\r\n", 0, _MAX_CHUNK_LINE)
        if end < 0:
            if len(self._buffer) >= _MAX_CHUNK_LINE:
                raise RefusedError(431)
            return False
        line = _CHUNK.fullmatch(self._buffer, 0, end)
        if line is None:
            raise RefusedError(400)
        self._buffer = self._buffer[end + 2 :]
        self.awaits_continue = False
        self._left = int(line[1], 16)
        if self._left:
            return True
        self._is_in_trailers = True
        return self._read_trailers()

    def _read_trailers(self) -> bool:
        came = b"\r\n" + self._buffer  # the end of the previous line
        end = _find_end(came)
        _check_size(came, end)
        over = len(came) if end < 0 else came.index(b"\n", end + 1) + 1
        # Nobody in between may see another end: lines end strictly here.
        if _LINE_FEED_ALONE.search(came, 0, over):
            raise RefusedError(400)
        if end < 0:
            return False
        if not _TRAILERS.fullmatch(came[2 : end + 1].replace(b"\r\n", b"\n")):
            raise RefusedError(400)
        self._buffer = came[over:]
        self._is_chunked = False
        return True


def _find_end(came: bytes) -> int:
    """The position of the end of the last line before an empty line; negative if no empty line has come."""
    ends = came.find(b"\n\r\n"), came.find(b"\n\n")
    return min(ends) if min(ends) >= 0 else max(ends)


def _check_size(came: bytes, end: int) -> None:
    """Refuse a head that is too large.

    The size is checked before the head is parsed, so that the answer does not depend on the pieces in which it comes, and a
    refused head costs nothing.
    """
    if end < 0:
        end = len(came) - 2  # the last two bytes may belong to the empty line that ends it
    if end > MAX_HEAD_BYTES:
        raise RefusedError(431 if b"\n" in came[:MAX_HEAD_BYTES] else 414)
    if came.count(b"\n", 0, max(end, 0)) > MAX_HEADER_LINES:
        raise RefusedError(431)
