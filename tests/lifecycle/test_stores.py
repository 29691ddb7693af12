"""Stores behind the seam: each plays the same scenes, and a store that breaks a promise is found."""

import pytest
import trio

from chirp_trio import SQLiteStore, Topic, merge
from chirp_trio.testing import check_store
from chirp_trio.topics import Journal, Record
from tests.lifecycle.feeds import client_of, feed_of, read
from tests.lifecycle.shared_memory import SharedJournal, SharedMemoryStore


async def test_a_file_is_a_store(autojump_clock, tmp_path):
    await check_store(SQLiteStore(tmp_path / "topics.db"))


async def test_a_store_of_somebody_elses_is_a_store(autojump_clock):
    await check_store(SharedMemoryStore())


def breaking(**methods):
    """A shared store whose journals do something else."""

    class Store(SharedMemoryStore):
        def journal(self, delivery):
            journal = super().journal(delivery)
            journal.__class__ = type("Broken", (SharedJournal,), methods)
            return journal

    return Store()


async def lose_every_tenth(self, record):
    if record.data.endswith("9"):
        return self.shelf.put(Record("text", "something else"))
    return self.shelf.put(record)


async def give_wrong_ids(self, record):
    return self.shelf.put(record) + "0"


async def do_not_wait(self, last_event_id):
    await Journal.find(self, last_event_id)


@pytest.mark.parametrize(
    ("methods", "scene"),
    [
        ({"publish": lose_every_tenth}, "Many publishers at once|An event of any kind|What is forgotten"),
        ({"publish": give_wrong_ids}, "Who comes back after any number of restarts"),
        ({"find": do_not_wait}, "A client that comes from another process"),
        ({"publish_nowait": lambda *_: ""}, "What was published without waiting"),
    ],
    ids=["other events", "wrong ids", "places are guessed", "lost"],
)
async def test_a_store_that_breaks_a_promise_is_found(autojump_clock, methods, scene):
    with pytest.raises(AssertionError, match=scene):
        await check_store(breaking(**methods), timeout=5)


async def test_an_event_stream_tells_a_client_its_place_once_that_is_found(autojump_clock):
    store = SharedMemoryStore()
    async with Topic("news", store=store) as here, Topic("news", store=store) as there, feed_of(there) as feed:
        id = await here.publish("had")
        async with feed.stream_sse("/", last_event_id=id) as stream:
            await here.publish("next")
            assert await read(stream, 1) == ["next"]
        async with feed.stream_sse("/", last_event_id="nobody's") as stream:
            assert await read(stream, 1) == [("gap", None)]


async def test_who_leaves_while_its_place_is_looked_for_is_gone(autojump_clock):
    async def find(self, last_event_id):
        await trio.sleep_forever()

    store = breaking(find=find)
    async with Topic("news", store=store) as topic:
        for subscription in (topic.subscribe("nobody's"), merge(topic.subscribe("nobody's"))):
            with trio.move_on_after(1) as scope:
                async for _ in subscription:
                    pytest.fail("nothing was published")
            assert scope.cancelled_caught
            assert topic.subscribers == 0


async def test_a_merged_stream_tells_a_client_its_place_once_that_is_found(autojump_clock):
    store = SharedMemoryStore()
    async with Topic("news", store=store) as here, Topic("news", store=store) as there:
        sport = Topic("sport")
        async with client_of(there, sport) as client:
            before = sport.cursor
            id = await here.publish("had")  # which has not come to the other one yet
            async with client.stream_sse("/", last_event_id=f"{id},{before}") as stream:
                await trio.sleep(1)
                assert stream.last_event_id == f"{id},{before}"
                await stream.disconnect()
            async with client.stream_sse("/", last_event_id=stream.last_event_id) as stream:
                await here.publish("next")
                assert await read(stream, 1) == ["next"]
