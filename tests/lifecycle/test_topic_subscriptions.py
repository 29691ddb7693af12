"""Subscriptions: what each of them wants, and that each is read once and is in nobody's way."""

import pytest
import trio
import trio.testing

from chirp_trio import App, EventStream, Topic
from chirp_trio.testing import TestClient
from chirp_trio.topics.topic import audience_of
from tests.cases import each_case
from tests.lifecycle.feeds import feed_of, read, told
from tests.lifecycle.scenes import tasks


async def test_a_filter_sees_the_values_and_lets_through_what_it_wants(autojump_clock):
    topic = Topic("news")
    async with feed_of(topic, filter=lambda value: value["even"]) as feed, feed.stream_sse("/") as stream:
        for number in range(500):
            topic.publish_nowait({"number": number, "even": number % 2 == 0})
        assert await read(stream, 250) == [f'{{"number":{number},"even":true}}' for number in range(0, 500, 2)]


async def test_what_was_missed_is_filtered_too(autojump_clock):
    topic = Topic("news")
    cursor = topic.cursor
    for number in range(10):
        topic.publish_nowait(number)
    async with feed_of(topic, filter=lambda number: number > 7) as feed:
        assert told((await feed.sse("/", last_event_id=cursor, max_events=2)).events) == ["8", "9"]


async def test_an_error_in_one_subscribers_filter_ends_its_stream_and_nobody_elses(autojump_clock, caplog):
    topic = Topic("news")
    async with (
        feed_of(topic, filter=lambda value: value["absent"], raise_stream_errors=False) as broken,
        feed_of(topic) as healthy,
        broken.stream_sse("/") as ends,
        healthy.stream_sse("/") as stream,
    ):
        await trio.sleep(1)
        topic.publish_nowait({"x": 1})
        assert (await ends.next_event()).event == "chirp:error"
        with pytest.raises(StopAsyncIteration):
            await ends.next_event()
        topic.publish_nowait({"x": 2})
        assert await read(stream, 2) == ['{"x":1}', '{"x":2}']
        assert topic.subscribers == 1
    assert [record.getMessage().partition(" (")[0] for record in caplog.records] == ["/: its source raised"]


async def test_a_filter_may_publish(autojump_clock):
    topic = Topic("news")

    def answer(value):
        if value == "ping":
            topic.publish_nowait("pong")
        return True

    async with (
        feed_of(topic, filter=answer) as answering,
        feed_of(topic) as plain,
        answering.stream_sse("/") as one,
        plain.stream_sse("/") as other,
    ):
        await trio.sleep(1)
        topic.publish_nowait("ping")
        assert await read(one, 2) == ["ping", "pong"]
        assert await read(other, 2) == ["ping", "pong"]


# -- a subscription -----------------------------------------------------------------------------------------------------


async def test_a_subscription_is_read_once(autojump_clock, caplog):
    topic = Topic("news")
    subscription = topic.subscribe()
    app = App()

    @app.route("/")
    async def feed():
        return EventStream(subscription)

    async with TestClient(app) as client:
        async with client.stream_sse("/") as stream:
            assert (await client.sse("/")).status == 500
            topic.publish_nowait("x")
            assert await read(stream, 1) == ["x"], "the first one goes on"
            assert topic.subscribers == 1
        with pytest.raises(RuntimeError, match="'news' is being read already; each stream needs its own"):
            await anext(aiter(subscription))
    assert "each stream needs its own" in caplog.text


async def test_a_head_request_reads_nothing(autojump_clock):
    topic = Topic("news")
    async with feed_of(topic, replay=10) as feed:
        topic.publish_nowait("x")
        response = await feed.client.head("/")
        assert (response.status_code, response.content) == (200, b"")
        assert topic.subscribers == 0
        assert told((await feed.sse("/", max_events=1)).events) == ["x"]


async def test_a_subscription_that_is_never_read_holds_up_nothing(autojump_clock):
    topic = Topic("news", history=10)
    before = tasks()
    subscriptions = [topic.subscribe() for _ in range(100)]
    for number in range(1000):
        topic.publish_nowait(number)
    assert (topic.subscribers, len(audience_of(topic).log), tasks()) == (0, 10, before)
    assert {subscription.dropped for subscription in subscriptions} == {0}


async def test_leaving_while_being_published_to_loses_nothing_for_those_who_stay(autojump_clock):
    topic = Topic("news")
    async with feed_of(topic) as feed, feed.stream_sse("/") as stays:
        for number in range(20):
            async with feed.stream_sse("/") as leaves:
                await trio.sleep(1)
                if number % 2:
                    await leaves.disconnect()
                topic.publish_nowait(number)
            topic.publish_nowait("left")
        assert [data for data in await read(stays, 40) if data != "left"] == [str(number) for number in range(20)]


@each_case(
    ("options", "what"),
    [
        ({"replay": -1}, "replay is -1; it must be a whole number, zero or more"),
        ({"replay": True}, "replay is True"),
        ({"buffer": 0}, "buffer is 0; it must be a whole number, one or more"),
        ({"overflow": "drop"}, "overflow is 'drop'; it must be one of 'disconnect', 'drop-oldest', 'latest'"),
        ({"overflow": "latest"}, "overflow='latest' needs key, a function of a value that tells what the value is about"),
        ({"key": str}, "key is given, but overflow='disconnect' has no use for it; leave it out, or say 'latest'"),
    ],
)
def test_a_subscription_that_cannot_work_is_refused(options, what):
    with pytest.raises((TypeError, ValueError), match=what):
        Topic("news").subscribe(**options)


@each_case(
    ("options", "what"),
    [
        ({"name": ""}, "the name of a topic is ''"),
        ({"name": None}, "the name of a topic is None"),
        ({"history": -1}, "history is -1"),
        ({"history": 1.5}, "history is 1.5"),
        ({"history_bytes": 0}, "history_bytes is 0"),
        ({"max_age": 0}, "max_age is 0"),
        ({"max_age": float("nan")}, "max_age is nan"),
    ],
)
def test_a_topic_that_cannot_work_is_refused(options, what):
    with pytest.raises((TypeError, ValueError), match=what):
        Topic(**{"name": "news", **options})
