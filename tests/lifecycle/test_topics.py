"""Topics: what is published reaches everybody who is there, in order, and nobody is in the way of anybody else."""

import pytest
import trio
import trio.testing

from chirp_trio import Comment, ConfigurationError, SSEEvent, Topic
from chirp_trio.topics.topic import audience_of
from tests.cases import each_case
from tests.lifecycle.feeds import feed_of, read, told

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


@each_case(
    ("value", "error", "what"),
    [
        pytest.param({"when": object()}, TypeError, "object", id="no JSON"),
        pytest.param(object(), TypeError, "object", id="no data"),
        pytest.param("\ud800", ValueError, "surrogate", id="no text"),
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
    topic = Topic("news", max_age=10)
    with pytest.raises(RuntimeError, match=r"^Topic\.publish_nowait\(\) was called outside of trio; "):
        topic.publish_nowait("early")
    with pytest.raises(RuntimeError, match=r"^Topic\.subscribe\(\) was called outside of trio; .* trio's clock$"):
        topic.subscribe()
    assert len(audience_of(topic).log) == audience_of(topic).log.last == 0
