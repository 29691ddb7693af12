"""A request, as a handler sees it: a read-only view of an ASGI scope, and the body, read when it is asked for."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

from ..asgi import Receive, Scope
from ..errors import HTTPError
from ..htmx import element_id
from ..stream import last_event_id
from .body import parse_json, read_body
from .charsets import decode
from .forms import MULTIPART, URLENCODED, Form, parse_content_type, parse_form, parse_multipart
from .habits import refuse_request_attribute
from .multi import Headers, MultiMapping
from .urls import Paths, local_path, root_path_of, url_of

# What decides whether htmx wants a piece of a page.
FRAGMENT_HEADERS = "HX-Request, HX-Boosted, HX-Request-Type, HX-History-Restore-Request"


class ClientAddress(NamedTuple):
    """Where a client is."""

    host: str
    port: int


class Request:
    """A request. A handler gets it by having a parameter called `request`.

    Attributes:
        path: The path that routes see: decoded, and without what the app is mounted below.
        path_params: The path's parameters, converted.

    Example:
        >>> app = App()
        >>> @app.route("/events")
        ... async def events(request: Request):
        ...     return f"{request.method} {request.path}, from {request.last_event_id}"
    """

    __slots__ = ("_body", "_body_limit", "_field_limit", "_paths", "_receive", "_scope", "path", "path_params")

    def __init__(self, scope: Scope, receive: Receive, *, paths: Paths, body_limit: int, field_limit: int) -> None:
        self.path = local_path(scope)
        self.path_params: Mapping[str, object] = {}
        self._scope = scope
        self._receive = receive
        self._paths = paths
        self._body_limit = body_limit
        self._field_limit = field_limit
        self._body: bytes | None = None

    @property
    def scope(self) -> Scope:
        """The ASGI scope itself: whatever the server and middleware have left in it."""
        return self._scope

    @property
    def method(self) -> str:
        """`"GET"`, `"POST"`, ..."""
        return str(self._scope["method"])

    @property
    def url(self) -> str:
        """The whole URL, as the client knows it: with the scheme, the host, the prefix that a proxy took away, the query.

        The host is the client's word.
        """
        return url_of(self._scope)

    @property
    def root_path(self) -> str:
        """What stands before the app's own paths, such as `"/shop"`: the app is mounted there, or a proxy takes it away."""
        return root_path_of(self._scope)

    def path_for(self, name: str, /, **parameters: object) -> str:
        """The path of one of the app's routes, with the prefix in front of it, to be put into a page or a `Redirect`.

        Templates have the same function, by the same name.

        Args:
            name: The name of the route's handler, or its pattern, such as `"/rooms/{name}"`, or a path without parameters,
                such as that of a file in a mounted app.
            **parameters: Values for the pattern's parameters; the others become the query, but for those that are None.

        Raises:
            TypeError: `name` is no text.
            ConfigurationError: No route is meant, or several are, or a value does not fit.
        """
        return self._paths.make(self.root_path, name, parameters)

    @property
    def session(self) -> Any:
        """What middleware has put there for this client, such as the dict of Starlette's `SessionMiddleware`.

        Raises:
            AttributeError: No middleware has.
        """
        return self._left_by_middleware("session", "Starlette's SessionMiddleware")

    @property
    def user(self) -> Any:
        """Who the client is, as middleware has found out, such as Starlette's `AuthenticationMiddleware`.

        Raises:
            AttributeError: No middleware has.
        """
        return self._left_by_middleware("user", "Starlette's AuthenticationMiddleware")

    def _left_by_middleware(self, name: str, middleware: str) -> Any:
        if name not in self._scope:
            raise AttributeError(
                f"the request has no {name}: middleware puts it into the scope, such as {middleware}; give it to the app, as "
                "in App(middleware=[...])"
            )
        return self._scope[name]

    @property
    def query(self) -> MultiMapping:
        """The parameters in the URL; `query["a"]` is the first `a`, `query.get_all("a")` are all."""
        query = self._scope.get("query_string", b"").decode("latin-1")
        return MultiMapping(parse_qsl(query, keep_blank_values=True))

    @property
    def headers(self) -> Headers:
        """The headers."""
        return Headers(self._scope["headers"])

    @property
    def cookies(self) -> Mapping[str, str]:
        """The cookies, by name (RFC 6265, 5.4); of several with one name, the first, which is the most specific."""
        cookies: dict[str, str] = {}
        for pair in "; ".join(self.headers.get_all("cookie")).split(";"):
            name, equals, value = pair.strip().partition("=")
            if equals and name not in cookies:
                quoted = len(value) >= 2 and value[0] == value[-1] == '"'
                cookies[name] = value[1:-1] if quoted else value
        return cookies

    @property
    def client(self) -> ClientAddress | None:
        """The client's `host` and `port`, as the server saw them; None where there is no address (a Unix socket)."""
        client = self._scope.get("client")
        return ClientAddress(client[0], client[1]) if client else None

    @property
    def state(self) -> Mapping[str, Any]:
        """What the app's lifespan yielded, by name."""
        return self._scope.get("state") or {}

    # -- event streams ----------------------------------------------------------------------------------------------

    @property
    def last_event_id(self) -> str | None:
        """The id of the last event that a reconnecting client has; None for a fresh one.

        From the `Last-Event-ID` header or, because htmx 2 loses it when a connection fails for good, and polyfills of
        `EventSource` cannot send it, from the URL; see `chirp_trio.last_event_id`. The header, being newer, wins. It is the
        client's word: anything may be in it.
        """
        return last_event_id(self._scope)

    # -- htmx -------------------------------------------------------------------------------------------------------

    @property
    def is_fragment(self) -> bool:
        """Whether htmx asks for a piece of a page: not a boosted link, nor the restoring of a page from its history."""
        headers = self.headers
        return (
            headers.get("hx-request") == "true"
            and headers.get("hx-boosted") != "true"
            and headers.get("hx-request-type") != "full"
            and not self.is_history_restore
        )

    @property
    def is_history_restore(self) -> bool:
        """Whether htmx restores a page that it has no copy of. It wants the whole page."""
        return self.headers.get("hx-history-restore-request") == "true"

    @property
    def htmx_target(self) -> str | None:
        """The id of the element that htmx will swap, if it has one."""
        return element_id(self.headers, "hx-target")

    @property
    def htmx_trigger(self) -> str | None:
        """The id of the element that made htmx send the request, if it has one."""
        return element_id(self.headers, "hx-source" if "hx-source" in self.headers else "hx-trigger")

    # -- the body ---------------------------------------------------------------------------------------------------

    async def body(self) -> bytes:
        """The request's body. May be called again.

        Raises:
            HTTPError: 413 if it is larger than the app's `max_body_size`.
            ClientDisconnected: The client left before the end of it.
        """
        if self._body is None:
            self._body = await read_body(self._receive, self.headers.get("content-length"), self._body_limit)
        return self._body

    async def text(self) -> str:
        """The body as text, in the charset that it declares, else UTF-8.

        Raises:
            HTTPError: 400, saying where, if it is not. 415 if it declares another charset than UTF-8, US-ASCII, ISO-8859-1,
                Windows-1252 and UTF-16.
        """
        return decode(await self.body(), self._content_type()[1].get("charset", "utf-8"), "the request body")

    async def json(self) -> Any:
        """The body as JSON. `HTTPError` 400, saying where, if it is not."""
        return parse_json(await self.body())

    async def form(self) -> Form:
        """The fields of a submitted form, by name, and in `files` its files.

        Raises:
            HTTPError: 400, saying where, if it is malformed; 413 if it has more fields and files than the app's
                `max_form_fields`; 415 if it is neither `application/x-www-form-urlencoded` nor `multipart/form-data`, which
                is how browsers send forms, or in a charset that is not taken.
        """
        kind, options = self._content_type()
        if kind == URLENCODED:
            return parse_form(await self.body(), self._field_limit)
        if kind != MULTIPART:
            raise HTTPError(415, f"the form is sent as {kind or 'nothing'!r}; it must be {URLENCODED} or {MULTIPART}")
        if not options.get("boundary"):
            raise HTTPError(400, f"the form is sent as {MULTIPART}, without a boundary")
        return parse_multipart(await self.body(), options["boundary"], self._field_limit)

    def _content_type(self) -> tuple[str, dict[str, str]]:
        return parse_content_type(self.headers.get("content-type", ""))

    if not TYPE_CHECKING:  # to a type checker every name would be one that a request has

        def __getattr__(self, name: str) -> Any:
            refuse_request_attribute(self, name)

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.path}>"


def body_so_far(request: Request) -> bytes | None:
    """The body, if it has been read."""
    return request._body


def has_unread_body(request: Request) -> bool:
    """Whether a body may still come that nobody has read."""
    if request._body is not None:
        return False
    headers = request.headers
    declared = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    return declared or request.method not in ("GET", "HEAD", "OPTIONS", "TRACE", "DELETE")
