"""The way from a request to its response: the route, the handler, its return value, and errors."""

from collections.abc import Callable, Iterable
from typing import Any

import trio

from ..asgi import ASGIApp, Message, ObservedSend, Receive, Scope, Send, require_trio
from ..errors import ClientDisconnected, ConfigurationError, HTTPError, sole
from ..failures import reraise, split_failure
from ..habits import note_habit
from ..logs import logger_of, new_reference
from ..stream import Placement
from ..stream.placement import ROUTE_KEY
from ..templates import Templates
from ..wire import json_encoder
from .config import AppConfig
from .error_pages import error_response
from .fragments import FragmentRenderers
from .handlers import call_handler, check_handler, handler_name, is_async
from .hosts import DebugMode, is_recipient
from .mounts import Mounts
from .negotiation import Negotiator, Respond
from .request import Request, body_so_far, has_unread_body
from .response import Response, ResponseBroken, as_bytes
from .routing import Route, make_route
from .urls import Paths, serving

logger = logger_of("web")


class Dispatcher:
    """Routes, mounts and error handlers, and the way of a request through them."""

    def __init__(self, templates: Templates, config: AppConfig) -> None:
        self._hosts = tuple(config.hosts)
        self._debug = DebugMode(config.debug, tuple(config.debug_hosts))
        self._negotiator = Negotiator(templates, json_encoder(config.json_default), config.compress, self._debug)
        self._body_limit = config.max_body_size
        self._field_limit = config.max_form_fields
        # Each with the names that its handler takes, and whether that is async.
        self._routes: list[tuple[Route, frozenset[str], bool]] = []
        self._mounts = Mounts()
        self.paths = Paths(lambda: self.routes, self._mounts.has)
        self._error_handlers: dict[int | type[Exception], tuple[Callable[..., Any], frozenset[str]]] = {}

    @property
    def renderers(self) -> FragmentRenderers:
        """What turns fragments into text."""
        return self._negotiator.renderers

    @property
    def routes(self) -> list[Route]:
        """The routes, in the order in which they are asked."""
        return [route for route, *_ in self._routes]

    @property
    def mounts(self) -> list[tuple[str, ASGIApp]]:
        """The prefixes of other apps, and these."""
        return self._mounts.all()

    @property
    def handlers(self) -> list[Callable[..., Any]]:
        """What answers requests and errors."""
        return [route.handler for route in self.routes] + [handler for handler, _ in self._error_handlers.values()]

    # -- what it is told ------------------------------------------------------------------------------------------------

    def add_route(self, path: str, methods: Iterable[str], handler: Callable[..., Any]) -> None:
        """See `App.route`."""
        route = make_route(path, methods, handler)
        for other in self.routes:
            if other.path == path and other.methods & route.methods:
                both = ", ".join(sorted(other.methods & route.methods))
                raise ConfigurationError(f"{both} {path} is answered by {handler_name(other.handler)} already")
        offered = {**route.converters, "request": None}
        names = check_handler(handler, offered, f"route {path!r}")
        self._routes.append((route, names, is_async(handler)))

    def add_error_handler(self, cause: int | type[Exception], handler: Callable[..., Any]) -> None:
        """See `App.error`."""
        names = check_handler(handler, {"request": None, "error": None, "reference": None}, f"error handler of {cause!r}")
        self._error_handlers[cause] = (handler, names)

    def add_mount(self, prefix: str, app: ASGIApp) -> None:
        """See `App.mount`."""
        self._mounts.add(prefix, app)

    def find_mount(self, scope: Scope, placement: Placement) -> ASGIApp | None:
        """See `Mounts.find`; None also where the app does not answer for the host."""
        return self._mounts.find(scope, placement) if is_recipient(scope, self._hosts) else None

    # -- what it does ---------------------------------------------------------------------------------------------------

    async def answer(self, scope: Scope, receive: Receive, send: Send, placement: Placement) -> None:
        """Answer one request. What goes wrong before the response has begun becomes a response of its own."""
        require_trio()
        token = serving.set(self.paths.enter(scope))
        body = _Body()
        send = ObservedSend(send, before=body)
        request: Request | None = self._request(scope, receive)
        assert request is not None
        try:
            # No name for what is called: an open stream would keep it, and the request, which can be had again.
            response = (await self._respond(request, scope, placement))(scope, receive, send)
            if body_so_far(request) is None:
                request = None
            await response
        except BaseException as raised:
            error = sole(_failure(raised, scope))
            if isinstance(error, ResponseBroken):
                raise error.__cause__ or error from None
            if body.has_begun:  # middleware has failed, or the server
                reraise(error)
            # It comes from a response that could not begin.
            request = request or self._request(scope, receive)
            respond = await self._respond_to_error(request, placement, error)
            await respond(scope, receive, send)
        finally:
            serving.reset(token)

    def _request(self, scope: Scope, receive: Receive) -> Request:
        return Request(scope, receive, paths=self.paths, body_limit=self._body_limit, field_limit=self._field_limit)

    async def _respond(self, request: Request, scope: Scope, placement: Placement) -> Respond:
        try:
            return await self._respond_to_route(request, scope, placement)
        except BaseException as raised:
            return await self._respond_to_error(request, placement, _failure(raised, scope))

    async def _respond_to_route(self, request: Request, scope: Scope, placement: Placement) -> Respond:
        if not is_recipient(scope, self._hosts):
            raise HTTPError(421, "This app does not answer for the host in the request: its setting hosts does not name it.")
        allowed: set[str] = set()
        for route, names, is_coroutine in self._routes:
            parameters = route.match(request.path)
            if parameters is None:
                continue
            if request.method in route.methods:
                request.path_params = parameters
                scope[ROUTE_KEY] = route.path
                offered = {"request": request, **parameters}
                taken = {name: offered[name] for name in names}
                value = await (route.handler(**taken) if is_coroutine else call_handler(route.handler, taken))
                return self._negotiate(value, request, placement, route.handler)
            allowed |= route.methods
        mounted = self._mounts.find(scope, placement)
        if mounted is not None:
            return mounted
        if allowed:
            raise HTTPError(405, headers=[("allow", ", ".join(sorted(allowed)))])
        raise HTTPError(404)

    async def _respond_to_error(self, request: Request, placement: Placement, raised: Exception) -> Respond:
        error = sole(raised)
        if isinstance(error, ClientDisconnected):
            return _answer_nobody(request)
        status = error.status if isinstance(error, HTTPError) else 500
        cause = next((kind for kind in type(error).__mro__ if kind in self._error_handlers), status)
        note_habit(error)
        reference = None
        if not isinstance(error, HTTPError) and cause in (status, Exception):
            reference = new_reference()
            logger.error("%s %s failed (reference %s)", request.method, request.path, reference, exc_info=error)
        if cause in self._error_handlers:
            handler, names = self._error_handlers[cause]
            offered = {"request": request, "error": error, "reference": reference}
            try:
                value = await call_handler(handler, {name: offered[name] for name in names})
                return self._negotiate(value, request, placement, handler, error)
            except BaseException as second:
                failure = _failure(second, request.scope)
                if isinstance(sole(failure), ClientDisconnected):
                    return _answer_nobody(request)
                note_habit(failure)
                reference = reference or new_reference()
                logger.exception(
                    "the error handler %s failed (reference %s)", handler_name(handler), reference, exc_info=failure
                )
        shown = self._debug.includes(request.scope)
        if self._debug.is_on and not shown and not isinstance(error, HTTPError):
            logger.warning(
                "the client was not shown this error: debug mode is for this machine, and for a Host in AppConfig's "
                "debug_hosts; this one came from %s, and asked for %s",
                request.client[0] if request.client else None,
                request.headers.get("host"),
            )
        response = error_response(error, request, reference=reference, routes=self.routes if shown else None)
        return _drained(response, request)

    def _negotiate(
        self,
        value: object,
        request: Request,
        placement: Placement,
        handler: Callable[..., Any],
        error: Exception | None = None,
    ) -> Respond:
        response = self._negotiator.negotiate(value, request, placement, handler, error)
        return _drained(as_bytes(response), request) if isinstance(response, Response) else response


class _Body:
    """Whether the body of a response has begun. No function that knows it: every open stream would keep that."""

    __slots__ = ("has_begun",)

    def __init__(self) -> None:
        self.has_begun = False

    def __call__(self, message: Message) -> None:
        """A message is sent."""
        self.has_begun = self.has_begun or message["type"] == "http.response.body"  # so its start is out


def _failure(raised: BaseException, scope: Scope) -> Exception:
    """What has failed, to be answered; raises what has to go on instead, which nobody is answered then."""
    signal, failure = split_failure(raised)
    try:
        if signal is not None:
            if failure is not None:
                logger.error("%s %s failed while it was cancelled", scope["method"], scope["path"], exc_info=failure)
            reraise(signal)
        assert failure is not None
        return failure
    finally:
        del signal, failure, raised  # what is raised holds this frame


def _answer_nobody(request: Request) -> Respond:
    """The response to a client that has left."""
    logger.debug("%s %s: the client left", request.method, request.path)

    async def respond(_scope: Scope, _receive: Receive, _send: Send) -> None:
        pass

    return respond


def _drained(response: Response, request: Request) -> Respond:
    """The response, sent while what the client still has to say is read: hypercorn queues ten messages, and then blocks."""
    if not has_unread_body(request):
        return response

    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_drain, receive)
            await response(scope, receive, send)
            nursery.cancel_scope.cancel("the response is complete")

    return respond


async def _drain(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
