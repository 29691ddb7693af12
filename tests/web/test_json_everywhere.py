"""JSON is the same wherever an app sends it: from handlers, in streams, in topics; and one function says how for all."""

import datetime
import json
import uuid

import pydantic
import pytest

from chirp_trio import App, AppConfig, Comment, EventStream, Page, Redirect, Response, SQLiteStore, SSEEvent, Template, Topic
from chirp_trio.testing import TestClient
from tests.cases import each_case
from tests.unit.test_encode_json import TABLE, Plain, named


class Item(pydantic.BaseModel):
    name: str
    at: datetime.date


def default(value):
    if isinstance(value, Plain):
        return {"plain": uuid.UUID(int=1)}
    raise TypeError(f"no JSON for {value!r}")


class Places:
    """An app that sends a value as JSON from every place that it has."""

    def __init__(self, path, value, config=None, **options):
        self.app = app = App(config)
        self.topics = [app.topic("memory"), app.topic("stored", store=SQLiteStore(path / "topics.db"))]
        self.value = value

        @app.route("/handler")
        async def handler():
            return [self.value]

        @app.route("/stream")
        async def stream():
            async def source():
                yield self.value
                yield SSEEvent(self.value, event="named")
                yield [self.value]

            return EventStream(source, **options)

        @app.route("/topics/{number:int}")
        async def topic(number):
            return EventStream(self.topics[number].subscribe(replay=2), **options)

    async def all(self):
        """What came of the value, from each of the places."""
        async with TestClient(self.app) as client:
            return await self.all_to(client)

    async def all_to(self, client):
        found = [(await client.get("/handler")).json()[0]]
        events = (await client.sse("/stream")).events
        found += [json.loads(events[0].data), json.loads(events[1].data), json.loads(events[2].data)[0]]
        for number, topic in enumerate(self.topics):
            await topic.publish(self.value)
            await topic.publish(SSEEvent([self.value], event="named"))
            first, second = (await client.sse(f"/topics/{number}", max_events=2)).events
            found += [json.loads(first.data), json.loads(second.data)[0]]
        return found


@pytest.fixture
async def everywhere(tmp_path, autojump_clock):
    """The places of an app whose value can be changed, and its client."""
    places = Places(tmp_path, None)
    async with TestClient(places.app) as client:
        yield places, client


@each_case(("value", "expected"), [row for row in TABLE if not isinstance(row[0], str)], ids=named)
async def test_a_value_is_the_same_json_from_every_place(everywhere, value, expected):
    places, client = everywhere
    places.value = value
    assert await places.all_to(client) == [expected] * 8


async def test_a_stored_value_is_the_same_json_after_a_restart(tmp_path, autojump_clock):
    item = Item(name="tea", at=datetime.date(2026, 1, 2))
    await Places(tmp_path, item).all()

    again = Places(tmp_path, item)

    async with TestClient(again.app) as client:
        events = (await client.sse("/topics/1", max_events=2)).events
    assert [json.loads(event.data) for event in events] == [item.model_dump(mode="json"), [item.model_dump(mode="json")]]


async def test_the_json_default_of_the_app_holds_for_every_place(tmp_path, autojump_clock):
    places = Places(tmp_path, Plain(), AppConfig(json_default=default))

    assert await places.all() == [{"plain": str(uuid.UUID(int=1))}] * 8


async def test_the_json_default_of_a_stream_comes_before_that_of_the_app(autojump_clock):
    app = App(AppConfig(json_default=default))

    @app.route("/")
    async def stream():
        async def source():
            yield Plain()

        return EventStream(source, json_default=lambda value: "the stream's")

    async with TestClient(app) as client:
        assert [event.data for event in (await client.sse("/")).events] == ['"the stream\'s"']


async def test_a_stream_without_an_app_has_a_json_default_of_its_own(autojump_clock):
    async def source():
        yield {"a": Plain()}

    async with TestClient(EventStream(source, json_default=default)) as client:
        [event] = (await client.sse("/")).events
    assert json.loads(event.data) == {"a": {"plain": str(uuid.UUID(int=1))}}


async def test_a_topic_without_an_app_has_a_json_default_of_its_own(autojump_clock):
    asked = []

    def ask(value):
        asked.append(value)
        return default(value)

    topic = Topic("news", json_default=ask)
    topic.publish_nowait(Plain())

    async with TestClient(EventStream(topic.subscribe(replay=1))) as client:
        [event] = (await client.sse("/", max_events=1)).events
    assert json.loads(event.data) == {"plain": str(uuid.UUID(int=1))}
    assert len(asked) == 1, "it is encoded once, when it is published"


async def test_what_a_topic_cannot_send_is_refused_where_it_is_published_and_nobody_gets_anything():
    topic = Topic("news")
    before = topic.cursor

    with pytest.raises(TypeError, match=r"^a value of type tests\.unit\.test_encode_json\.Plain at \$\.a cannot be sent"):
        topic.publish_nowait({"a": Plain()})
    assert topic.cursor == before


async def test_the_log_names_the_place_of_what_a_handler_cannot_send(caplog):
    app = App()

    @app.route("/")
    async def handler():
        return {"items": [{"price": Plain()}]}

    async with TestClient(app) as client:
        assert (await client.get("/")).status_code == 500
    assert "a value of type tests.unit.test_encode_json.Plain at $.items[0].price cannot be sent as JSON" in caplog.text


NO_DATA = [
    (Redirect("/"), "a handler returns it, by itself"),
    (Response("x").set_cookie("session", "SECRET"), "a handler returns it, by itself"),
    (Template("page.html"), "what a source yields, and a topic publishes, is a Fragment"),
    (Page("page.html", "block"), "what a source yields, and a topic publishes, is a Fragment"),
]


@pytest.mark.parametrize(("value", "instead"), NO_DATA, ids=lambda value: type(value).__name__)
async def test_what_only_a_handler_returns_is_no_event_and_the_log_says_what_to_do(autojump_clock, caplog, value, instead):
    async def source():
        yield value
        yield SSEEvent(value)
        yield [value]
        yield "after"

    app = App()
    app.route("/")(lambda: EventStream(source))
    async with TestClient(app, raise_stream_errors=False) as client:
        events = (await client.sse("/")).events
    assert [event.event for event in events] == ["chirp:error"] * 3 + [None]
    assert "SECRET" not in str(events)
    errors = [str(record.exc_info[1]) for record in caplog.records if record.exc_info]
    name = type(value).__name__
    assert [error.partition(": ")[0] for error in errors] == [
        f"a value of type {name} is no data",
        f"a value of type {name} is no data",
        f"a value of type {name} at $[0] is no data",
    ]
    assert all(instead in error for error in errors)
    with pytest.raises(TypeError, match=r"is no data"):
        await app.topic("news").publish(value)


@each_case("value", [SSEEvent("x"), Comment("x")], ids=lambda value: type(value).__name__)
def test_an_event_within_data_is_refused(value):
    for data in ([value], {"a": value}):
        with pytest.raises(TypeError, match=r"at \$.* is no data: a source yields it by itself$"):
            SSEEvent(data).encode()
