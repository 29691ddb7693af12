"""Plain responses: values that are ASGI responses. What streams has rooms of its own."""

from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from ..asgi import Receive, Scope, Send
from ..headers import HeadersInput, encode_headers, header_pairs
from ..templates import OOB, TemplateValue
from ..wire import SupportsHTML, check_text, encode_json, html_text
from .cookies import SetsCookies, check_recipient
from .urls import Serving, serving

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
BYTES = "application/octet-stream"

# What a Response may be made of. What an app has to render comes last.
type Body = str | bytes | SupportsHTML | dict[str, Any] | list[Any] | TemplateValue | OOB


class ResponseBroken(Exception):
    """A response that had begun cannot go on; the cause is in `__cause__`. Only the server can end the connection now."""


@dataclass(frozen=True, slots=True)
class Response(SetsCookies):
    """A response whose body is complete before it is sent.

    It is a value, but for its cookies: `set_cookie` and `delete_cookie` change it, for the request that it was made for.

    Args:
        body: Text (sent as UTF-8), bytes, a dict or a list (JSON), HTML; or, in an `App`, a `Template`, `Fragment`, `Page`,
            `Stream`, `OOB` or `ValidationError`.
        status: The HTTP status; default 200, and 422 for a `ValidationError`.
        headers: Further headers, as a mapping or as pairs of name and value (for those that come twice); default: none.
        content_type: Default: HTML for text, templates and HTML, `application/octet-stream` for bytes, JSON for the rest.

    Raises:
        TypeError: The body is something else, or the status is no int.
        ValueError: The status is none of HTTP's, or a header or the text cannot be sent.

    Example:
        >>> Response("nothing here", status=404, content_type="text/plain; charset=utf-8").status
        404
    """

    body: Body = b""
    status: int = 200
    headers: HeadersInput = ()
    content_type: str | None = None
    _made_by: Serving | None = field(default_factory=serving.get, init=False, repr=False, compare=False)
    _encoded: bytes | None = field(default=None, init=False, repr=False, compare=False)  # None if it has to be rendered

    def __post_init__(self) -> None:
        if not isinstance(self.status, int) or isinstance(self.status, bool):
            raise TypeError(f"the status of a Response is {self.status!r}; it must be an int")
        if not 200 <= self.status <= 599:
            raise ValueError(f"the status of a Response is {self.status!r}; it must be from 200 to 599")
        object.__setattr__(self, "headers", header_pairs(self.headers))
        object.__setattr__(self, "_encoded", self._encode_body())
        self._encoded_headers()

    def _encoded_headers(self) -> list[tuple[bytes, bytes]]:
        """All headers, as ASGI wants them."""
        headers = list(encode_headers(header_pairs(self.headers)))
        names = {name for name, _ in headers}
        if self._has_body():
            if b"content-type" not in names:
                default = self._default_type() if self.content_type is None else self.content_type
                headers += encode_headers([("content-type", default)])
            if b"content-length" not in names and self._encoded is not None:
                headers.append((b"content-length", b"%d" % len(self._encoded)))
        return headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Send the response. The body is left out where HTTP wants none: for HEAD, 204 and 304.

        Raises:
            TypeError: Its body has to be rendered by an app, and this is none.
            RuntimeError: It has the cookies of another request.
        """
        if self._encoded is None:
            if isinstance(self.body, dict | list):
                encode_json(self.body)
            raise TypeError(f"a {type(self.body).__name__} cannot be sent before it is rendered, which takes an App")
        check_recipient(self)
        body = self._encoded if self._has_body() and scope["method"] != "HEAD" else b""
        await send({"type": "http.response.start", "status": self.status, "headers": self._encoded_headers()})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    def _has_body(self) -> bool:
        return self.status not in (204, 304)

    def _encode_body(self) -> bytes | None:
        match self.body:
            case str():
                check_text("the body of a Response", self.body)
                return self.body.encode()
            case bytes():
                return self.body
            case TemplateValue() | OOB():
                return None
            case SupportsHTML():
                html = html_text(self.body)
                if html is not None:
                    check_text("the body of a Response", html)
                    return html.encode()
            case dict() | list():
                try:
                    return encode_json(self.body)
                except TypeError:
                    return None  # an app's json_default may accept it
        raise TypeError(
            f"the body of a Response is of type {type(self.body).__name__}; it must be str or bytes, a dict or a list, HTML, "
            "or what a template makes"
        )

    def _default_type(self) -> str:
        if isinstance(self.body, bytes):
            return BYTES
        return JSON if isinstance(self.body, dict | list) and html_text(self.body) is None else HTML


def has_to_be_rendered(response: Response) -> bool:
    """Whether the body is made of templates, or of values that JSON has not, which takes an app."""
    return response._encoded is None


def as_bytes(response: Response) -> Response:
    """The same response with a body of bytes alone, where it has one of text: a client may take long to read it."""
    if not isinstance(response.body, str) or response._encoded is None:
        return response
    default = response._default_type() if response.content_type is None else response.content_type
    return replace(response, body=response._encoded, content_type=default)


@dataclass(frozen=True, slots=True)
class Redirect(SetsCookies):
    """Send the client elsewhere.

    The location is sent as it is. In an app that is mounted below a path, or behind a proxy that takes a prefix away, make
    it with `request.path_for`, which knows what stands before the app's own paths.

    Args:
        location: Where to, as a path or a URL.
        status: Default 303, which makes a browser follow with GET, whatever it came with; 307 and 308 keep the method.
        headers: Further headers, as a mapping or as pairs of name and value; default: none.

    Raises:
        TypeError: The location is no text.
        ValueError: The status is no redirection's, or a header cannot be sent.

    Example:
        >>> Redirect("/").set_cookie("session", "u7f3", secure=True).status
        303
    """

    location: str
    status: int = 303
    headers: HeadersInput = ()
    _made_by: Serving | None = field(default_factory=serving.get, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.location, str) or not self.location:
            raise TypeError(f"the location of a Redirect is {self.location!r}; it must be a path or a URL")
        check_text("the location of a Redirect", self.location)
        if not isinstance(self.status, int) or isinstance(self.status, bool):
            raise TypeError(f"the status of a Redirect is {self.status!r}; it must be 301, 302, 303, 307 or 308")
        if self.status not in (301, 302, 303, 307, 308):
            raise ValueError(f"the status of a Redirect is {self.status!r}; it must be 301, 302, 303, 307 or 308")
        object.__setattr__(self, "headers", header_pairs(self.headers))
        encode_headers(header_pairs(self.headers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the redirection."""
        await as_response(self)(scope, receive, send)


def as_response(redirect: Redirect) -> Response:
    """The same as a `Response`."""
    check_recipient(redirect)
    location = quote(redirect.location, safe=":/?#[]@!$&'()*+,;=%~-._")
    return Response(b"", redirect.status, [("location", location), *header_pairs(redirect.headers)], TEXT)
