"""What the server sends by HTTP/1.1 (RFC 9112): the bytes of responses."""

from ..errors import phrase
from .messages import STATUSES_WITHOUT_BODY, Headers, read_content_length

_OF_THE_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


class ResponseEncoder:
    """Makes the bytes of one response.

    Args:
        method: The request's method.
        version: The request's version of HTTP.
        is_last: Whether the connection is closed after it.

    Attributes:
        is_last: Whether the connection is closed after it, as it may turn out to be.
        is_complete: Whether its end was made.
        is_chunked: Whether its body is sent in chunks, as one is whose length nobody knows (RFC 9112, 7.1).
    """

    __slots__ = ("_has_body", "_left", "_version", "is_chunked", "is_complete", "is_last")

    def __init__(self, method: str, version: str, *, is_last: bool) -> None:
        self._version = version
        self._has_body = method != "HEAD"
        self.is_chunked = False
        self._left: int | None = None  # of a body whose length was given
        self.is_last = is_last
        self.is_complete = False

    def head(self, status: int, headers: Headers) -> bytes:
        """The status and the headers, which say then how the body ends.

        Raises:
            ValueError: A header says something about the body that cannot be.
        """
        names = {name for name, _ in headers}
        if status in STATUSES_WITHOUT_BODY:
            self._has_body = False
        elif b"content-length" in names and b"transfer-encoding" not in names:
            self._left = read_content_length(headers)
        else:
            headers = self._framed(headers)
        if b"connection" in names:
            said = b",".join([value for name, value in headers if name == b"connection"]).lower()
            self.is_last |= b"close" in map(bytes.strip, said.split(b","))
        if self.is_last:
            headers = [header for header in headers if header[0] != b"connection"]
            headers.append((b"connection", b"close"))
        return encode_head(status, headers)

    def _framed(self, headers: Headers) -> Headers:
        """The headers of a body whose length nobody knows."""
        if any(name == b"transfer-encoding" and value.lower() != b"chunked" for name, value in headers):
            raise ValueError("a response has a transfer-encoding other than chunked, which is the only one there is")
        headers = [header for header in headers if header[0] not in _OF_THE_FRAMING]
        if self._version == "1.1":
            self.is_chunked = self._has_body
            headers.append((b"transfer-encoding", b"chunked"))
        elif self._has_body:
            self.is_last = True  # its body ends with the connection
        return headers

    def piece(self, data: bytes) -> bytes:
        """A piece of the body, which must not be empty.

        Raises:
            ValueError: The body is longer than was said.
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
        """The end of the body.

        Raises:
            ValueError: The body is shorter than was said.
        """
        if self._has_body and self._left:
            raise ValueError(f"the response's body is {self._left} bytes shorter than its content-length")
        self.is_complete = True
        return b"0\r\n\r\n" if self.is_chunked else b""


def encode_head(status: int, headers: Headers) -> bytes:
    """A status line, headers, and the empty line after them."""
    # The reason may be empty (RFC 9112, 4), but there are clients that count such a response as a failure.
    lines = [b"HTTP/1.1 %d %b\r\n" % (status, phrase(status).encode("ascii"))]
    lines += [b"%b: %b\r\n" % header for header in headers]
    lines.append(b"\r\n")
    return b"".join(lines)
