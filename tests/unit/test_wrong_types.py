"""Every parameter of every public function, class and method refuses what is of no type that it takes, and says so."""

import inspect

import httpx
import pytest
import trio

import chirp_trio
from chirp_trio import App, CompressionDictionary, Decoder, Fragment, Redirect, Response, Topic, testing
from chirp_trio.topics import Record
from tests.lifecycle.shared_memory import SharedMemoryStore
from tests.meta.test_reference import CALLABLES, parameters


class Anything:
    def __repr__(self):
        return "<anything>"


async def asgi(scope, receive, send):
    pass


async def source():
    yield


def with_client(method, **needed):
    """A method of a client whose app is never asked, since the arguments are looked at first."""

    async def call(**arguments):
        async with testing.TestClient(App()) as client:
            result = getattr(client, method)(**needed | arguments)
            if inspect.isawaitable(result):
                await result
            else:
                async with result:
                    pass

    return call


def with_topic(method, **needed):
    async def call(**arguments):
        result = getattr(Topic("news"), method)(**needed | arguments)
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
    "App.route": lambda path="/", **options: App().route(path, **options)(asgi),
    "App.get": lambda path: App().get(path),
    "App.post": lambda path: App().post(path),
    "App.put": lambda path: App().put(path),
    "App.patch": lambda path: App().patch(path),
    "App.delete": lambda path: App().delete(path),
    "App.dictionary": lambda dictionary=DICTIONARY, match="/live": App().dictionary(dictionary, match=match),
    "App.error": lambda cause: App().error(cause),
    "App.mount": lambda prefix="/a", app=asgi: App().mount(prefix, app),
    "App.on_open": lambda hook: App().on_open(hook),
    "App.on_close": lambda hook: App().on_close(hook),
    "App.template_filter": lambda name: App().template_filter(name),
    "App.template_global": lambda name: App().template_global(name, 1),
    "App.topic": lambda name="news", **options: App().topic(name, **options),
    "App.path_for": lambda name: App().path_for(name),
    "CompressionDictionary.of_events": lambda samples=("a",) * 100, **options: CompressionDictionary.of_events(
        samples, **options
    ),
    "Decoder.feed": lambda data: Decoder().feed(data),
    "Redirect.set_cookie": lambda name="a", value="b", **options: Redirect("/").set_cookie(name, value, **options),
    "Redirect.delete_cookie": lambda name="a", **options: Redirect("/").delete_cookie(name, **options),
    "Response.set_cookie": lambda name="a", value="b", **options: Response().set_cookie(name, value, **options),
    "Response.delete_cookie": lambda name="a", **options: Response().delete_cookie(name, **options),
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


@pytest.mark.parametrize("case", CASES)
def test_what_is_of_no_type_that_is_taken_is_a_type_error_that_names_it(case):
    name, parameter = CASES[case]

    async def try_it():
        result = call(name, {parameter: Anything()})
        if inspect.isawaitable(result):
            with trio.fail_after(5):
                await result
        elif hasattr(result, "__aenter__"):
            async with result:
                pass

    with pytest.raises(TypeError) as caught:
        trio.run(try_it)
    message = str(caught.value)
    assert "<anything>" in message or "Anything" in message
    assert parameter in message.replace("-", "_"), message


def test_nothing_is_left_out_that_there_is_not():
    assert {f"{name}.{parameter}" for name, value in CALLABLES.items() for parameter in parameters(value)} >= FREE
