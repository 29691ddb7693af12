"""Plain responses: values that are ASGI responses. What streams has rooms of its own."""

from dataclasses import dataclass
from urllib.parse import quote

from ..asgi import Receive, Scope, Send
from ..headers import HeadersInput, encode_headers, header_pairs
from ..wire import check_text

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
BYTES = "application/octet-stream"


class ResponseBroken(Exception):
    """A response that had begun cannot go on; the cause is in `__cause__`. Nobody but the server can do anything now."""


@dataclass(frozen=True, slots=True)
class Response:
    """A response that is known whole.

    Args:
        body: The body; text is sent as UTF-8.
        status: The HTTP status; default 200.
        headers: Further headers, as a mapping or as pairs of name and value (for those that come twice).
        content_type: Default: HTML for text, `application/octet-stream` for bytes.

    Raises:
        TypeError: The body is neither text nor bytes, or the status is no int.
        ValueError: The status is none of HTTP's, or a header or the text cannot be sent.

    Example:
        >>> Response("nothing here", status=404, content_type="text/plain; charset=utf-8").status
        404
    """

    body: str | bytes = b""
    status: int = 200
    headers: HeadersInput = ()
    content_type: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.body, str | bytes):
            raise TypeError(f"the body of a Response is of type {type(self.body).__name__}; it must be str or bytes")
        if not isinstance(self.status, int) or isinstance(self.status, bool):
            raise TypeError(f"the status of a Response is {self.status!r}; it must be an int")
        if not 200 <= self.status <= 599:
            raise ValueError(f"the status of a Response is {self.status!r}; it must be from 200 to 599")
        if isinstance(self.body, str):
            check_text("the body of a Response", self.body)
        object.__setattr__(self, "headers", header_pairs(self.headers))
        self.encoded_headers()

    def encoded_headers(self) -> list[tuple[bytes, bytes]]:
        """All headers, as ASGI wants them: a new list each time, because middleware may add to it."""
        assert isinstance(self.headers, tuple)
        headers = list(encode_headers(self.headers))
        names = {name for name, _ in headers}
        if self._has_body():
            if b"content-type" not in names:
                default = HTML if isinstance(self.body, str) else BYTES
                headers += encode_headers([("content-type", default if self.content_type is None else self.content_type)])
            if b"content-length" not in names:
                headers.append((b"content-length", b"%d" % len(self._encoded_body())))
        return headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Send the response. The body is left out where HTTP wants none: for HEAD, 204 and 304."""
        body = self._encoded_body() if self._has_body() and scope["method"] != "HEAD" else b""
        await send({"type": "http.response.start", "status": self.status, "headers": self.encoded_headers()})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    def _has_body(self) -> bool:
        return self.status not in (204, 304)

    def _encoded_body(self) -> bytes:
        return self.body.encode() if isinstance(self.body, str) else self.body


@dataclass(frozen=True, slots=True)
class Redirect:
    """Send the client elsewhere.

    Args:
        location: Where to, as a path or a URL.
        status: Default 303, which makes a browser follow with GET, whatever it came with; 307 and 308 keep the method.

    Raises:
        ValueError: The status is no redirection's.
    """

    location: str
    status: int = 303

    def __post_init__(self) -> None:
        if not isinstance(self.location, str) or not self.location:
            raise TypeError(f"the location of a Redirect is {self.location!r}; it must be a path or a URL")
        check_text("the location of a Redirect", self.location)
        if self.status not in (301, 302, 303, 307, 308):
            raise ValueError(f"the status of a Redirect is {self.status!r}; it must be 301, 302, 303, 307 or 308")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the redirection."""
        await self.as_response()(scope, receive, send)

    def as_response(self) -> Response:
        """The same as a `Response`."""
        location = quote(self.location, safe=":/?#[]@!$&'()*+,;=%~-._")
        return Response(b"", self.status, {"location": location}, TEXT)
