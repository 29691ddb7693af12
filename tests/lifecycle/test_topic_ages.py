"""How old events are: by trio's clock while a topic is open, and by a wall clock, which may be wrong, over its starts."""

import sqlite3
import time
from contextlib import closing

import pytest
import trio

from chirp_trio import SQLiteStore, Topic
from tests.lifecycle.feeds import feed_of, read
from tests.lifecycle.stores import opened, remembered, rows, values

DAY = 24 * 3600.0
HOUR = 3600.0


class Wall:
    """A wall clock that goes as trio's does, and that somebody sets."""

    def __init__(self):
        self.now = 1_800_000_000.0

    def time(self):
        return self.now + trio.current_time()


@pytest.fixture
def wall(monkeypatch):
    wall = Wall()
    monkeypatch.setattr(time, "time", wall.time)
    return wall


@pytest.fixture
def store(tmp_path):
    return SQLiteStore(tmp_path / "topics.db")


def news(store, **options):
    return opened(Topic("news", store=store, max_age=DAY, **options))


def gap(missed):
    return {"topic": "news", "missed": missed}


@pytest.mark.parametrize("wrong", [2 * DAY, 400 * DAY, -2 * DAY, -400 * DAY])
async def test_a_wall_clock_that_is_wrong_at_one_start_erases_nothing(autojump_clock, wall, store, wrong):
    await trio.sleep(3 * DAY)  # how long the process runs before the topic is opened makes nothing older
    async with news(store) as topic:
        ids = [await topic.publish(number) for number in range(5)]
    wall.now += wrong
    async with news(store) as topic:
        await topic.publish("at a wrong time")
    wall.now -= wrong
    async with news(store) as topic:
        assert remembered(topic) == [0, 1, 2, 3, 4, "at a wrong time"]
        assert await values(topic, ids[1]) == [2, 3, 4, "at a wrong time"]


async def test_what_seems_too_old_at_a_start_is_told_of_as_missing(autojump_clock, wall, store):
    async with news(store) as topic:
        ids = [await topic.publish(number) for number in range(5)]
    wall.now += 2 * DAY
    async with news(store) as topic:
        assert remembered(topic) == []
        assert await values(topic, ids[1]) == [gap(3)]
        assert await values(topic, replay=10) == []
        await topic.publish("new")
        assert await values(topic, ids[1]) == [gap(3), "new"]


@pytest.mark.parametrize("wrong", [2 * DAY, -2 * DAY])
async def test_a_wall_clock_that_is_set_while_a_topic_is_open_changes_nothing(autojump_clock, wall, store, wrong):
    async with news(store) as topic:
        await topic.publish("old")
        await trio.sleep(DAY / 2)
        wall.now += wrong
        await topic.publish("young")
        assert remembered(topic) == ["old", "young"]
        await trio.sleep(DAY / 2 + 1)
        assert await values(topic, replay=10) == ["young"]


async def test_what_is_too_old_for_an_hour_of_both_clocks_is_deleted(autojump_clock, wall, store):
    async with news(store) as topic:
        for number in range(3):
            await topic.publish(number)
    wall.now += 2 * DAY
    async with news(store) as topic:
        await topic.publish("new")
        await trio.sleep(HOUR - 10)
        await topic.publish("new")
        assert rows(store) == [1, 2, 3, 4, 5]
        await trio.sleep(10)
        await topic.publish("new")
        assert rows(store) == [4, 5, 6]
        assert remembered(topic) == ["new"] * 3


async def test_what_is_too_old_by_a_wall_clock_that_was_put_right_within_the_hour_is_kept(autojump_clock, wall, store):
    async with news(store) as topic:
        await topic.publish("old")
    wall.now += 2 * DAY
    async with news(store) as topic:
        await trio.sleep(60)
        wall.now -= 2 * DAY
        await trio.sleep(2 * HOUR)
        await topic.publish("new")
    async with news(store) as topic:
        assert remembered(topic) == ["old", "new"]


async def test_with_a_short_age_nothing_stays_in_the_file_for_longer_than_that(autojump_clock, wall, store):
    async with opened(Topic("news", store=store, max_age=60)) as topic:
        await topic.publish("old")
    wall.now += 2 * DAY
    async with opened(Topic("news", store=store, max_age=60)) as topic:
        await topic.publish("new")
        assert rows(store) == [1, 2]
        await trio.sleep(60)
        await topic.publish("newer")
        assert rows(store) == [2, 3]


async def test_what_may_be_too_old_takes_no_more_room_than_the_history(autojump_clock, wall, store):
    async with news(store, history=5) as topic:
        for number in range(5):
            await topic.publish(number)
    wall.now += 2 * DAY
    async with news(store, history=5) as topic:
        for number in range(3):
            await topic.publish(f"new {number}")
        assert rows(store) == [3, 4, 5, 6, 7, 8]  # one is deleted with the next event
    wall.now -= 2 * DAY
    async with news(store, history=5) as topic:
        assert remembered(topic) == [3, 4, "new 0", "new 1", "new 2"]


async def test_ids_of_events_that_may_be_too_old_stay_known(autojump_clock, wall, store):
    ids = []
    for start in range(3):
        async with news(store) as topic:
            ids.append(await topic.publish(start))
    wall.now += 2 * DAY
    async with news(store) as topic:
        for place, id in enumerate(ids):
            assert await values(topic, id) == ([gap(2 - place)] if place < 2 else [])
    wall.now -= 2 * DAY
    async with news(store) as topic:
        for place, id in enumerate(ids):
            assert await values(topic, id) == [0, 1, 2][place + 1 :]


@pytest.mark.parametrize("ahead", [float("inf"), 1e18, -1e18])
async def test_a_file_with_times_that_cannot_be_is_read(autojump_clock, wall, store, ahead):
    async with news(store) as topic:
        await topic.publish("x")
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("UPDATE events SET at = ?", (ahead,))
    async with news(store) as topic:
        assert remembered(topic) == (["x"] if ahead > 0 else [])
        await topic.publish("y")


# -- trio's clock -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_stored", [False, True])
@pytest.mark.parametrize("overflow", ["disconnect", "drop-oldest"])
async def test_a_machine_that_stood_still_erases_nothing_that_its_readers_are_not_told_of(
    autojump_clock, wall, store, is_stored, overflow
):
    """Should trio's clock have gone on: on most systems it stands still as well."""
    async with (
        opened(Topic("news", max_age=60, store=store if is_stored else None)) as topic,
        feed_of(topic, overflow=overflow) as feed,
        feed.stream_sse("/") as stream,
    ):
        await publish(topic, 1)
        assert await read(stream, 1) == ["1"]
        id = stream.last_event_id
        stream.stall()
        await publish(topic, 2, size=100_000)
        await publish(topic, 3)
        wall.now += DAY
        await trio.sleep(DAY)
        await publish(topic, 4)
        await stream.disconnect()
        assert await values(topic, id) == [gap(2), "4"]


async def publish(topic, number, size=0):
    await topic.publish(str(number).ljust(size))
