"""Handlers: which are accepted, what they are called with, and where they run."""

import contextvars
import functools
import inspect
import threading
from typing import Annotated, Optional

import pytest
import trio

from chirp_trio import ConfigurationError
from chirp_trio.web.handlers import call_handler, check_handler, handler_name
from tests.cases import each_case

OFFERED = {"request": None, "key": str, "name": str}


def nothing(): ...
def some(name, request): ...
def by_keyword(*, key): ...
def everything(**named): ...
def with_default(key, verbose=False, *, limit=10): ...
def with_default_for_what_is_offered(key=5): ...
def with_rest(key, *rest): ...
async def asynchronous(request): ...


class Callable:
    def __call__(self, key): ...

    @staticmethod
    def static(key): ...

    def method(self, request): ...


@each_case(
    ("handler", "names"),
    [
        pytest.param(nothing, set(), id="nothing"),
        pytest.param(some, {"name", "request"}, id="some"),
        pytest.param(by_keyword, {"key"}, id="keyword-only"),
        pytest.param(everything, set(OFFERED), id="all, as keywords"),
        pytest.param(with_default_for_what_is_offered, {"key"}, id="offered ones may have defaults"),
        pytest.param(with_rest, {"key"}, id="rest is left empty"),
        pytest.param(asynchronous, {"request"}, id="async"),
        pytest.param(Callable(), {"key"}, id="object that can be called"),
        pytest.param(Callable().method, {"request"}, id="method"),
        pytest.param(Callable.__dict__["static"], {"key"}, id="staticmethod, in the body of its class"),
        pytest.param(functools.cache(some), {"name", "request"}, id="cached"),
        pytest.param(lambda key: key, {"key"}, id="lambda"),
        pytest.param(functools.partial(some, request=None), {"name"}, id="partial that binds what is offered"),
        pytest.param(functools.partial(with_default, verbose=True, limit=5), {"key"}, id="partial that binds the rest"),
        pytest.param(functools.partial(some, "ada"), {"request"}, id="partial by position"),
    ],
)
def test_a_handler_is_called_with_what_it_names(handler, names):
    assert check_handler(handler, OFFERED, "route '/'") == names


async def yields_asynchronously(request):
    yield request


def yields(request):
    yield request


class Yielding:
    async def __call__(self, request):
        yield request


def wants_too_much(key, db): ...
def wants_by_keyword(*, db): ...
def wants_by_position(db, /): ...


@each_case(
    ("handler", "message"),
    [
        pytest.param("hello", "route '/': the handler is 'hello'; it must be a function", id="no function"),
        pytest.param(None, "route '/': the handler is None; it must be a function", id="None"),
        pytest.param(
            yields_asynchronously,
            f"route '/': the handler {__name__}.yields_asynchronously has a yield; it must return EventStream(source)",
            id="a source as the handler",
        ),
        pytest.param(yields, f"{__name__}.yields has a yield; it must return EventStream(source)", id="a generator"),
        pytest.param(functools.partial(yields), ".yields has a yield; it must return EventStream", id="a partial of it"),
        pytest.param(Yielding(), "has a yield; it must return EventStream(source)", id="an object that yields"),
        pytest.param(
            wants_too_much,
            f"route '/': the handler {__name__}.wants_too_much wants 'db'; there are only: key, name, request",
            id="unknown parameter",
        ),
        pytest.param(wants_by_keyword, "wants_by_keyword wants 'db'; there are only: key, name, request", id="keyword"),
        pytest.param(wants_by_position, "wants_by_position wants 'db'; there are only: key, name", id="position"),
    ],
)
def test_a_handler_that_cannot_be_called_is_refused(handler, message):
    with pytest.raises(ConfigurationError) as refusal:
        check_handler(handler, OFFERED, "route '/'")

    assert message in str(refusal.value)


def test_a_parameter_that_takes_no_name_is_refused():
    def handler(key, /): ...

    with pytest.raises(ConfigurationError, match="wants 'key'"):
        check_handler(handler, OFFERED, "route '/'")


def test_a_handler_whose_parameters_nobody_knows_is_refused_with_the_route():
    with pytest.raises(ConfigurationError) as refusal:
        check_handler(dict, OFFERED, "route '/'")

    assert str(refusal.value).startswith("route '/': the parameters of builtins.dict cannot be known: ")


@each_case(
    ("handler", "name"),
    [
        pytest.param(some, f"{__name__}.some", id="function"),
        pytest.param(Callable.method, f"{__name__}.Callable.method", id="method"),
        pytest.param(len, "builtins.len", id="builtin"),
    ],
)
def test_a_handlers_name_says_where_it_is(handler, name):
    assert handler_name(handler) == name


def test_a_handler_that_is_nowhere_is_marked_so(monkeypatch):
    monkeypatch.setattr(some, "__module__", None)

    assert handler_name(some) == "?.some"


def test_a_handler_without_a_name_is_called_by_its_repr():
    handler = Callable()

    assert handler_name(handler) == f"{__name__}.{handler!r}"


async def test_an_async_handler_runs_in_its_requests_task():
    async def handler(key):
        return key, threading.get_ident()

    assert await call_handler(handler, {"key": 7}) == (7, threading.get_ident())


async def test_a_plain_handler_runs_in_a_thread():
    def handler(key):
        return key, threading.get_ident()

    value, thread = await call_handler(handler, {"key": 7})

    assert value == 7
    assert thread != threading.get_ident()


async def _async_value(key):
    return key


class AsyncCallable:
    async def __call__(self, key):
        return key


@pytest.mark.parametrize(
    "handler",
    [
        pytest.param(functools.partial(_async_value), id="partial of an async function"),
        pytest.param(lambda key: _async_value(key), id="plain function that returns a coroutine"),
        pytest.param(AsyncCallable(), id="object with an async call"),
    ],
)
async def test_what_has_to_be_awaited_is_awaited(handler):
    assert await call_handler(handler, {"key": 7}) == 7


@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_what_a_handler_raises_reaches_the_caller(kind):
    def plain():
        raise LookupError("gone")

    async def asynchronous():
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await call_handler({"plain": plain, "async": asynchronous}[kind], {})


# -- decorators -----------------------------------------------------------------------------------------------------------


def takes_request(handler):
    @functools.wraps(handler)
    async def wrapper(request, **parameters):
        value = handler(**parameters)
        return await value if inspect.isawaitable(value) else value

    return wrapper


def hands_everything_on(handler):
    @functools.wraps(handler)
    def wrapper(*arguments, **parameters):
        return handler(*arguments, **parameters)

    return wrapper


def gives_a_user(handler):
    @functools.wraps(handler)
    async def wrapper(request, **parameters):
        return await handler(user="ada", **parameters)

    return wrapper


class Memoized:
    def __init__(self, handler):
        functools.update_wrapper(self, handler)
        self.handler = handler

    def __call__(self, **parameters):
        return self.handler(**parameters)


class View:
    @hands_everything_on
    async def show(self, key):
        return key

    @hands_everything_on
    async def __call__(self, key):
        return key


async def shows(key):
    return key


def shows_in_a_thread(key):
    return key


async def shows_request(request, key):
    return key


async def shows_user(user, key):
    return key


@each_case(
    ("handler", "names"),
    [
        pytest.param(takes_request(shows), {"request", "key"}, id="takes the request, around async"),
        pytest.param(takes_request(shows_in_a_thread), {"request", "key"}, id="takes the request, around a plain one"),
        pytest.param(hands_everything_on(shows), {"key"}, id="hands everything on, around async"),
        pytest.param(hands_everything_on(shows_in_a_thread), {"key"}, id="hands everything on, around a plain one"),
        pytest.param(hands_everything_on(shows_request), {"request", "key"}, id="hands the request on"),
        pytest.param(hands_everything_on(takes_request(shows)), {"request", "key"}, id="two"),
        pytest.param(takes_request(hands_everything_on(shows)), {"request", "key"}, id="two the other way"),
        pytest.param(gives_a_user(shows_user), {"request", "key"}, id="gives what nobody offers"),
        pytest.param(Memoized(shows), {"key"}, id="an object"),
        pytest.param(View().show, {"key"}, id="around a method"),
        pytest.param(View(), {"key"}, id="around __call__"),
        pytest.param(functools.partial(hands_everything_on(shows)), {"key"}, id="a partial of it"),
    ],
)
async def test_a_decorated_handler_is_called_by_its_own_signature(handler, names):
    wanted = check_handler(handler, {"request": None, "key": str}, "route '/'")

    assert wanted == names
    assert await call_handler(handler, {name: name for name in wanted}) == "key"


def takes_arguments_only(handler):
    @functools.wraps(handler)
    def wrapper(*arguments):
        return handler(*arguments)

    return wrapper


class Depends:
    """As FastAPI has it."""


def with_query(key, q=""): ...
def with_dependency(key, db=Depends()): ...  # noqa: B008
def by_position(request, /): ...
def with_int(key: int): ...


def with_int_of_the_future(key: int): ...
def with_int_or_none(key: int | None): ...
def with_optional_int(key: Optional[int]): ...  # noqa: UP045
def with_constrained_int(key: Annotated[int, "positive"] | None): ...
def with_text_or_int(key: str | int): ...


def with_int_or_none_of_the_future(key): ...


with_int_or_none_of_the_future.__annotations__ = {"key": "int | None"}


@each_case(
    ("handler", "message"),
    [
        pytest.param(
            with_query, "with_query wants 'q'; there are only: key, name, request; its default would be", id="default"
        ),
        pytest.param(with_query, "parameters of the URL are in request.query", id="where they are"),
        pytest.param(with_default, "with_default wants 'verbose'", id="the first of two"),
        pytest.param(
            with_dependency, "wants 'db'; there are only: key, name, request; nothing calls what Depends(...)", id="db"
        ),
        pytest.param(by_position, "it takes it by position only, and parameters are given by name", id="by position"),
        pytest.param(
            hands_everything_on(with_query),
            "with_query wants 'q'; there are only: key, name, request; one that a decorator gives has no default",
            id="a default behind a decorator",
        ),
        pytest.param(takes_arguments_only(shows), "the decorator around", id="a decorator that takes no names"),
        pytest.param(takes_arguments_only(shows), "let it take and hand on **parameters as well", id="and its cure"),
        pytest.param(with_int, "takes 'key' as int, and the path gives text; write {key:int} in the path", id="int"),
        pytest.param(with_int_or_none, "takes 'key' as int, and the path gives text", id="int or None"),
        pytest.param(with_optional_int, "takes 'key' as int, and the path gives text", id="Optional"),
        pytest.param(with_constrained_int, "takes 'key' as int, and the path gives text", id="Annotated"),
        pytest.param(with_int_or_none_of_the_future, "takes 'key' as int, and the path gives", id="int or None as text"),
        pytest.param(with_int_of_the_future, "write {key:int} in the path", id="int as text"),
        pytest.param(hands_everything_on(with_int), "with_int takes 'key' as int", id="int behind a decorator"),
    ],
)
def test_a_habit_that_would_be_ignored_is_refused(handler, message):
    with pytest.raises(ConfigurationError) as refusal:
        check_handler(handler, OFFERED, "route '/'")

    assert message in str(refusal.value)


def test_an_annotation_that_the_path_keeps_is_fine():
    assert check_handler(with_int, {"key": int}, "route '/'") == {"key"}
    assert check_handler(with_text_or_int, {"key": str}, "route '/'") == {"key"}


async def test_an_error_of_a_decorator_names_the_function_that_lacks_something():
    def wrong(handler):
        @functools.wraps(handler)
        async def wrapper(request, **parameters):
            return await handler()

        return wrapper

    with pytest.raises(TypeError, match=r"shows\(\) missing 1 required positional argument: 'key'"):
        await call_handler(wrong(shows), {"request": None, "key": "x"})


# -- context variables ----------------------------------------------------------------------------------------------------

user = contextvars.ContextVar("user", default=None)


@pytest.mark.parametrize("kind", ["plain", "async", "a plain decorator around async"])
async def test_context_variables_that_a_handler_sets_are_its_requests(kind):
    def plain():
        user.set("ada")

    async def asynchronous():
        user.set("ada")

    handler = {"plain": plain, "async": asynchronous}.get(kind, hands_everything_on(asynchronous))
    assert user.get() is None

    await call_handler(handler, {})

    assert user.get() == "ada"


async def test_what_a_plain_handler_leaves_alone_is_left_alone():
    token = user.set("grace")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(call_handler, lambda: user.get(), {})
    assert user.get() == "grace"
    user.reset(token)
