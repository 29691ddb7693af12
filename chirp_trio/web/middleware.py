"""Middleware around an app: functions and classes, bare or in Starlette's notation; and what is none, refused at once."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from ..asgi import ASGIApp, Receive, Scope, Send
from ..errors import ConfigurationError


class MiddlewareNotation(Protocol):
    """A class or function together with its arguments, such as `starlette.middleware.Middleware`."""

    @property
    def cls(self) -> Callable[..., Any]:
        """What is called with the app, and with the arguments."""


type Middleware = Callable[[ASGIApp], ASGIApp] | MiddlewareNotation


def wrap(app: ASGIApp, middleware: Iterable[Middleware]) -> ASGIApp:
    """The app with middleware around it, the outermost first.

    Args:
        app: The app.
        middleware: Functions or classes of an app that return one, or Starlette's notation for these.

    Raises:
        ConfigurationError: It is no list, or one of them is no middleware.
    """
    if callable(middleware) or hasattr(middleware, "cls") or not isinstance(middleware, Iterable):
        raise ConfigurationError(f"middleware is {middleware!r}; it must be a list, as in App(middleware=[...])")
    factories = [_check(f"middleware[{index}]", entry) for index, entry in enumerate(middleware)]
    if factories:
        app = _as_function(app)
    for factory in reversed(factories):
        app = factory(app)
    return app


def _as_function(app: ASGIApp) -> ASGIApp:
    """The app as an object that is recognized as ASGI 3, by itself as well as by its `__call__`.

    Marked, not async: an idle stream keeps the frame of every async function on its way.
    """

    @inspect.markcoroutinefunction
    def innermost(scope: Scope, receive: Receive, send: Send) -> Any:
        return app(scope, receive, send)

    return innermost


def _check(where: str, entry: Any) -> Callable[[ASGIApp], ASGIApp]:
    """Check middleware as far as possible without calling it."""
    factory, arguments, options = _unfold(entry)
    if not callable(factory):
        raise ConfigurationError(
            f"{where} is {entry!r}; it must be a function or a class that takes an ASGI app and returns one, or "
            "Middleware(cls, key=value) as Starlette has it"
        )
    name = getattr(factory, "__name__", None) or repr(factory)
    is_async = inspect.iscoroutinefunction(factory) or _is_async_object(factory)
    if _is_app(factory, is_async):
        raise ConfigurationError(
            f"{where}, {name}, is an ASGI app already; middleware takes the app that it stands around: give the class "
            "without calling it, or a function (def, not async def) of an app that returns one"
        )
    if is_async:
        raise ConfigurationError(
            f"{where}, {name}, is async; it must be a class or a function (def) that takes an ASGI app and returns one. "
            f"For a function of request and call_next that is Middleware(BaseHTTPMiddleware, dispatch={name})"
        )
    if problem := _problem(factory, None, *arguments, **options):
        raise ConfigurationError(
            f"{where}, {name}, cannot be called with the app{' and these arguments' if arguments or options else ' alone'}: "
            f"{problem}. Give what it takes beside the app as Middleware({name}, key=value), which is Starlette's notation, "
            f"or as functools.partial({name}, key=value)"
        )

    def make(app: ASGIApp) -> ASGIApp:
        made: ASGIApp = factory(app, *arguments, **options)
        if not callable(made):
            raise ConfigurationError(f"{where}, {name}, returned {made!r}; it must return an ASGI app")
        return made

    return make


def _unfold(entry: Any) -> tuple[Any, tuple[Any, ...], Mapping[str, Any]]:
    """What is called with the app, and its further arguments."""
    if callable(entry):
        return entry, (), {}
    match entry:
        case object(cls=factory, args=arguments, kwargs=options):
            return factory, tuple(arguments), options
    match tuple(entry) if isinstance(entry, Iterable) else ():  # which is how Starlette itself reads them
        case (factory, [*arguments], dict() as options):
            return factory, tuple(arguments), options
        case (factory, dict() as options):  # before Starlette 0.35
            return factory, (), options
    return None, (), {}


def _is_async_object(factory: Any) -> bool:
    return not isinstance(factory, type) and inspect.iscoroutinefunction(factory.__call__)


def _is_app(factory: Callable[..., Any], is_async: bool) -> bool:
    """Whether this is an ASGI app, and not what makes one."""
    if isinstance(factory, type) or _problem(factory, "scope", "receive", "send"):
        return False
    return is_async or "scope" in _signature(factory).parameters


def _problem(factory: Callable[..., Any], *arguments: object, **options: object) -> str | None:
    """Why it cannot be called with these, in a few words; None if it can, as far as it tells."""
    try:
        _signature(factory).bind(*arguments, **options)
    except TypeError as error:
        return str(error)
    return None


def _signature(factory: Callable[..., Any]) -> inspect.Signature:
    """What it takes; anything, where it does not tell: not all that is written in C does."""
    try:
        return inspect.signature(factory)
    except ValueError:
        return inspect.signature(lambda *_arguments, **_options: None)
