"""What Python's own errors cannot know: what somebody meant who knows Flask, FastAPI, Starlette or sse-starlette.

Each habit is played where it is written, in a handler or in a source, and the log says what to write instead.
"""

import importlib
import inspect

import pytest
import sse_starlette

import chirp_trio
from chirp_trio import App, EventStream, Fragment, HTTPError, Redirect, Response, SSEEvent, Template
from chirp_trio.habits import _ARGUMENTS, _EXPORTS
from chirp_trio.testing import TestClient
from tests.cases import each_case


async def numbers():
    yield 1


async def loop_over_an_async_one():
    return [item for item in numbers()]  # noqa: C416


async def loop_over_a_plain_one():
    return [item async for item in [1, 2]]


def not_awaited(use):
    """A habit that uses what an async method returns."""

    def habit(request):
        coroutine = request.json()
        try:
            return use(coroutine)
        finally:
            coroutine.close()  # or there would be a warning, which is Python's

    return habit


# Each is a handler: what it does, and what it is told.
IN_HANDLERS = {
    "json without a call": (lambda request: request.json["a"], "call it, as in `await request.json()`"),
    "form without a call": (lambda request: request.form.get("a"), "call it, as in `await request.json()`"),
    "form as a property": (lambda request: request.form["a"], "call it, as in `await request.json()`"),
    "json without await": (not_awaited(lambda coroutine: coroutine["a"]), "`(await request.form())['name']`"),
    "form without await": (not_awaited(lambda coroutine: coroutine.get("a")), "`(await request.form())['name']`"),
    "for over an async generator": (lambda request: list(numbers()), "go over it with `async for`"),
    "HTTPException's argument": (lambda request: HTTPError(status_code=404), "HTTPError(404)"),
    "JSONResponse's argument": (lambda request: Response(content="a"), "it is called body"),
    "a status as Starlette's": (lambda request: Response("a", status_code=201), "it is called status"),
    "a type as Flask's": (lambda request: Response("a", mimetype="text/plain"), "it is called content_type"),
    "RedirectResponse's argument": (lambda request: Redirect(url="/"), "it is called location"),
    "a dict for a template": (lambda request: Template("page.html", {"a": 1}), "Template(..., name=value)"),
    "a dict for a fragment": (lambda request: Fragment("page.html", "block", {"a": 1}), "Fragment(..., name=value)"),
    "sse-starlette's ping": (lambda request: EventStream(numbers, ping=15), "it is called heartbeat_interval"),
    "StreamingResponse's type": (lambda request: EventStream(numbers, media_type="text/event-stream"), "always text/event"),
    "StreamingResponse's status": (lambda request: EventStream(numbers, status_code=201), "raise HTTPError(403)"),
    "a source by name": (lambda request: EventStream(content=numbers), "EventStream(source)"),
    "a generator that is not async": (lambda request: EventStream(_ for _ in "ab"), "write `async def` where it says `def`"),
    "a function that is returned": (lambda request: numbers, "return EventStream(...) of it"),
    "a generator that is returned": (lambda request: (part for part in "ab"), "return EventStream of an `async def`"),
    "an async one that is returned": (lambda request: numbers(), "return EventStream(...) of it"),
    "a set that is returned": (lambda request: {1, 2}, "list(...) of it is JSON"),
    "a tuple that is returned": (lambda request: ("a", "b"), "list(...) of it is JSON"),
    "a status that is returned": (lambda request: 404, "return b'', 404"),
    "a number that is returned": (lambda request: 3.5, "str() makes it text"),
    "an error that is returned": (lambda request: HTTPError(404), "raise it"),
    "an error with its status": (lambda request: (HTTPError(404), 404), "it is an exception: raise it"),
    "what is no JSON": (lambda request: {"a": object()}, "json_default"),
}  # fmt: skip


@pytest.mark.parametrize(("habit", "cure"), IN_HANDLERS.values(), ids=list(IN_HANDLERS))
async def test_a_habit_in_a_handler_is_told_what_to_write(habit, cure, caplog):
    app = App(debug=True)

    @app.post("/")
    async def handler(request):
        return habit(request)

    async with TestClient(app) as client:
        response = await client.post("/", json={"a": 1}, headers={"accept": "application/json"})

    assert response.status_code == 500
    assert cure in caplog.text
    assert cure in response.text.replace("\\'", "'")


AWAITED = {
    "json": (lambda request: request.json, "call it, as in `await request.json()`"),
    "query": (lambda request: request.query, "it is there already: write it without `await`"),
    "cookies": (lambda request: request.cookies, "it is there already: write it without `await`"),
    "path": (lambda request: request.path, "it is there already: write it without `await`"),
    "publish_nowait": (lambda request: App().topic("news").publish_nowait("tea"), "it is there already"),
}


@pytest.mark.parametrize(("awaited", "cure"), AWAITED.values(), ids=list(AWAITED))
async def test_what_is_awaited_by_habit_is_told_how_it_is_written(awaited, cure, caplog):
    app = App()

    @app.get("/")
    async def handler(request):
        return await awaited(request)

    async with TestClient(app) as client:
        assert (await client.get("/")).status_code == 500

    assert cure in caplog.text


class Waiting:
    def __await__(self):
        yield


IN_SOURCES = {
    "sse-starlette's event": (lambda: sse_starlette.ServerSentEvent("tea"), "yield SSEEvent(data, event='name'"),
    "lines made by hand": (lambda: b"data: tea\n\n", "decode it"),
    "what is not awaited": (Waiting, "await it"),
    "another event's name": (lambda: SSEEvent("tea", type="order"), "it is called event"),
    "a comment in an event": (lambda: SSEEvent("tea", comment="c"), "yield Comment('text')"),
    "a number as an id": (lambda: SSEEvent("tea", id=5), "it must be a str"),
    "seconds": (lambda: SSEEvent("tea", retry=2.5), "milliseconds"),
    "a dict for a fragment": (lambda: Fragment("page.html", "block", {"a": 1}), "Fragment(..., name=value)"),
}


@pytest.mark.parametrize(("habit", "cure"), IN_SOURCES.values(), ids=list(IN_SOURCES))
async def test_a_habit_in_a_source_is_told_what_to_write(habit, cure, caplog, autojump_clock):
    app = App(debug=True)

    @app.get("/")
    async def handler():
        async def source():
            yield "first"
            yield habit()

        return EventStream(source)

    async with TestClient(app, raise_stream_errors=False) as client:
        result = await client.sse("/")

    assert result.events[-1].event == "chirp:error"
    assert cure in caplog.text


LOOPS = [(loop_over_an_async_one, "`async for`"), (loop_over_a_plain_one, "`for`")]


@pytest.mark.parametrize(("habit", "cure"), LOOPS)
async def test_the_wrong_loop_is_told_which_one_it_is(habit, cure, caplog):
    app = App()
    app.get("/")(habit)

    async with TestClient(app) as client:
        assert (await client.get("/")).status_code == 500

    assert f"go over it with {cure}" in caplog.text


# -- names ----------------------------------------------------------------------------------------------------------------


@each_case("name", _EXPORTS)
def test_a_name_that_others_export_is_told_with_what_there_is_instead(name):
    with pytest.raises(ImportError, match=f"^chirp_trio has no '{name}': ") as raised:
        exec(f"from chirp_trio import {name}")

    assert raised.value.msg.endswith(_EXPORTS[name])
    assert name not in chirp_trio.__all__
    assert not hasattr(chirp_trio, name)
    with pytest.raises(AttributeError, match=f"has no attribute '{name}': "):
        getattr(chirp_trio, name)


def test_a_name_that_nobody_has_is_missing_as_it_always_is():
    with pytest.raises(ImportError, match="cannot import name 'zebra' from 'chirp_trio'"):
        from chirp_trio import zebra  # noqa: F401

    assert not hasattr(chirp_trio, "zebra")


OWNERS = {"topic": App.topic, "subscribe": chirp_trio.Topic.subscribe, "route": App.route} | {
    name: getattr(App, name) for name in ("get", "post", "put", "patch", "delete")
}


@each_case("called", _ARGUMENTS)
def test_an_argument_that_is_explained_is_one_that_there_is_not(called):
    function = OWNERS.get(called) or getattr(chirp_trio, called)
    there = inspect.signature(function).parameters
    assert not _ARGUMENTS[called].keys() & there.keys()


def test_what_a_sentence_names_is_there():
    for place, names in {"testing": ("TestClient", "SSEResult", "assert_sse_wired"), "checking": ("check_app",)}.items():
        module = importlib.import_module(f"chirp_trio.{place}")
        assert all(hasattr(module, name) for name in names)
    assert hasattr(chirp_trio.Request, "path_for")


@pytest.mark.parametrize(
    "error", [TypeError("'int' object is not subscriptable"), AttributeError("'str' has no 'x'"), KeyError("a")]
)
async def test_a_mistake_that_is_no_habit_has_no_note(error, caplog):
    app = App()

    @app.get("/")
    async def handler():
        raise error

    async with TestClient(app) as client:
        await client.get("/")

    assert not hasattr(error, "__notes__")
