"""Stores behind the seam: each plays the same scenes, and a store that breaks a promise is found."""

from contextlib import asynccontextmanager, contextmanager, nullcontext

import pytest
import trio

from chirp_trio import SQLiteStore, Topic, merge
from chirp_trio.testing import check_store
from chirp_trio.topics import Epochs, Journal, Record, Store
from tests.lifecycle.feeds import client_of, feed_of, read
from tests.lifecycle.shared_memory import SharedJournal, SharedMemoryStore


async def test_a_file_is_a_store(autojump_clock, tmp_path):
    await check_store(SQLiteStore(tmp_path / "topics.db"))


async def test_a_store_of_somebody_elses_is_a_store(autojump_clock):
    await check_store(SharedMemoryStore())


class Hesitant(Store):
    """A store that takes a while to deliver the last event of a topic that was closed."""

    def journal(self, delivery):
        return HesitantJournal(delivery)


class HesitantJournal(Journal):
    is_empty = False

    def __init__(self, delivery):
        self.delivery = delivery

    @asynccontextmanager
    async def opened(self):
        self.delivery.begin(Epochs(), 0, [])
        yield
        self.delivery.close()
        await trio.sleep(5)
        self.is_empty = True
        self.delivery.wake()

    def publish_nowait(self, record):
        return self.delivery.deliver(record, 0.0)

    async def publish(self, record):
        return self.publish_nowait(record)


async def test_the_subscriptions_of_a_closed_topic_end_when_its_journal_wakes_them_and_not_before(autojump_clock):
    ended = []

    async def read_all(subscription):
        values = [event.value async for event in subscription]
        ended.append((trio.current_time(), values))

    async with trio.open_nursery() as nursery:
        async with Topic("news", store=Hesitant()) as topic:
            nursery.start_soon(read_all, topic.subscribe())
            await trio.sleep(1)
            topic.publish_nowait("one")
            began = trio.current_time()
        with trio.fail_after(1):
            while not ended:
                await trio.lowlevel.checkpoint()
    assert ended == [(began + 5, ["one"])]


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


def only_joins(self, member, count):
    if count:
        SharedJournal.count_here(self, member, count)


def count_together(self, member, count):
    self.shelf.journals[self][member] = count
    for journal in self.shelf.journals:
        journal.delivery.count_elsewhere(member, sum(counts[member] for counts in self.shelf.journals.values()))


def confuse_nobody(self, member, count):
    SharedJournal.count_here(self, member or None, count)


@pytest.mark.parametrize(
    ("methods", "scene"),
    [
        ({"publish": lose_every_tenth}, "Many publishers at once|An event of any kind|What is forgotten"),
        ({"publish": give_wrong_ids}, "A client that comes back after any number of restarts"),
        ({"find": do_not_wait}, "A client that comes from another process"),
        ({"publish_nowait": lambda *_: ""}, "What was published without waiting"),
        ({"count_here": lambda *_: None}, "each knows the members of all"),
        ({"count_here": only_joins}, "each knows the members of all"),
        ({"count_here": count_together}, "each knows the members of all"),
        ({"count_here": confuse_nobody}, "each knows the members of all"),
        ({"tell_of_others": lambda _: None}, "each knows the members of all"),
    ],
    ids=[
        *("other events", "wrong ids", "places are guessed", "lost", "nobody is told who is there", "nobody leaves"),
        *("own members count twice", "nobody is somebody", "who comes later is not told"),
    ],
)
async def test_a_store_that_breaks_a_promise_is_found(autojump_clock, methods, scene):
    with pytest.raises(AssertionError, match=scene):
        await check_store(breaking(**methods), timeout=5)


def hear_the_first_only(self, hear):
    return SharedMemoryStore.heard(self, hear) if not self.listeners else nullcontext()


@contextmanager
def go_on_hearing(self, hear):
    self.listeners[hear] = None
    yield


@contextmanager
def forget_who_fails(self, hear):
    self.listeners[hear] = None
    yield
    del self.listeners[hear]


@pytest.mark.parametrize(
    "methods",
    [
        {"tell": Store.tell},
        {"heard": Store.heard},
        {"heard": hear_the_first_only},
        {"heard": go_on_hearing},
        {"heard": forget_who_fails},
        {"tell": lambda self, notice: SharedMemoryStore.tell(self, notice.splitlines()[0])},
    ],
    ids=["nothing is told", "nobody hears", "one hears", "who left still hears", "who failed still hears", "half a notice"],
)
async def test_a_store_that_tells_something_else_is_found(autojump_clock, methods):
    store = type("Broken", (SharedMemoryStore,), methods)()
    with pytest.raises(AssertionError, match="A notice reaches all listeners"):
        await check_store(store, timeout=5)


async def test_a_store_that_tells_nothing_at_all_is_left_alone(autojump_clock):
    class Silent(SharedMemoryStore):
        tell, heard = Store.tell, Store.heard

        def journal(self, delivery):
            journal = super().journal(delivery)
            journal.__class__ = type("Silent", (SharedJournal,), {"count_here": Journal.count_here})
            return journal

    await check_store(Silent())


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
