"""The conversion of a handler's return value into a response."""

import inspect
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from ..asgi import Receive, Scope, Send
from ..compression import Compress
from ..errors import HTTPError
from ..headers import header_pairs
from ..stream import EventStream, Placement, respond
from ..templates import OOB, Fragment, Page, Stream, Template, Templates, ValidationError
from ..wire import EncodeJSON, as_html
from .cookies import check_recipient
from .foreign import ForeignResponse
from .fragments import FragmentRenderers
from .handlers import handler_name
from .hosts import DebugMode
from .oob import out_of_band
from .page_stream import PageStream
from .request import FRAGMENT_HEADERS, Request
from .response import BYTES, HTML, JSON, Redirect, Response, as_response, has_to_be_rendered

_STATUSES = range(200, 600)

type Respond = Callable[[Scope, Receive, Send], Awaitable[None]]

_ACCEPTED = (
    "str (HTML), dict or list (JSON), bytes, None (204), Response, Redirect, Template, Fragment, Page, Stream, HTML or what "
    "has __html__, OOB, ValidationError, EventStream, any ASGI response, or a tuple (value, status), (value, headers) or "
    "(value, status, headers)"
)


class Negotiator:
    """Turns return values into responses, for one app.

    Args:
        templates: The app's templates.
        encode_json: Turns values into JSON, wherever the app does that.
        compress: Whether event streams that say nothing of it are compressed.
        debug: The clients whose streams show errors.
    """

    def __init__(self, templates: Templates, encode_json: EncodeJSON, compress: Compress, debug: DebugMode) -> None:
        self._templates = templates
        self.renderers = FragmentRenderers(templates)
        self._encode_json = encode_json
        self._compress = compress
        self._debug = debug

    def negotiate(
        self,
        value: object,
        request: Request,
        placement: Placement,
        handler: Callable[..., Any],
        error: Exception | None = None,
    ) -> Respond:
        """The ASGI app that answers the request with a handler's return value.

        Args:
            value: What the handler returned.
            request: The request.
            placement: Where its event stream would live, and whose it is.
            handler: The handler, which an error names.
            error: What is answered, if it is an error: its status is that of values that have none of their own.

        Raises:
            TypeError: The value stands for no response; the message names the handler, the type and what is accepted.
            TemplateError: A template cannot be rendered.
        """
        if isinstance(value, EventStream):
            render = self.renderers.choose(request.scope["headers"])
            debug = self._debug.includes(request.scope)
            return partial(
                respond, value, placement=placement, render=render, encode_json=self._encode_json, compress=self._compress,
                debug=debug,
            )  # fmt: skip
        inner, status, headers = _unpacked(value, handler_name(handler)) if type(value) is tuple else (value, None, ())
        response = self._plain(inner, request)
        if response is None:
            if inner is value and is_asgi(value):
                assert callable(value)
                return ForeignResponse(value, request)
            where = "" if inner is value else " in a tuple"
            raise TypeError(
                f"the handler {handler_name(handler)} returned a value of type {type(inner).__name__}{where}; it may return "
                f"{_ACCEPTED}{_cure(inner)}"
            )
        if status is None and error is not None and not isinstance(inner, Response | Redirect | ValidationError):
            status = error.status if isinstance(error, HTTPError) else 500
            headers += error.headers if isinstance(error, HTTPError) else ()
        if status is None and not headers:
            return response
        status = response.status if status is None else status
        return replace(response, status=status, headers=(*header_pairs(response.headers), *headers))

    def _plain(self, value: object, request: Request) -> Response | PageStream | None:
        """The response to all that is answered with a body that is known, or rendered; None for everything else."""
        templates = self._templates
        match value:
            case Response():
                check_recipient(value)
                return self._rendered(value, request) if has_to_be_rendered(value) else value
            case Redirect():
                return as_response(value)
            case Template():
                return Response(templates.render(value), content_type=HTML)
            case Fragment():
                return Response(templates.render(value, value.block), content_type=HTML)
            case Page():
                block = value.block if request.is_fragment else None
                # A cache must not answer a request for the page with the piece.
                return Response(templates.render(value, block), headers={"vary": FRAGMENT_HEADERS}, content_type=HTML)
            case Stream():
                return PageStream(templates.render_stream(value))
            case ValidationError():
                headers = {"hx-retarget": value.retarget} if value.retarget is not None else {}
                return Response(templates.render(value, value.block), 422, headers, HTML)
            case OOB():
                return self._out_of_band(value, request)
            case None:
                return Response(status=204)
        html = as_html(value)
        if html is not None:
            return Response(html.markup, content_type=HTML)
        match value:
            case str():
                return Response(value, content_type=HTML)
            case bytes():
                return Response(value, content_type=BYTES)
            case dict() | list():
                return Response(self._encode_json(value), content_type=JSON)
        return None

    def _rendered(self, response: Response, request: Request) -> Response | PageStream:
        body = self._plain(response.body, request)
        assert body is not None
        headers = (*header_pairs(body.headers), *header_pairs(response.headers))
        status = body.status if response.status == 200 else response.status
        if isinstance(body, PageStream):
            return replace(body, status=status, headers=headers)
        return replace(body, status=status, headers=headers, content_type=response.content_type or body.content_type)

    def _out_of_band(self, value: OOB, request: Request) -> Response:
        main = self._plain(value.main, request)
        assert isinstance(main, Response)
        if isinstance(value.main, Page | Template) and not request.is_fragment:
            return main
        pieces = [
            out_of_band(self.renderers.prepare(piece), piece.block if isinstance(piece, Fragment) else None)
            for piece in value.fragments
        ]
        assert isinstance(main.body, str)
        return replace(main, body="\n".join([main.body, *pieces]))


def _unpacked(value: tuple[object, ...], handler: str) -> tuple[object, int | None, tuple[tuple[str, str], ...]]:
    """A handler's tuple as value, status (None if it has none) and headers."""
    match value:
        case (inner, int() as status) if not isinstance(status, bool):
            return _without_none(inner), _checked(status), ()
        case (inner, int() as status, Mapping() | list() | tuple() as headers) if not isinstance(status, bool):
            return _without_none(inner), _checked(status), header_pairs(headers)
        case (inner, Mapping() | list() as headers):
            return inner, None, header_pairs(headers)
    shape = ", ".join(type(part).__name__ for part in value)
    cure = "; HTTPError(...) is raised" if isinstance(value[0] if value else None, HTTPError) else "; list(...) of it is JSON"
    raise TypeError(f"the handler {handler} returned a tuple ({shape}); it may return {_ACCEPTED}{cure}")


def _cure(value: object) -> str:
    if isinstance(value, AsyncIterable):
        return "; return EventStream(...) of it to send its items as events"
    if isinstance(value, EventStream):
        return "; EventStream has an argument headers of its own, and its status is 200"
    if isinstance(value, Exception):
        return "; it is an exception: raise it"
    if inspect.isroutine(value):
        return "; it is a function: call it, or return EventStream(...) of it if it yields"
    if isinstance(value, Iterator):
        return (
            "; return EventStream of an `async def` that yields events, or Stream(...), a page that is sent as it is rendered"
        )
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (
            f"; as a status return b'', {value}, and str() makes it text" if value in _STATUSES else "; str() makes it text"
        )
    if isinstance(value, bytearray | memoryview):
        return "; bytes(...) of it is a body"
    if isinstance(value, Iterable):
        return "; list(...) of it is JSON"
    return "; await it" if inspect.isawaitable(value) else ""


def _without_none(value: object) -> object:
    return b"" if value is None else value


def _checked(status: int) -> int:
    return Response(status=status).status


def is_asgi(value: object) -> bool:
    """Whether a value is an ASGI application: async, and called with scope, receive and send."""
    if not callable(value) or isinstance(value, type):
        return False
    if not inspect.iscoroutinefunction(value) and not inspect.iscoroutinefunction(type(value).__call__):
        return False
    try:
        inspect.signature(value).bind(None, None, None)
    except TypeError, ValueError:
        return False
    return True
