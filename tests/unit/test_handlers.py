"""Handlers: which are accepted, what they are called with, and where they run."""

import functools
import threading

import pytest

from chirp_trio import ConfigurationError
from chirp_trio.web.handlers import call_handler, check_handler, handler_name

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

    def method(self, request): ...


@pytest.mark.parametrize(
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


def wants_too_much(key, db): ...
def wants_by_keyword(*, db): ...
def wants_by_position(db, /): ...


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        pytest.param("hello", "route '/': the handler is 'hello'; it must be a function", id="no function"),
        pytest.param(None, "route '/': the handler is None; it must be a function", id="None"),
        pytest.param(
            yields_asynchronously,
            f"route '/': the handler {__name__}.yields_asynchronously has a yield; it must return EventStream(source)",
            id="a source as the handler",
        ),
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


@pytest.mark.parametrize(
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
