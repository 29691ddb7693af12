"""A handler's return value, to the response that it stands for."""

from collections.abc import Awaitable, Callable
from functools import partial

from ..asgi import Receive, Scope, Send
from ..stream import EventStream, StreamHost, StreamRegistry
from ..templates import Fragment, Page, Stream, Template, Templates
from ..wire import EncodeJSON
from .fragments import FragmentRenderers
from .page_stream import PageStream
from .request import FRAGMENT_HEADERS, Request
from .response import BYTES, HTML, JSON, Redirect, Response

type Respond = Callable[[Scope, Receive, Send], Awaitable[None]]

_ACCEPTED = (
    "str (HTML), dict or list (JSON), bytes, None (204), Response, Redirect, Template, Fragment, Page, Stream or EventStream"
)


class Negotiator:
    """Turns return values into responses, for one app.

    Args:
        templates: The app's templates.
        registry: Where its event streams are entered.
        encode_json: Turns values into JSON, wherever the app does that.
        debug: Whether streams tell their clients what went wrong.
    """

    def __init__(self, templates: Templates, registry: StreamRegistry, encode_json: EncodeJSON, *, debug: bool) -> None:
        self._templates = templates
        self.renderers = FragmentRenderers(templates)
        self._registry = registry
        self._encode_json = encode_json
        self._debug = debug

    def negotiate(self, value: object, request: Request, host: StreamHost | None, handler: str) -> Respond:
        """What answers the request with a handler's return value.

        Args:
            value: What the handler returned.
            request: The request.
            host: Where its event stream would live.
            handler: What to call the handler in an error.

        Raises:
            TypeError: The value stands for no response; the message names the handler, the type and what is accepted.
            TemplateError: A template cannot be rendered.
        """
        templates = self._templates
        match value:
            case Response():
                return value
            case Redirect():
                return value.as_response()
            case EventStream():
                render = self.renderers.choose(request.scope["headers"])
                return partial(
                    value.respond,
                    host=host,
                    registry=self._registry,
                    render=render,
                    encode_json=self._encode_json,
                    debug=self._debug,
                )
            case Template():
                return Response(templates.render(value), content_type=HTML)
            case Fragment():
                return Response(templates.render(value, value.block), content_type=HTML)
            case Page():
                block = value.block if request.is_fragment else None
                # A cache must not hand the piece to somebody who wants the page.
                return Response(templates.render(value, block), headers={"vary": FRAGMENT_HEADERS}, content_type=HTML)
            case Stream():
                return PageStream(templates.render_stream(value))
            case None:
                return Response(status=204)
            case str():
                return Response(value, content_type=HTML)
            case bytes():
                return Response(value, content_type=BYTES)
            case dict() | list():
                return Response(self._encode_json(value), content_type=JSON)
            case _:
                raise TypeError(
                    f"the handler {handler} returned a value of type {type(value).__name__}; it may return {_ACCEPTED}"
                )
