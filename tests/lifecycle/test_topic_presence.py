"""Who is there, who comes and who leaves, and the end of a topic."""

import gc
import logging
from contextlib import aclosing

import pytest
import trio
import trio.testing

from chirp_trio import App, Presence, Topic
from chirp_trio.topics.topic import audience_of
from tests.lifecycle.feeds import feed_of, read, told
from tests.lifecycle.scenes import client_of, endings, logged

# -- who is there -------------------------------------------------------------------------------------------------------


async def test_a_topic_counts_those_who_read(autojump_clock):
    topic = Topic("news")
    unread = topic.subscribe()
    async with feed_of(topic) as feed:
        assert topic.subscribers == 0
        async with feed.stream_sse("/"), feed.stream_sse("/"):
            await trio.sleep(1)
            assert topic.subscribers == 2
        await trio.sleep(1)
        assert topic.subscribers == 0
    assert unread.dropped == 0


async def test_a_place_that_a_client_is_told_is_no_event(autojump_clock):
    topic = Topic("news")
    topic.publish_nowait("before")
    app = App()
    async with feed_of(topic, app) as feed, feed.stream_sse("/") as stream:
        await trio.sleep(1)
        (seen,) = app.streams
        assert stream.last_event_id == topic.cursor
        assert seen.events == 0
        topic.publish_nowait("new")
        assert await read(stream, 1) == ["new"]
        (seen,) = app.streams
        assert seen.events == 1


async def test_who_leaves_in_the_middle_of_an_event_has_left_and_is_no_garbage(autojump_clock):
    """Whatever made it leave stands at a `yield` of the source, where nobody closes what it reads."""
    topic = Topic("news")

    async def source():
        async for event in topic.subscribe():
            yield event

    async def think():
        await trio.sleep(audience_of(topic).log.last)
        return True

    gc.collect()
    gc.disable()
    try:
        async with client_of(source, revalidate=think, heartbeat_interval=0.5) as client:
            for _ in range(3):
                async with client.stream_sse("/"):
                    await trio.sleep(1)
                    topic.publish_nowait("one")
                    topic.publish_nowait("two")
                    topic.publish_nowait("three")
                    await trio.sleep(10)
                    topic.publish_nowait("four")
                    await trio.sleep(1)
                    assert topic.subscribers == 1
                await trio.sleep(20)
                assert topic.subscribers == 0
    finally:
        gc.enable()


async def test_presence_tells_who_comes_and_who_leaves(autojump_clock):
    topic = Topic("news")
    changes = []

    async def watch():
        changes.extend([change async for change in topic.presence()])

    async with feed_of(topic) as feed, trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        await trio.sleep(1)
        async with feed.stream_sse("/"):
            await trio.sleep(1)
            async with feed.stream_sse("/"):
                await trio.sleep(1)
        await trio.sleep(1)
        topic.close()
    assert changes == [Presence("join", 1), Presence("join", 2), Presence("leave", 1), Presence("leave", 0)]


async def test_each_subscription_in_another_process_comes_and_leaves_by_itself(autojump_clock):
    topic = Topic("news")
    changes = []

    async def watch():
        changes.extend([change async for change in topic.presence()])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        await trio.sleep(1)
        for count in (3, 1, 0):
            audience_of(topic).attendance.set_elsewhere("ada", count)
        topic.close()
    assert [(change.kind, change.subscribers, change.connections) for change in changes] == [
        ("join", 1, 1), ("join", 2, 2), ("join", 3, 3), ("leave", 2, 2), ("leave", 1, 1), ("leave", 0, 0),
    ]  # fmt: skip


async def test_who_does_not_read_all_of_presence_misses_the_oldest(autojump_clock):
    topic = Topic("news")
    async with aclosing(topic.presence()) as presence:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(anext, presence)
            await trio.testing.wait_all_tasks_blocked()
            await come_and_go(topic)
        for _ in range(600):
            await come_and_go(topic)
        topic.close()
        seen = [change async for change in presence]
    assert len(seen) == 1000
    assert seen[-1] == Presence("leave", 0)


async def come_and_go(topic):
    with trio.move_on_after(1):
        async for _ in topic.subscribe():
            pass


async def test_presence_of_a_closed_topic_ends_at_once(autojump_clock):
    topic = Topic("news")
    topic.close()
    with trio.fail_after(1):
        assert [change async for change in topic.presence()] == []


# -- closing ------------------------------------------------------------------------------------------------------------


async def test_closing_a_topic_ends_its_streams_after_what_was_published(autojump_clock, caplog):
    caplog.set_level(logging.DEBUG, logger="chirp_trio.stream")
    topic = Topic("news", history=5000)
    async with feed_of(topic) as feed, feed.stream_sse("/") as idle, feed.stream_sse("/") as behind:
        await trio.sleep(1)
        with trio.testing.assert_no_checkpoints():
            for number in range(900):
                topic.publish_nowait(number)
            topic.close()
        assert told([event async for event in idle]) == [str(number) for number in range(900)]
        await trio.sleep(100)
        assert told([event async for event in behind]) == [str(number) for number in range(900)]
    assert endings(caplog) == ["completed", "completed"]


async def test_closing_during_a_replay_lets_it_come_to_its_end(autojump_clock):
    topic = Topic("news", history=5000)
    cursor = topic.cursor
    for number in range(5000):
        topic.publish_nowait(number)
    async with feed_of(topic) as feed, feed.stream_sse("/", last_event_id=cursor) as stream:
        await read(stream, 10)
        topic.close()
        assert len([event async for event in stream]) == 4990


async def test_nothing_can_be_published_to_a_closed_topic(autojump_clock):
    topic = Topic("news")
    topic.close()
    with pytest.raises(trio.ClosedResourceError, match="'news' is closed"):
        topic.publish_nowait("x")
    with pytest.raises(trio.ClosedResourceError, match="'news' is closed"):
        await topic.publish("x")


async def test_who_subscribes_to_a_closed_topic_gets_what_it_missed_and_then_the_end(autojump_clock):
    topic = Topic("news")
    cursor = topic.cursor
    topic.publish_nowait("last words")
    topic.close()
    topic.close()
    async with feed_of(topic) as feed:
        result = await feed.sse("/", last_event_id=cursor)
    assert (told(result.events), result.ended) == (["last words"], "completed")


async def test_a_topic_is_closed_quietly_while_somebody_watches_who_is_there(autojump_clock, caplog):
    topic = Topic("news")
    async with aclosing(topic.presence()) as presence, feed_of(topic) as feed, trio.open_nursery() as nursery:
        nursery.start_soon(anext, presence)
        await trio.testing.wait_all_tasks_blocked()
        async with feed.stream_sse("/") as stream:
            await trio.sleep(1)
            topic.close()  # whoever watches is busy with something else, and has not noticed yet
            assert [event async for event in stream] == []
        assert [change async for change in presence] == []
    assert logged(caplog, logging.WARNING) == []
