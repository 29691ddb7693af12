"""Middleware of an `App`: how it is given, what is refused, and that everybody takes what it gets for an app of ASGI 3."""

import inspect
from functools import partial

import pytest
from asgiref.compatibility import guarantee_single_callable
from sentry_sdk.integrations.asgi import _looks_like_asgi3
from starlette._utils import is_async_callable
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import PlainTextResponse as PlainResponse

from chirp_trio import App, ConfigurationError, EventStream, Redirect, Response
from chirp_trio.stream import EventStream as PlainEventStream
from chirp_trio.testing import TestClient
from chirp_trio.web.page_stream import PageStream
from tests.cases import each_case


class Naming:
    """Middleware that adds its arguments to the path, so that the app shows who has seen the request in which order."""

    def __init__(self, app, *names, suffix=""):
        self._app = app
        self._added = "".join(f"/{name}{suffix}" for name in names or ("bare",))

    async def __call__(self, scope, receive, send):
        await self._app({**scope, "path": scope.get("path", "") + self._added}, receive, send)


def naming(app, *names, suffix=""):
    return Naming(app, *names, suffix=suffix)


class Attributes:
    """As Starlette's `Middleware`, and only its attributes."""

    def __init__(self, cls, *args, **kwargs):
        self.cls, self.args, self.kwargs = cls, args, kwargs


class Options:
    """Starlette's before 0.35: there were no positional arguments."""

    def __init__(self, cls, **options):
        self.cls, self.options = cls, options

    def __iter__(self):
        return iter((self.cls, self.options))


class Iterated(Attributes):
    """What Starlette itself asks of it."""

    def __iter__(self):
        return iter((self.wrapped, self.args, self.kwargs))

    @property
    def cls(self):
        raise AttributeError

    @cls.setter
    def cls(self, cls):
        self.wrapped = cls


async def show(path):
    return path


async def seen_with(*middleware):
    app = App(middleware=middleware)
    app.route("/{path:path}")(show)
    async with TestClient(app) as client:
        return (await client.get("/a")).text


@each_case(
    ("middleware", "names"),
    [
        pytest.param([], "a", id="none"),
        pytest.param([Naming], "a/bare", id="class"),
        pytest.param([naming], "a/bare", id="function"),
        pytest.param([partial(naming, suffix="!")], "a/bare!", id="partial"),
        pytest.param([lambda app: app], "a", id="one that steps aside"),
        pytest.param([Middleware(Naming)], "a/bare", id="notation without arguments"),
        pytest.param([Middleware(Naming, "b", "c", suffix="!")], "a/b!/c!", id="notation with arguments"),
        pytest.param([Middleware(naming, "b", suffix="!")], "a/b!", id="notation with a function"),
        pytest.param([Attributes(Naming, "b", suffix="!")], "a/b!", id="attributes alone"),
        pytest.param([Iterated(Naming, "b", suffix="!")], "a/b!", id="iteration alone"),
        pytest.param([(Naming, ("b",), {"suffix": "!"})], "a/b!", id="tuple"),
        pytest.param([Options(Naming, suffix="!")], "a/bare!", id="older notation"),
        pytest.param([Middleware(Naming, "outer"), Naming, Middleware(naming, "inner")], "a/outer/bare/inner", id="several"),
    ],
)
async def test_middleware_is_given_as_a_class_a_function_or_in_starlettes_notation(middleware, names):
    assert await seen_with(*middleware) == names


async def test_any_iterable_of_them_will_do():
    app = App(middleware=iter([naming, Middleware(Naming, "b")]))
    app.route("/{path:path}")(show)
    async with TestClient(app) as client:
        assert (await client.get("/a")).text == "a/bare/b"


async def app_function(scope, receive, send): ...
def plain_app(scope, receive, send): ...
async def dispatch(request, call_next): ...
async def async_factory(app): ...
def wants_more(app, secret): ...
def forgets_to_return(app): ...


@each_case(
    ("middleware", "message"),
    [
        pytest.param(None, "middleware is None; it must be a list, as in App(middleware=[...])", id="None"),
        pytest.param(naming, "it must be a list, as in App(middleware=[...])", id="a function"),
        pytest.param(Middleware(Naming), "it must be a list, as in App(middleware=[...])", id="one in notation"),
        pytest.param("gzip", "middleware[0] is 'g'; it must be a function or a class that takes an ASGI app", id="text"),
        pytest.param([naming, "gzip"], "middleware[1] is 'gzip'; it must be a function or a class", id="a name"),
        pytest.param([None], "middleware[0] is None; it must be a function or a class", id="nothing"),
        pytest.param([Middleware("gzip")], "Middleware(cls, key=value) as Starlette has it", id="a name in notation"),
        pytest.param([(Naming, "b")], "it must be a function or a class", id="a tuple of something else"),
        pytest.param([app_function], "middleware[0], app_function, is an ASGI app already", id="an ASGI app"),
        pytest.param([plain_app], "plain_app, is an ASGI app already", id="a plain ASGI app"),
        pytest.param([App()], "is an ASGI app already; middleware takes the app that it stands around", id="an App"),
        pytest.param([Naming(app_function)], "give the class without calling it", id="an instance"),
        pytest.param([Middleware(Naming(app_function))], "is an ASGI app already", id="an instance in notation"),
        pytest.param([Response("a")], "is an ASGI app already", id="a response"),
        pytest.param([dispatch], "Middleware(BaseHTTPMiddleware, dispatch=dispatch)", id="request and call_next"),
        pytest.param([async_factory], "async_factory, is async; it must be a class or a function (def)", id="async"),
        pytest.param(
            [SessionMiddleware],
            "middleware[0], SessionMiddleware, cannot be called with the app alone: missing a required argument: "
            "'secret_key'. Give what it takes beside the app as Middleware(SessionMiddleware, key=value)",
            id="a class that needs arguments",
        ),
        pytest.param([wants_more], "functools.partial(wants_more, key=value)", id="a function that needs arguments"),
        pytest.param(
            [Middleware(SessionMiddleware, secret="a")],
            "cannot be called with the app and these arguments: missing a required argument: 'secret_key'",
            id="wrong arguments",
        ),
        pytest.param([forgets_to_return], "forgets_to_return, returned None; it must return an ASGI app", id="no return"),
    ],
)
def test_what_is_no_middleware_is_refused_at_once_with_the_cure(middleware, message):
    with pytest.raises(ConfigurationError) as refusal:
        App(middleware=middleware)

    assert message in str(refusal.value)


def test_everything_is_checked_before_anything_is_called():
    called = []
    with pytest.raises(ConfigurationError):
        App(middleware=[called.append, "gzip"])

    assert called == []


def test_what_does_not_tell_its_parameters_is_called_and_says_itself_what_is_wrong():
    with pytest.raises(TypeError, match="is not iterable"):
        App(middleware=[dict])


async def test_the_cure_for_a_function_of_request_and_call_next_works():
    async def adding(request, call_next):
        response = await call_next(request)
        response.headers["x-added"] = "1"
        return response

    async with TestClient(App(middleware=[Middleware(BaseHTTPMiddleware, dispatch=adding)])) as client:
        assert (await client.get("/")).headers["x-added"] == "1"


# -- ASGI 3 for everybody -----------------------------------------------------------------------------------------------


async def source():
    yield "a"


def handed_on():
    """What an app with middleware hands to the innermost, and the next one gets from it."""
    handed = []

    def keep(app):
        handed.append(app)
        return app

    App(middleware=[keep, keep])
    return handed


APPS = {
    "App": App(),
    "App with middleware": App(middleware=[naming]),
    "innermost": handed_on()[0],
    "second": handed_on()[1],
    "event stream": EventStream(source),
    "plain event stream": PlainEventStream(source),
    "response": Response("a"),
    "redirect": Redirect("/"),
    "page stream": PageStream(iter("a")),
}
CHECKS = {
    "asgiref": lambda app: guarantee_single_callable(app) is app,
    "Sentry, uvicorn": _looks_like_asgi3,
    "Starlette": is_async_callable,
    "inspect": lambda app: inspect.iscoroutinefunction(app if inspect.isroutine(app) else app.__call__),
}


@each_case("check", CHECKS)
@each_case("app", APPS)
def test_everybody_takes_it_for_an_app_of_asgi_3(app, check):
    assert CHECKS[check](APPS[app])


def test_what_the_innermost_gets_leaves_no_frame_of_its_own_on_a_streams_way():
    assert not APPS["innermost"].__code__.co_flags & inspect.CO_COROUTINE


class FailsAtTheBody:
    def __init__(self, app):
        self._app = app

    async def __call__(self, scope, receive, send):
        async def failing(message):
            if message["type"] == "http.response.body":
                raise ValueError("of middleware")
            await send(message)

        await self._app(scope, receive, failing)


@each_case("is_mounted", [False, True])
@each_case("value", ["text", None, Response("x"), Redirect("/"), PlainResponse("x")], ids=lambda value: type(value).__name__)
async def test_middleware_that_fails_in_the_middle_of_a_response_does_not_get_another_one(value, is_mounted):
    inner = App(middleware=[] if is_mounted else [FailsAtTheBody])
    inner.route("/")(lambda: value)
    app = App(middleware=[FailsAtTheBody] if is_mounted else [])
    app.mount("/inner", inner)
    if is_mounted:
        inner.error(ValueError)(lambda: "another one")
    started = []

    async def send(message):
        started.append(message["type"])

    async def receive():
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "GET", "path": "/inner/", "query_string": b"", "headers": []}
    with pytest.raises(ValueError, match=r"^of middleware$"):
        await app(scope, receive, send)

    assert started == ["http.response.start"]
