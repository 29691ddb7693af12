"""Fragments in topics: rendered when they are published, once for each generation of htmx."""

from pathlib import Path

import pytest

from chirp_trio import App, AppConfig, BlockNotFound, ConfigurationError, EventStream, Fragment, SSEEvent, Topic
from chirp_trio.testing import TestClient
from chirp_trio.topics.topic import audience_of
from tests.lifecycle.feeds import feed_of, read, told

TEMPLATES = Path(__file__).parents[1] / "web" / "templates"
HTMX4 = {"HX-Request": "true", "Accept": "text/html, text/event-stream"}


def new_app():
    return App(AppConfig(template_dir=TEMPLATES))


def items(*values, **options):
    return Fragment("page.html", "list", items=list(values), **options)


async def test_both_generations_of_htmx_get_a_fragment_each_in_its_own_dialect(autojump_clock):
    app = new_app()
    topic = app.topic("lists")
    async with (
        feed_of(topic, app) as feed,
        feed.stream_sse("/") as htmx2,
        feed.stream_sse("/", headers=HTMX4) as htmx4,
    ):
        topic.publish_nowait(SSEEvent(items(1), event="lists"))
        first, second = await htmx2.next_event(), await htmx4.next_event()
    assert (first.event, first.data) == ("lists", "<ul><li>1</li></ul>")
    assert second.event is None
    assert second.data.startswith("<hx-partial hx-target=")
    assert second.data.endswith("><ul><li>1</li></ul></hx-partial>")
    assert first.id == second.id == topic.cursor


async def test_a_fragment_is_rendered_once_for_everybody(autojump_clock):
    app = new_app()
    rendered = []
    app.template_filter("noted")(lambda value: rendered.append(value) or value)
    topic = app.topic("lists")
    async with feed_of(topic, app) as feed, feed.stream_sse("/") as one, feed.stream_sse("/", headers=HTMX4) as other:
        topic.publish_nowait(items(Noted(rendered)))
        assert await read(one, 1) == await read(other, 1) == ["<ul><li>noted</li></ul>"]
    assert rendered == ["rendered"]


class Noted:
    def __init__(self, rendered):
        self.rendered = rendered

    def __str__(self):
        self.rendered.append("rendered")
        return "noted"


async def test_a_fragment_has_the_values_of_the_moment_when_it_was_published(autojump_clock):
    app = new_app()
    topic = app.topic("lists")
    cursor = topic.cursor
    values = ["then"]
    topic.publish_nowait(Fragment("page.html", "list", items=values))
    values[0] = "now"
    async with feed_of(topic, app) as feed:
        for headers in ({}, HTMX4):
            result = await feed.sse("/", last_event_id=cursor, headers=headers, max_events=1)
            assert "".join(told(result.events)) == "<ul><li>then</li></ul>"


async def test_a_fragment_that_cannot_be_rendered_raises_to_the_publisher(autojump_clock):
    app = new_app()
    topic = app.topic("lists")
    cursor = topic.cursor
    with pytest.raises(BlockNotFound):
        topic.publish_nowait(Fragment("page.html", "nothing"))
    assert topic.cursor == cursor


def test_a_topic_without_templates_refuses_fragments_and_says_how_to_have_them():
    topic = Topic("lists")
    for value in (items(1), SSEEvent(items(1))):
        with pytest.raises(ConfigurationError, match=r"a Fragment needs templates: make the topic with app\.topic\(\.\.\.\)"):
            topic.publish_nowait(value)


async def test_a_filter_sees_the_fragment_itself(autojump_clock):
    app = new_app()
    topic = app.topic("lists")
    wanted = lambda value: value.context["items"] == [2]  # noqa: E731
    async with feed_of(topic, app, filter=wanted) as feed, feed.stream_sse("/") as stream:
        topic.publish_nowait(items(1))
        topic.publish_nowait(items(2))
        assert await read(stream, 1) == ["<ul><li>2</li></ul>"]


def test_the_size_of_a_fragment_is_that_of_its_text():
    topic = new_app().topic("lists", history_bytes=50_000)
    for number in range(20):
        topic.publish_nowait(items(str(number) + "x" * 10_000))
    assert 3 <= len(audience_of(topic).log) <= 5


async def test_a_stream_of_another_framework_gets_the_text_that_the_app_has_rendered(autojump_clock):
    topic = new_app().topic("lists")
    cursor = topic.cursor
    topic.publish_nowait(items(1, event="lists"))

    async def app(scope, receive, send):
        if scope["type"] == "http":
            await EventStream(topic.subscribe(cursor))(scope, receive, send)

    async with TestClient(app) as client:
        [event] = (await client.sse("/", max_events=1)).events
    assert (event.event, event.data) == ("lists", "<ul><li>1</li></ul>")


async def test_publishing_while_a_template_is_rendered_gives_each_event_its_own_id(autojump_clock):
    app = new_app()
    topic = app.topic("lists")

    class Publishing:
        def __str__(self):
            topic.publish_nowait("inner")
            return "outer"

    async with feed_of(topic, app) as feed, feed.stream_sse("/") as stream:
        topic.publish_nowait(items(Publishing()))
        events = [await stream.next_event() for _ in range(2)]
    assert told(events) == ["inner", "<ul><li>outer</li></ul>"]
    assert len({event.id for event in events}) == 2
    assert len(audience_of(topic).log) == audience_of(topic).log.last == 2


async def test_clients_of_both_dialects_that_catch_up_from_the_same_place_get_each_its_own(autojump_clock):
    app = new_app()
    topic = app.topic("lists")
    cursor = topic.cursor
    for number in range(3):  # several, because only what is joined for many is kept
        topic.publish_nowait(items(number, event="lists"))
    async with feed_of(topic, app) as feed:
        for request_type in ("htmx4", "eventsource", "htmx4", "eventsource"):
            result = await feed.sse("/", last_event_id=cursor, max_events=3, request_type=request_type)
            is_wrapped = ["hx-partial" in event.data for event in result.events]
            assert is_wrapped == [request_type == "htmx4"] * 3
            assert [event.event for event in result.events] == [None if request_type == "htmx4" else "lists"] * 3
