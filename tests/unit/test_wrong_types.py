"""Every parameter of every public function, class and method refuses what is of no type that it takes, says so, and leaves
the object as it was.
"""

import inspect
from collections import deque
from collections.abc import Mapping

import httpx
import pytest
import trio

import chirp_trio
from chirp_trio import App, CompressionDictionary, Decoder, Fragment, Redirect, Response, Topic, testing
from chirp_trio.topics import Record
from tests.cases import each_case
from tests.lifecycle.shared_memory import SharedMemoryStore
from tests.meta.test_reference import CALLABLES, parameters


class Anything:
    def __repr__(self):
        return "<anything>"


async def asgi(scope, receive, send):
    pass


def plain():
    pass


async def source():
    yield


# The objects whose methods are called, each with what it held before.
SUBJECTS: list[tuple[object, object]] = []


def subject(made):
    SUBJECTS.append((made, state(made)))
    return made


def state(value, seen=()):
    """What an object of ours holds, and what is in that, to any depth; of what is not ours, which one it is."""
    if value is None or isinstance(value, str | bytes | int | float):
        return value
    if any(value is one for one in seen):
        return "see above"
    seen = (*seen, value)
    if isinstance(value, Mapping):
        return [(state(key, seen), state(item, seen)) for key, item in value.items()]
    if isinstance(value, list | tuple | deque):
        return [state(item, seen) for item in value]
    if isinstance(value, set | frozenset):
        return {id(item) for item in value}
    if not type(value).__module__.startswith("chirp_trio"):
        return id(value)
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    names = [*slots, *getattr(value, "__dict__", {})]
    return type(value), {name: state(getattr(value, name), seen) for name in names if hasattr(value, name)}


def with_client(method, **needed):
    """A method of a client whose app is never asked, since the arguments are looked at first."""

    async def call(**arguments):
        async with testing.TestClient(App()) as client:
            before = state(client)
            try:
                result = getattr(client, method)(**needed | arguments)
                if inspect.isawaitable(result):
                    await result
                else:
                    async with result:
                        pass
            finally:
                assert state(client) == before

    return call


def with_topic(method, **needed):
    async def call(**arguments):
        result = getattr(subject(Topic("news")), method)(**needed | arguments)
        if inspect.isawaitable(result):
            await result

    return call


RESULT = testing.SSEResult(200, {}, (), (), (), (), "completed", 0)
DICTIONARY = CompressionDictionary(b"x" * 1000)
# What has to be given besides.
NEEDED = {
    "HTML": {"markup": "<p>"},
    "CompressionDictionary": {"content": b"x" * 1000},
    "EventStream": {"generator": source},
    "SSEEvent": {"data": "x"},
    "Comment": {"text": "x"},
    "Topic": {"name": "news"},
    "SQLiteStore": {"path": "x.db"},
    "RedisStore": {"url": "redis://x"},
    "Redirect": {"location": "/"},
    "HTTPError": {"status": 404},
    "serve": {"app": App()},
    "stream_lifespan": {"app": App()},
    "ASGITransport": {"app": asgi},
    "TestClient": {"app": asgi},
    "assert_closed_cleanly": {"stream": RESULT},
    "assert_fragment_contains": {"fragment": "<p>x</p>"},
    "assert_fragment_not_contains": {"fragment": "<p>x</p>"},
    "assert_is_error_fragment": {"response": httpx.Response(400, html="<p>x</p>")},
    "assert_is_fragment": {"fragment": "<p>x</p>"},
    "assert_sse_wired": {"page": "<p>x</p>", "stream": RESULT},
    "cancel_everywhere": {"scenario": asgi},
    "check_app": {"app": App()},
    "check_store": {"store": SharedMemoryStore()},
    "StreamCollector": {"streams": App().streams},
    "metrics_app": {"streams": App().streams},
    "Record": {"kind": "text", "data": "x"},
    "App.template_global": {"name": "x", "value": 1},
}
CALLS = {
    "Fragment": lambda template="a.html", block="b", **options: Fragment(template, block, **options),
    "Page": lambda template="a.html", block="b": chirp_trio.Page(template, block),
    "Template": lambda template="a.html": chirp_trio.Template(template),
    "Stream": lambda template="a.html": chirp_trio.Stream(template),
    "ValidationError": lambda template="a.html", block="b", **options: chirp_trio.ValidationError(template, block, **options),
    "App.route": lambda path="/", **options: subject(App()).route(path, **options)(asgi),
    "App.get": lambda path: subject(App()).get(path),
    "App.post": lambda path: subject(App()).post(path),
    "App.put": lambda path: subject(App()).put(path),
    "App.patch": lambda path: subject(App()).patch(path),
    "App.delete": lambda path: subject(App()).delete(path),
    "App.dictionary": lambda dictionary=DICTIONARY, match="/live": subject(App()).dictionary(dictionary, match=match),
    "App.error": lambda cause: subject(App()).error(cause),
    "App.mount": lambda prefix="/a", app=asgi: subject(App()).mount(prefix, app),
    "App.on_open": lambda hook: subject(App()).on_open(hook),
    "App.on_close": lambda hook: subject(App()).on_close(hook),
    "App.template_filter": lambda name: subject(App()).template_filter(name),
    "App.template_global": lambda name: subject(App()).template_global(name, 1),
    "App.topic": lambda name="news", **options: subject(App()).topic(name, **options),
    "App.path_for": lambda name: subject(App()).path_for(name),
    "CompressionDictionary.of_events": lambda samples=("a",) * 100, **options: CompressionDictionary.of_events(
        samples, **options
    ),
    "Decoder.feed": lambda data: subject(Decoder()).feed(data),
    "Redirect.set_cookie": lambda name="a", value="b", **options: subject(Redirect("/")).set_cookie(name, value, **options),
    "Redirect.delete_cookie": lambda name="a", **options: subject(Redirect("/")).delete_cookie(name, **options),
    "Response.set_cookie": lambda name="a", value="b", **options: subject(Response()).set_cookie(name, value, **options),
    "Response.delete_cookie": lambda name="a", **options: subject(Response()).delete_cookie(name, **options),
    "Topic.publish": with_topic("publish", value="x"),
    "Topic.subscribe": with_topic("subscribe"),
    "TestClient.fragment": with_client("fragment", path="/"),
    "TestClient.sse": with_client("sse", path="/"),
    "TestClient.stream_sse": with_client("stream_sse", path="/"),
    "TestClient.live": lambda app=asgi, **options: testing.TestClient.live(app, **options),
    "Record.gap": lambda missed: Record.gap(missed),
}
# Where anything may be, or the store's own code is trusted to give what belongs there: with the reason.
ANYTHING_MAY_BE = {
    "a value": ["EventStream.label", "SSEEvent.data", "App.template_global.value", "Topic.publish_nowait.value"],
    "a value, too": ["Topic.publish.value", "Topic.publish_from_thread.value", "OOB.main", "TestClient.sse.last_event_id"],
    "what middleware is, is told by calling it": ["App.middleware"],
    "seen, and not made, by users": [f"SSEResult.{name}" for name in inspect.signature(testing.SSEResult).parameters],
    "made by the library": [
        *(f"Presence.{name}" for name in ("kind", "subscribers", "member", "connections")), "stream_lifespan.app",
        "serve.task_status",
    ],
    "by a store's own code": [
        *(f"Epoch.{name}" for name in ("first", "name", "shift")), "Epochs.epochs",
        "Epochs.id_of.number", "Epochs.number_of.id",
        "Epochs.number_of.last", "Epochs.begin.first", "Epochs.skip.number", "Epochs.skip.skipped", "Epochs.go_on.number",
        "Epochs.go_on.name", "Epochs.go_on.given", "Epochs.forget.number", "Journal.publish_nowait.record",
        "Journal.publish.record", "Journal.find.last_event_id", "Journal.count_here.member", "Journal.count_here.count",
        "Store.tell.notice", "Store.heard.hear", "Store.journal.delivery", "Record.kind", "Record.data",
        "Record.event", "Record.retry", "Record.gap.missed",
    ],
}  # fmt: skip
FREE = {name for names in ANYTHING_MAY_BE.values() for name in names}
CASES = {
    f"{name}.{parameter}": (name, parameter)
    for name, value in CALLABLES.items()
    for parameter in parameters(value)
    if not parameter.startswith("*") and parameter not in {"_", "self"} and f"{name}.{parameter}" not in FREE
}


def call(name, arguments):
    if name in CALLS:
        return CALLS[name](**arguments)
    return CALLABLES[name](**NEEDED.get(name, {}) | arguments)


async def wrong_about(name, parameter):
    """What is wrong where a parameter is given what is of no type that it takes, if anything is."""
    SUBJECTS.clear()
    try:
        result = call(name, {parameter: Anything()})
        if inspect.isawaitable(result):
            with trio.fail_after(5):
                await result
        elif hasattr(result, "__aenter__"):
            async with result:
                pass
    except TypeError as error:
        message = str(error)
        if parameter not in message.replace("-", "_") or not ("<anything>" in message or "Anything" in message):
            return f"is told of with {message!r}"
    except Exception as error:
        return f"raises {error!r}"
    else:
        return "is taken"
    changed = [made for made, before in SUBJECTS if state(made) != before]
    return f"changes {changed}" if changed else None


async def test_what_is_of_no_type_that_is_taken_is_a_type_error_that_names_it(autojump_clock):
    found = {case: await wrong_about(*both) for case, both in CASES.items()}
    wrong = [f"{case} {told}" for case, told in found.items() if told is not None]
    assert not wrong, "\n".join(wrong)


@each_case(
    ("made", "change"),
    [
        (App(), lambda app: app.get("/")(plain)),
        (App(), lambda app: app.on_open(plain)),
        (App(), lambda app: app.topic("news")),
        (Response(), lambda response: response.set_cookie("a", "b")),
        (Decoder(), lambda decoder: decoder.feed(b"data")),
        (Topic("news"), lambda topic: topic.close()),
    ],
)
def test_what_an_object_holds_is_seen_to_change(made, change):
    before = state(made)
    assert state(made) == before
    change(made)
    assert state(made) != before


def test_methods_are_called_with_wrong_types_of_objects_that_are_looked_at():
    SUBJECTS.clear()
    for name in ("App.route", "Response.set_cookie", "Decoder.feed"):
        with pytest.raises(TypeError):
            call(name, {next(parameter for other, parameter in CASES.values() if other == name): Anything()})
    assert [type(made) for made, _ in SUBJECTS] == [App, Response, Decoder]


def test_nothing_is_left_out_that_there_is_not():
    assert {f"{name}.{parameter}" for name, value in CALLABLES.items() for parameter in parameters(value)} >= FREE
