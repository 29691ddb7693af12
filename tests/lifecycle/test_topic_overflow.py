"""Subscribers that are too slow: what they lose is counted and told, and nobody else notices."""

import logging
from contextlib import aclosing

import pytest
import trio

from chirp_trio import Topic
from chirp_trio.stream.waiting import Outbox
from tests.lifecycle.feeds import feed_of, told
from tests.lifecycle.scenes import endings

BIG = "x" * 1000
# So many of those are under way to a client that takes none: in what is being sent, and twice the outbox behind it.
UNDER_WAY = 1 + 3 * (Outbox.MAX_BYTES // 1000 + 1)


async def publish(topic, values, one_by_one):
    """Publish the values, all at once or with time for everybody to take each."""
    for value in values:
        topic.publish_nowait(value)
        if one_by_one:
            await trio.sleep(0.01)


both_ways = pytest.mark.parametrize("one_by_one", [True, False], ids=["one by one", "at once"])


def numbered(number, keys=3):
    return {"number": number, "key": number % keys, "text": BIG}


def number_of(data):
    return data if isinstance(data, tuple) else int(data.partition(",")[0].rpartition(":")[2])


async def all_that_is_there(stream):
    """What the client gets when it reads again."""
    stream.resume()
    events = []
    with trio.move_on_after(5):
        async for event in stream:
            events.append(event)  # noqa: PERF401 - what came before the time was over counts
    return [number_of(data) for data in told(events)]


@both_ways
async def test_a_client_that_is_too_far_behind_is_disconnected_and_goes_on_where_it_was(autojump_clock, caplog, one_by_one):
    caplog.set_level(logging.DEBUG, logger="chirp_trio.stream")
    topic = Topic("news", history=1000)
    async with feed_of(topic, buffer=100) as feed:
        async with feed.stream_sse("/") as stream:
            stream.stall()
            await trio.sleep(1)
            await publish(topic, [numbered(number) for number in range(500)], one_by_one)
            got = await all_that_is_there(stream)
            assert got == list(range(len(got)))
            assert 0 < len(got) <= UNDER_WAY
            await trio.sleep(1)
            assert endings(caplog) == ["completed"]
            last_event_id = stream.last_event_id
        async with feed.stream_sse("/", last_event_id=last_event_id) as stream:
            got += await all_that_is_there(stream)
        assert got == list(range(500)), "coming back, it may be behind by as much as it had missed"
        assert [subscription.dropped for subscription in feed.subscriptions] == [0, 0]


@both_ways
async def test_drop_oldest_loses_the_oldest_says_how_many_and_goes_on(autojump_clock, one_by_one):
    topic = Topic("news")
    async with feed_of(topic, buffer=100, overflow="drop-oldest") as feed, feed.stream_sse("/") as stream:
        stream.stall()
        await trio.sleep(1)
        await publish(topic, [numbered(number) for number in range(500)], one_by_one)
        got = await all_that_is_there(stream)
        before = got[: got.index(("gap", feed.subscriptions[0].dropped))]
        assert before == list(range(len(before)))
        assert len(before) <= UNDER_WAY
        assert got[len(before) :] == [("gap", 400 - len(before)), *range(400, 500)]
        topic.publish_nowait(numbered(500))
        assert await all_that_is_there(stream) == [500]


@both_ways
async def test_latest_gives_the_newest_of_each_key_and_says_how_many_are_missing(autojump_clock, one_by_one):
    topic = Topic("news")
    options = {"buffer": 100, "overflow": "latest", "key": lambda value: value["key"]}
    async with feed_of(topic, **options) as feed, feed.stream_sse("/") as stream:
        stream.stall()
        await trio.sleep(1)
        await publish(topic, [numbered(number) for number in range(500)], one_by_one)
        got = await all_that_is_there(stream)
        before = [number for number in got if not isinstance(number, tuple)][:-3]
        assert before == list(range(len(before)))
        assert len(before) <= UNDER_WAY + 100
        assert got[len(before) :] == [("gap", 497 - len(before)), 497, 498, 499]
        assert feed.subscriptions[0].dropped == 497 - len(before)


async def test_latest_is_the_newest_among_what_the_filter_lets_through():
    topic = Topic("news")
    subscription = topic.subscribe(
        buffer=1, overflow="latest", key=lambda value: value[0], filter=lambda value: value[1] == "good"
    )
    for value in (("a", "good"), ("b", "bad"), ("a", "bad")):
        topic.publish_nowait(list(value))
    assert await values(topic, subscription) == [["a", "good"]]
    assert subscription.dropped == 0, "what it does not want it has not lost"


async def test_drop_oldest_counts_only_what_the_filter_would_have_let_through():
    topic = Topic("news")
    subscription = topic.subscribe(buffer=2, overflow="drop-oldest", filter=lambda number: number % 2 == 0)
    for number in range(10):
        topic.publish_nowait(number)
    assert await values(topic, subscription) == [{"topic": "news", "missed": 4}, 8]
    assert subscription.dropped == 4


async def values(topic, subscription):
    topic.close()
    return [event.value for event in [event async for event in subscription]]


async def test_who_pulls_and_is_too_slow_gets_the_same():
    topic = Topic("news")
    subscription = topic.subscribe(buffer=3, overflow="drop-oldest")
    events = aiter(subscription)
    topic.publish_nowait(0)
    assert (await anext(events)).value == 0
    for number in range(1, 10):
        topic.publish_nowait(number)
    assert [(await anext(events)).value for _ in range(4)] == [{"topic": "news", "missed": 6}, 7, 8, 9]
    await events.aclose()


async def test_a_large_event_is_forgotten_by_the_bytes_though_somebody_has_yet_to_get_it(autojump_clock):
    topic = Topic("news", history_bytes=50_000)
    async with feed_of(topic, overflow="drop-oldest") as feed, feed.stream_sse("/") as stream:
        stream.stall()
        await trio.sleep(1)
        await publish(topic, [numbered(number) for number in range(500)], one_by_one=False)
        got = await all_that_is_there(stream)
        assert sum(isinstance(number, tuple) for number in got) == 1
        assert got[-1] == 499
        assert feed.subscriptions[0].dropped == 500 - len(got) + 1


async def test_one_that_never_reads_changes_nothing_for_the_others(autojump_clock):
    topic = Topic("news")
    options = {"stream": {"send_timeout": 30}}
    async with feed_of(topic, **options) as feed, feed.stream_sse("/") as stalled, feed.stream_sse("/") as healthy:
        stalled.stall()
        await trio.sleep(1)
        for number in range(400):
            topic.publish_nowait(numbered(number))
            began = trio.current_time()
            assert number_of(told([await healthy.next_event()])[0]) == number
            assert trio.current_time() == began
            await trio.sleep(0.1)
        assert topic.subscribers == 1, "the stalled one is given up after send_timeout"


async def test_whoever_leaves_takes_nothing_from_another_with_a_buffer_of_the_same_size(autojump_clock):
    topic = Topic("news", history=1)
    async with aclosing(aiter(topic.subscribe(buffer=50))) as reader:
        async with aclosing(aiter(topic.subscribe(buffer=50))):
            pass
        for number in range(40):
            topic.publish_nowait(number)
        assert [(await anext(reader)).value for _ in range(40)] == list(range(40))
