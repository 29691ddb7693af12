"""Coming back to a topic: what was missed comes first, and where it is not known any more, a gap says so."""

import json

import pytest
import trio

from chirp_trio import Topic
from chirp_trio.testing import SSETimeout
from chirp_trio.topics.published import encode_published
from chirp_trio.topics.topic import audience_of
from tests.cases import each_case
from tests.lifecycle.feeds import feed_of, read, told


def publish(topic, *values):
    return [topic.publish_nowait(value) for value in values]


# -- going on -----------------------------------------------------------------------------------------------------------


@each_case("seen", range(5))
async def test_who_comes_back_gets_what_it_has_missed_and_then_what_is_new(autojump_clock, seen):
    topic = Topic("news")
    ids = [topic.cursor, *publish(topic, "1", "2", "3", "4")]
    async with feed_of(topic) as feed, feed.stream_sse("/", last_event_id=ids[seen]) as stream:
        publish(topic, "5")
        assert await read(stream, 5 - seen) == ["1", "2", "3", "4", "5"][seen:]


async def test_the_cursor_can_be_in_the_query(autojump_clock):
    topic = Topic("news")
    cursor = topic.cursor
    publish(topic, "missed")
    async with feed_of(topic) as feed:
        assert told((await feed.sse(f"/?last_event_id={cursor}", max_events=1)).events) == ["missed"]


async def test_the_header_which_is_newer_wins_over_the_query(autojump_clock):
    topic = Topic("news")
    cursor = topic.cursor
    ids = publish(topic, "a", "b")
    async with feed_of(topic) as feed:
        result = await feed.sse(f"/?last_event_id={cursor}", last_event_id=ids[0], max_events=1)
    assert told(result.events) == ["b"]


async def test_the_cursor_of_a_page_loses_nothing_between_rendering_and_subscribing(autojump_clock):
    topic = Topic("news")
    publish(topic, "in the page")
    cursor = topic.cursor
    assert cursor == topic.cursor
    publish(topic, "between")
    async with feed_of(topic) as feed, feed.stream_sse(f"/?last_event_id={cursor}") as stream:
        publish(topic, "after")
        assert await read(stream, 2) == ["between", "after"]


async def test_a_client_that_leaves_and_comes_back_again_and_again_misses_nothing(autojump_clock):
    topic = Topic("news")
    got = []
    last_event_id = topic.cursor
    async with feed_of(topic) as feed:
        for number in range(20):
            publish(topic, f"{number}a", f"{number}b")
            async with feed.stream_sse("/", last_event_id=last_event_id) as stream:
                publish(topic, f"{number}c")
                got += await read(stream, 3 - number % 3)
                last_event_id = stream.events[2 - number % 3].id
        async with feed.stream_sse("/", last_event_id=last_event_id) as stream:
            got += await read(stream, 60 - len(got))
    assert got == [f"{number}{letter}" for number in range(20) for letter in "abc"]


async def test_what_is_published_between_subscribing_and_reading_is_not_lost(autojump_clock):
    topic = Topic("news")
    publish(topic, "old")
    subscription = topic.subscribe()
    publish(topic, "between")
    await trio.sleep(1)
    events = aiter(subscription)
    assert (await anext(events)).value == "between"
    await events.aclose()


async def test_a_long_replay_and_what_is_published_during_it_come_in_order(autojump_clock):
    topic = Topic("news", history=10_000)
    cursor = topic.cursor
    publish(topic, *range(5000))
    async with feed_of(topic) as feed, feed.stream_sse("/", last_event_id=cursor) as stream:
        got = await read(stream, 100)
        publish(topic, *range(5000, 5900))
        got += await read(stream, 5800)
    assert got == [str(number) for number in range(5900)]


# -- somebody new -------------------------------------------------------------------------------------------------------


@each_case(
    ("replay", "data"),
    [(0, ["new"]), (1, ["3", "new"]), (3, ["1", "2", "3", "new"]), (100, ["1", "2", "3", "new"])],
)
async def test_somebody_new_gets_as_much_of_the_history_as_the_topic_wants(autojump_clock, replay, data):
    topic = Topic("news")
    publish(topic, "1", "2", "3")
    async with feed_of(topic, replay=replay) as feed, feed.stream_sse("/") as stream:
        publish(topic, "new")
        assert await read(stream, len(data)) == data


async def test_somebody_new_who_loses_its_connection_before_its_first_event_misses_nothing(autojump_clock):
    topic = Topic("news")
    publish(topic, "old")
    async with feed_of(topic) as feed:
        async with feed.stream_sse("/") as stream:
            with pytest.raises(SSETimeout):
                await stream.next_event(timeout=1)
        publish(topic, "while it was away")
        async with feed.stream_sse("/", last_event_id=stream.last_event_id) as stream:
            assert await read(stream, 1) == ["while it was away"]


async def test_who_comes_back_gets_no_replay_beside_what_it_has_missed(autojump_clock):
    topic = Topic("news")
    ids = publish(topic, "1", "2", "3")
    async with feed_of(topic, replay=2) as feed:
        assert told((await feed.sse("/", last_event_id=ids[1], max_events=1)).events) == ["3"]


async def test_an_empty_id_is_that_of_somebody_new(autojump_clock):
    topic = Topic("news")
    publish(topic, "old")
    async with feed_of(topic) as feed, feed.stream_sse("/?last_event_id=") as stream:
        publish(topic, "new")
        assert await read(stream, 1) == ["new"]


# -- gaps ---------------------------------------------------------------------------------------------------------------


async def test_an_id_that_is_forgotten_gives_a_gap_that_tells_how_many_are_missing(autojump_clock):
    topic = Topic("news", history=3)
    ids = [topic.cursor, *publish(topic, *range(1, 11))]
    async with feed_of(topic, buffer=3) as feed:
        for seen in range(7):
            result = await feed.sse("/", last_event_id=ids[seen], max_events=4)
            assert told(result.events) == [("gap", 7 - seen), "8", "9", "10"]
        assert told((await feed.sse("/", last_event_id=ids[7], max_events=3)).events) == ["8", "9", "10"]


async def test_an_event_that_is_too_old_is_forgotten(autojump_clock):
    topic = Topic("news", max_age=10)
    cursor = topic.cursor
    publish(topic, "old")
    await trio.sleep(20)
    async with feed_of(topic) as feed, feed.stream_sse("/", last_event_id=cursor) as stream:
        publish(topic, "new")
        assert await read(stream, 2) == [("gap", 1), "new"]


async def test_without_a_history_whoever_was_not_there_has_missed_it(autojump_clock):
    topic = Topic("news", history=0)
    cursor = topic.cursor
    publish(topic, "1", "2")
    async with feed_of(topic) as feed:
        assert told((await feed.sse("/", last_event_id=cursor, max_events=1)).events) == [("gap", 2)]


OTHER = Topic("other")
OTHER_START = Topic("news")
UNKNOWN = [
    pytest.param(OTHER.publish_nowait("x"), id="of another topic"),
    pytest.param(OTHER_START.publish_nowait("x"), id="of another start"),
    *["garbage", "-", "--1", "1", "-1", "é-1"],
    pytest.param("x" * 5000, id="long"),
    pytest.param("0-" + "9" * 5000, id="large"),
]


@each_case("id", UNKNOWN)
async def test_an_id_that_is_nobodys_gives_a_gap_of_unknown_size_and_what_somebody_new_gets(autojump_clock, id):
    topic = Topic("news")
    publish(topic, "1", "2", "3")
    async with feed_of(topic, replay=2) as feed:
        result = await feed.client.sse("/", headers={"last-event-id": id.encode()}, max_events=3)
    assert told(result.events) == [("gap", None), "2", "3"]


@each_case("digits", ["4", "99999999999999999999999", "", "x", "+1", " 1", "1_0", "-1", "\u0661", "1.0", "0x1"])
async def test_a_number_that_the_topic_has_not_given_is_nobodys(autojump_clock, digits):
    topic = Topic("news")
    publish(topic, "1", "2", "3")
    subscription = topic.subscribe(topic.cursor[:-1] + digits)
    events = aiter(subscription)
    assert told_of(encode_published(await anext(events), None, None)) == {"topic": "news", "missed": None}
    await events.aclose()


def told_of(encoded):
    [data] = [line for line in encoded.decode().splitlines() if line.startswith("data: ")]
    return json.loads(data.removeprefix("data: "))


async def test_a_gap_names_its_topic_and_has_an_id_from_which_to_go_on(autojump_clock):
    topic = Topic("news")
    publish(topic, "1", "2", "3")
    async with feed_of(topic, replay=2) as feed:
        gap = (await feed.sse("/", last_event_id="garbage", max_events=1)).events[0]
        assert (gap.event, json.loads(gap.data)) == ("chirp:gap", {"topic": "news", "missed": None})
        assert told((await feed.sse("/", last_event_id=gap.id, max_events=2)).events) == ["2", "3"]


async def test_a_gap_is_told_before_anything_is_published_again(autojump_clock):
    topic = Topic("news")
    async with feed_of(topic) as feed:
        assert told((await feed.sse("/", last_event_id="garbage", max_events=1)).events) == [("gap", None)]


async def test_a_gap_keeps_its_name_where_the_stream_names_its_events(autojump_clock):
    topic = Topic("news")
    async with feed_of(topic, stream={"event_type": "update"}) as feed:
        result = await feed.sse("/", last_event_id="garbage", max_events=1)
    assert result.events[0].event == "chirp:gap"


async def test_a_filter_is_not_asked_about_gaps(autojump_clock):
    topic = Topic("news")
    wanted = {"filter": lambda value: value == "wanted"}
    async with feed_of(topic, **wanted) as feed, feed.stream_sse("/", last_event_id="?") as stream:
        publish(topic, "unwanted", "wanted")
        assert await read(stream, 2) == [("gap", None), "wanted"]


async def test_without_a_history_there_is_one_while_somebody_is_subscribed_and_none_after_that(autojump_clock):
    topic = Topic("news", history=0)
    topic.publish_nowait("forgotten")
    async with feed_of(topic, buffer=3, replay=10) as feed:
        async with feed.stream_sse("/"):
            await trio.sleep(1)
            for number in range(5):
                topic.publish_nowait(number)
            assert told((await feed.sse("/", max_events=3)).events) == ["2", "3", "4"]
        await trio.sleep(1)
        topic.publish_nowait("forgotten")
        assert len(audience_of(topic).log) == 0
