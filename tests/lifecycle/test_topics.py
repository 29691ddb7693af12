"""Topics: what is published reaches everybody who is there, in order, and nobody is in the way of anybody else."""

import pytest
import trio
import trio.testing

from chirp_trio import App, Comment, ConfigurationError, EventStream, SSEEvent, Topic
from chirp_trio.testing import TestClient
from tests.lifecycle.feeds import feed_of, read, told
from tests.lifecycle.scenes import tasks

# -- publishing ---------------------------------------------------------------------------------------------------------


async def test_a_subscriber_gets_what_is_published_from_then_on_in_order(autojump_clock):
    topic = Topic("news")
    topic.publish_nowait("before")
    async with feed_of(topic) as feed, feed.stream_sse("/") as stream:
        for number in range(3):
            topic.publish_nowait(number)
        await topic.publish("last")
        assert await read(stream, 4) == ["0", "1", "2", "last"]


async def test_everybody_gets_every_event_once(autojump_clock):
    topic = Topic("news")
    async with feed_of(topic, buffer=2000) as feed, feed.stream_sse("/") as one, feed.stream_sse("/") as other:
        for number in range(2000):
            topic.publish_nowait(number)
            if number % 7 == 0:
                await trio.lowlevel.checkpoint()
        everything = [str(number) for number in range(2000)]
        assert await read(one, 2000) == everything
        assert await read(other, 2000) == everything


async def test_an_event_is_there_the_moment_it_is_published(autojump_clock):
    topic = Topic("news")
    async with feed_of(topic) as feed, feed.stream_sse("/") as stream:
        for second in range(1, 4):
            await trio.sleep(1)
            topic.publish_nowait(second)
            await stream.next_event()
            assert trio.current_time() == pytest.approx(second + 0.1, abs=0.11)


async def test_every_event_has_an_id_and_publishing_returns_it(autojump_clock):
    topic = Topic("news")
    async with feed_of(topic) as feed, feed.stream_sse("/") as stream:
        ids = [topic.publish_nowait("a"), await topic.publish("b")]
        assert [(await stream.next_event()).id for _ in ids] == ids
        assert stream.last_event_id == ids[-1] == topic.cursor
    assert len(set(ids)) == 2


async def test_names_and_retry_of_events_are_kept_and_comments_are_comments(autojump_clock):
    topic = Topic("news")
    async with feed_of(topic, stream={"event_type": "update"}) as feed, feed.stream_sse("/") as stream:
        topic.publish_nowait(SSEEvent({"a": 1}, event="named", retry=100))
        topic.publish_nowait(Comment("psst"))
        topic.publish_nowait("unnamed")
        first, second = [await stream.next_event() for _ in range(2)]
    assert (first.data, first.event, first.retry) == ('{"a":1}', "named", 100)
    assert (second.data, second.event) == ("unnamed", "update")
    assert stream.comments == ["psst"]


async def test_the_same_event_goes_out_under_the_name_that_each_stream_gives_it(autojump_clock):
    topic = Topic("news")
    async with (
        feed_of(topic, stream={"event_type": "a"}) as a,
        feed_of(topic, stream={"event_type": "b"}) as b,
        a.stream_sse("/") as one,
        b.stream_sse("/") as other,
    ):
        topic.publish_nowait("x")
        events = [await one.next_event(), await other.next_event()]
    assert [(event.event, event.data) for event in events] == [("a", "x"), ("b", "x")]


async def test_json_is_taken_as_it_is_when_it_is_published(autojump_clock):
    topic = Topic("news")
    cursor = topic.cursor
    async with feed_of(topic) as feed, feed.stream_sse("/") as stream:
        value = {"count": 1}
        topic.publish_nowait(value)
        value["count"] = 2
        assert await read(stream, 1) == ['{"count":1}']
        assert told((await feed.sse("/", last_event_id=cursor, max_events=1)).events) == ['{"count":1}']


@pytest.mark.parametrize(
    ("value", "error", "what"),
    [
        pytest.param({"when": object()}, TypeError, "object", id="no JSON"),
        pytest.param(object(), TypeError, "object", id="no data"),
        pytest.param("\ud800", ValueError, "surrogate", id="no text"),
        pytest.param(Comment("\ud800"), ValueError, "surrogate", id="no comment"),
        pytest.param(SSEEvent("x", id="mine"), ConfigurationError, "'mine'", id="an id of its own"),
        pytest.param(SSEEvent("x", id=""), ConfigurationError, "ids of its own", id="a reset of the id"),
    ],
)
async def test_what_cannot_be_sent_raises_to_the_publisher_and_nobody_gets_anything(autojump_clock, value, error, what):
    topic = Topic("news")
    async with feed_of(topic) as feed, feed.stream_sse("/") as stream:
        cursor = topic.cursor
        with pytest.raises(error, match=what):
            topic.publish_nowait(value)
        with pytest.raises(error, match=what):
            await topic.publish(value)
        assert topic.cursor == cursor
        topic.publish_nowait("next")
        assert await read(stream, 1) == ["next"]


async def test_publishing_without_waiting_and_subscribing_are_no_checkpoints(autojump_clock):
    topic = Topic("news", max_age=10)
    async with feed_of(topic) as feed, feed.stream_sse("/") as waiting, feed.stream_sse("/"):
        with trio.testing.assert_no_checkpoints():
            for number in range(1000):
                topic.publish_nowait(number)
            topic.subscribe(topic.cursor)
            topic.subscribe(replay=10, overflow="latest", key=str, filter=bool)
            topic.subscribe("garbage")
        await waiting.next_event()


async def test_publish_is_a_checkpoint_and_publishes_nothing_if_it_is_cancelled_there(autojump_clock):
    topic = Topic("news")
    with trio.testing.assert_checkpoints():
        await topic.publish("a")
    cursor = topic.cursor
    with trio.CancelScope() as scope:
        scope.cancel()
        await topic.publish("b")
    assert topic.cursor == cursor


async def test_a_thread_can_publish_and_gets_the_id_or_the_error(autojump_clock):
    topic = Topic("news")

    def work():
        with pytest.raises(TypeError, match="object"):
            topic.publish_from_thread(object())
        return topic.publish_from_thread("from the thread")

    async with feed_of(topic) as feed, feed.stream_sse("/") as stream:
        id = await trio.to_thread.run_sync(work)
        event = await stream.next_event()
    assert (event.id, event.data) == (id, "from the thread")


def test_a_topic_can_be_published_to_before_trio_runs():
    topic = Topic("news")
    topic.publish_nowait("early")

    async def main():
        async with feed_of(topic, replay=10) as feed:
            return told((await feed.sse("/", max_events=1)).events)

    assert trio.run(main) == ["early"]


def test_a_topic_whose_events_have_an_age_needs_trios_clock():
    with pytest.raises(RuntimeError, match="must be called from async context"):
        Topic("news", max_age=10).publish_nowait("early")


# -- filter -------------------------------------------------------------------------------------------------------------


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
        feed_of(topic, filter=lambda value: value["absent"]) as broken,
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
    assert (topic.subscribers, len(topic.log), tasks()) == (0, 10, before)
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


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"replay": -1}, "replay is -1; it must be a whole number, 0 or more"),
        ({"replay": True}, "replay is True"),
        ({"buffer": 0}, "buffer is 0; it must be a whole number, 1 or more"),
        ({"overflow": "drop"}, "overflow is 'drop'; it must be one of 'disconnect', 'drop-oldest', 'latest'"),
        ({"overflow": "latest"}, "needs key"),
        ({"key": str}, "nothing else takes it"),
    ],
)
def test_a_subscription_that_cannot_work_is_refused(options, what):
    with pytest.raises(ConfigurationError, match=what):
        Topic("news").subscribe(**options)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"name": ""}, "the name of a topic is ''"),
        ({"name": None}, "the name of a topic is None"),
        ({"history": -1}, "history is -1"),
        ({"history": 1.5}, "history is 1.5"),
        ({"history_bytes": 0}, "history_bytes is 0"),
        ({"max_age": 0}, "max_age is 0"),
        ({"max_age": float("nan")}, "max_age is nan"),
        ({"max_age": True}, "max_age is True"),
    ],
)
def test_a_topic_that_cannot_work_is_refused(options, what):
    with pytest.raises(ConfigurationError, match=what):
        Topic(**{"name": "news", **options})
