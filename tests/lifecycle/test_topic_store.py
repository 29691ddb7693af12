"""Topics with a store: written first and delivered then, and a history that goes on after a restart."""

import time
from contextlib import aclosing
from dataclasses import dataclass

import pytest
import trio
import trio.testing

from chirp_trio import Comment, SQLiteStore, SSEEvent, Topic, merge
from chirp_trio.testing.clock import clock_held_for_threads
from chirp_trio.threads import handler_threads
from chirp_trio.topics.published import encode_published
from chirp_trio.topics.topic import audience_of
from tests.cases import each_case
from tests.lifecycle.feeds import feed_of, read
from tests.lifecycle.scenes import tasks
from tests.lifecycle.stores import halted, opened, remembered, rows, values


@pytest.fixture
def store(tmp_path):
    return SQLiteStore(tmp_path / "topics.db")


# -- restarts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seen", range(5))
async def test_who_comes_back_after_a_restart_gets_what_it_has_missed_and_then_what_is_new(autojump_clock, store, seen):
    async with opened(Topic("news", store=store)) as topic:
        ids = [topic.cursor, *[await topic.publish(text) for text in "1234"]]
    async with (
        opened(Topic("news", store=store)) as topic,
        feed_of(topic) as feed,
        feed.stream_sse("/", last_event_id=ids[seen]) as stream,
    ):
        await topic.publish("5")
        assert await read(stream, 5 - seen) == ["1", "2", "3", "4", "5"][seen:]


async def test_the_cursor_of_a_topic_to_which_nothing_was_ever_published_outlives_any_number_of_starts(autojump_clock, store):
    async with opened(Topic("news", store=store)) as topic:
        cursor = topic.cursor
    for _ in range(3):
        async with opened(Topic("news", store=store)) as topic:
            assert await values(topic, cursor) == []
    async with opened(Topic("news", store=store)) as topic:
        await topic.publish("first")
        assert await values(topic, cursor) == ["first"]


async def test_ids_of_all_starts_are_good_for_what_came_after_them(autojump_clock, store):
    ids = []
    for start in range(5):
        async with opened(Topic("news", store=store)) as topic:
            ids += [await topic.publish([start, number]) for number in range(3)]
    async with opened(Topic("news", store=store)) as topic:
        everything = [[start, number] for start in range(5) for number in range(3)]
        for place, id in enumerate(ids):
            assert await values(topic, id) == everything[place + 1 :]
        assert rows(store, "SELECT count(*) FROM epochs") == [6]


async def test_starts_to_which_nothing_was_published_leave_nothing_in_the_file(autojump_clock, store):
    for _ in range(20):
        async with opened(Topic("news", store=store)):
            pass
    assert rows(store, "SELECT count(*) FROM epochs") == [2]


async def test_an_id_of_another_topic_in_the_same_file_is_nobodys(autojump_clock, store):
    async with opened(Topic("a", store=store)) as a, opened(Topic("b", store=store)) as b:
        ids = [await a.publish("a"), await b.publish("b")]
    async with opened(Topic("a", store=store)) as a, opened(Topic("b", store=store)) as b:
        assert (remembered(a), remembered(b)) == (["a"], ["b"])
        assert await values(a, ids[1]) == [{"topic": "a", "missed": None}]
        assert await values(b, ids[1]) == []


async def test_one_id_for_several_topics_outlives_a_restart(autojump_clock, store):
    async with opened(Topic("a", store=store)) as a, opened(Topic("b", store=store)) as b:
        events = aiter(merge(a.subscribe(), b.subscribe()))
        await a.publish("a1")
        await b.publish("b1")
        here = [(await anext(events)).id for _ in range(2)][-1]
        await events.aclose()
        await a.publish("a2")
    async with opened(Topic("a", store=store)) as a, opened(Topic("b", store=store)) as b:
        await b.publish("b2")
        events = aiter(merge(a.subscribe(here), b.subscribe(here)))
        assert [(await anext(events)).value for _ in range(2)] == ["a2", "b2"]
        await events.aclose()


async def test_the_same_topic_can_be_opened_again(autojump_clock, store):
    topic = Topic("news", store=store)
    async with opened(topic):
        id = await topic.publish("1")
        changes = topic.presence()
    assert topic.is_closed
    assert [change async for change in changes] == []
    async with opened(topic), feed_of(topic) as feed, aclosing(topic.presence()) as changes, trio.open_nursery() as nursery:
        nursery.start_soon(anext, changes)
        await trio.testing.wait_all_tasks_blocked()
        async with feed.stream_sse("/", last_event_id=id) as stream:
            await topic.publish("2")
            assert await read(stream, 1) == ["2"]


# -- what is kept -------------------------------------------------------------------------------------------------------


@dataclass
class Point:
    x: int


VALUES = [
    pytest.param("text", "text", id="text"),
    pytest.param("", "", id="empty"),
    pytest.param("two\nlines \0 and \u2028 ß", "two\nlines \0 and \u2028 ß", id="strange text"),
    pytest.param({"a": [1, 2.5, None, True]}, {"a": [1, 2.5, None, True]}, id="JSON"),
    pytest.param(7, 7, id="a number"),
    pytest.param(None, None, id="null"),
    pytest.param(Point(3), {"x": 3}, id="a dataclass"),
    pytest.param([(1, 2)], [[1, 2]], id="what is not quite JSON"),
    pytest.param(float("nan"), None, id="what JSON has not"),
    pytest.param(Comment("psst"), Comment("psst"), id="a comment"),
    pytest.param(SSEEvent("x"), "x", id="an event that is nothing but its data"),
    pytest.param(SSEEvent({"a": 1}, event="e"), SSEEvent({"a": 1}, event="e"), id="a name"),
    pytest.param(SSEEvent("7", event=""), SSEEvent("7", event=""), id="an empty name"),
    pytest.param(SSEEvent(7, retry=0), SSEEvent(7, retry=0), id="a retry"),
]


@pytest.mark.parametrize(("value", "seen"), VALUES)
async def test_an_event_is_the_same_to_filters_and_clients_when_it_is_published_and_after_a_restart(
    autojump_clock, store, value, seen
):
    sent = []
    for _ in range(2):
        async with opened(Topic("news", store=store)) as topic:
            if not sent:
                await topic.publish(value)
            [event] = audience_of(topic).log.since(0, 10)
            assert event.value == seen
            assert type(event.value) is type(seen)
            sent.append((event.id, event.number, event.event, encode_published(event, "update", None)))
    assert sent[0] == sent[1]


async def test_what_extends_text_or_a_number_is_kept_as_what_it_extends(autojump_clock, store):
    class Markup(str):
        __slots__ = ()

    class Milliseconds(int):
        pass

    async with opened(Topic("news", store=store)) as topic:
        await topic.publish(SSEEvent(Markup("<b>"), event=Markup("e"), retry=Milliseconds(5)))
        assert type(audience_of(topic).log.since(0, 1)[0].value.data) is str
    async with opened(Topic("news", store=store)) as topic:
        assert remembered(topic) == [SSEEvent("<b>", event="e", retry=5)]


async def test_json_that_could_not_be_read_again_is_refused(autojump_clock, store):
    async def publish_deeper_and_deeper(topic):
        depth = 10_000  # where it is too much depends on the machine
        while depth < 10**9:
            value: object = 1
            for _ in range(depth):
                value = [value]
            await topic.publish(value)
            depth = depth * 5 // 4

    async with opened(Topic("news", store=store, history=1)) as topic:
        with pytest.raises(ValueError, match=r"nested (so|too) deeply"):
            await publish_deeper_and_deeper(topic)
        await topic.publish("next")
        assert remembered(topic) == ["next"]


@pytest.mark.parametrize(
    ("bounds", "left"),
    [({"history": 3}, ["7", "8", "9"]), ({"history_bytes": 150}, ["7", "8", "9"]), ({"history": 0}, [])],
    ids=["number", "bytes", "none"],
)
async def test_the_bounds_hold_in_the_file_as_well(autojump_clock, store, bounds, left):
    async with opened(Topic("news", store=store, **bounds)) as topic:
        texts = [f"{number}".ljust(20) for number in range(10)]
        ids = [topic.cursor, *[await topic.publish(text) for text in texts]]
        assert len(rows(store)) <= len(left) + 1, "what the last batch has pushed out goes with the next one"
    async with opened(Topic("news", store=store, **bounds)) as topic:
        assert [value.strip() for value in remembered(topic)] == left
        assert len(rows(store)) == len(left)
        assert await values(topic, ids[10]) == []
        assert (await values(topic, ids[2]))[0] == {"topic": "news", "missed": 8 - len(left)}


async def test_a_bound_may_be_another_one_after_a_restart(autojump_clock, store):
    async with opened(Topic("news", store=store)) as topic:
        for number in range(10):
            await topic.publish(number)
    async with opened(Topic("news", store=store, history=4)) as topic:
        assert remembered(topic) == [6, 7, 8, 9]
    assert rows(store) == [7, 8, 9, 10]


async def test_age_goes_on_while_nobody_is_there(autojump_clock, store, monkeypatch):
    wall = time.time()
    monkeypatch.setattr(time, "time", lambda: wall + trio.current_time())
    async with opened(Topic("news", store=store, max_age=100)) as topic:
        await topic.publish("old")
        await trio.sleep(60)
        await topic.publish("young")
    wall += 50  # while no process runs
    async with opened(Topic("news", store=store, max_age=100)) as topic:
        assert remembered(topic) == ["young"]
        assert audience_of(topic).log.since(0, 1)[0].at == trio.current_time() - 50
        await trio.sleep(51)
        assert await values(topic, replay=10) == []


async def test_a_wall_clock_that_was_set_back_makes_nothing_younger_than_it_can_be(autojump_clock, store, monkeypatch):
    async with opened(Topic("news", store=store, max_age=100)) as topic:
        await topic.publish("x")
    monkeypatch.setattr(time, "time", lambda: 0.0)
    async with opened(Topic("news", store=store, max_age=100)) as topic:
        assert [event.at for event in audience_of(topic).log.since(0, 1)] == [trio.current_time()]


# -- publishing ---------------------------------------------------------------------------------------------------------


async def test_nobody_gets_an_event_before_it_is_written(autojump_clock, store):
    async with opened(Topic("news", store=store)) as topic, feed_of(topic) as feed, feed.stream_sse("/") as stream:
        cursor = topic.cursor
        with halted(store):
            id = topic.publish_nowait("x")
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert (topic.cursor, stream.events) == (cursor, [])
        event = await stream.next_event()
        assert (event.id, event.data, topic.cursor) == (id, "x", id)
        assert rows(store) == [1]


async def test_publish_returns_when_the_event_is_written_and_in_the_log(autojump_clock, store):
    async with opened(Topic("news", store=store)) as topic, trio.open_nursery() as nursery:
        with halted(store):
            cursor = topic.cursor
            with trio.move_on_after(0):
                await topic.publish("never begun")
            with trio.CancelScope() as scope:
                nursery.start_soon(cancel_when_all_is_quiet, scope)
                await topic.publish("given up, but on its way")
            assert (scope.cancelled_caught, topic.cursor) == (True, cursor)
        id = await topic.publish("x")
        assert (topic.cursor, remembered(topic)) == (id, ["given up, but on its way", "x"])


async def cancel_when_all_is_quiet(scope):
    await trio.testing.wait_all_tasks_blocked()
    scope.cancel()


async def test_what_comes_while_something_is_written_is_written_in_one_transaction(autojump_clock, store, monkeypatch):
    batches = []
    async with opened(Topic("news", store=store)) as topic:
        database = topic._journal._database
        write = database.write
        monkeypatch.setattr(database, "write", lambda batch: batches.append(len(batch.rows)) or write(batch))
        with halted(store):
            topic.publish_nowait("first")
            await trio.testing.wait_all_tasks_blocked(0.01)
            for number in range(500):
                topic.publish_nowait(number)
        await topic.publish("last")
        assert remembered(topic) == ["first", *range(500), "last"]
    assert batches == [1, 501]


async def test_a_thousand_publishers_at_once_keep_the_order_in_which_they_came(autojump_clock, store):
    order = []

    async def publish(topic, number):
        order.append((await topic.publish(number), number))

    async with opened(Topic("news", store=store)) as topic:
        async with trio.open_nursery() as nursery:
            for number in range(1000):
                nursery.start_soon(publish, topic, number)
        assert [(event.id, event.value) for event in audience_of(topic).log.since(0, 1000)] == sorted(
            order, key=lambda pair: int(pair[0].partition("-")[2])
        )


@pytest.mark.parametrize("bound", [{"max_waiting": 5}, {"max_waiting_bytes": 5 * len("id: 0123456789ab-1\ndata: 0\n\n")}])
async def test_when_too_much_waits_publish_nowait_raises_and_publish_waits(autojump_clock, tmp_path, bound):
    store = SQLiteStore(tmp_path / "topics.db", **bound)
    async with opened(Topic("news", store=store)) as topic, trio.open_nursery() as nursery:
        with halted(store):
            for number in range(5):
                topic.publish_nowait(number)
            limits = f"max_waiting={store.max_waiting} events and max_waiting_bytes={store.max_waiting_bytes}"
            with pytest.raises(
                trio.WouldBlock,
                match=rf"'news': 5 events of \d+ bytes wait to be written; its SQLiteStore allows {limits};.*topic.publish",
            ):
                topic.publish_nowait("too much")
            for number in range(5, 15):
                nursery.start_soon(topic.publish, number)
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert remembered(topic) == []
        while len(audience_of(topic).log) < 15:
            await trio.testing.wait_all_tasks_blocked(0.01)
        assert sorted(remembered(topic)) == list(range(15))


async def test_one_event_may_be_larger_than_all_that_may_wait(autojump_clock, tmp_path):
    async with opened(Topic("news", store=SQLiteStore(tmp_path / "topics.db", max_waiting_bytes=10))) as topic:
        await topic.publish("x" * 1000)
        assert remembered(topic) == ["x" * 1000]


async def test_a_large_batch_lets_others_run(autojump_clock, store):
    turns = 0

    async def count():
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += bool(0 < len(audience_of(topic).log) < 5000)

    async with opened(Topic("news", store=store, history=5000)) as topic, trio.open_nursery() as nursery:
        for number in range(4999):
            topic.publish_nowait(number)
        nursery.start_soon(count)
        await topic.publish("last")
        nursery.cancel_scope.cancel()
    assert turns > 40


async def test_a_thread_can_publish(autojump_clock, store):
    async with opened(Topic("news", store=store)) as topic:
        id = await trio.to_thread.run_sync(topic.publish_from_thread, "x")
        await topic.publish("y")
        assert [event.id for event in audience_of(topic).log.since(0, 1)] == [id]


async def test_threads_of_handlers_hold_up_nothing(autojump_clock, store):
    async with opened(Topic("news", store=store)) as topic, trio.open_nursery() as nursery:
        for limiter in (trio.to_thread.current_default_thread_limiter(), handler_threads()):
            for _ in range(int(limiter.total_tokens)):
                await limiter.acquire_on_behalf_of(object())
        await topic.publish("written all the same")
        nursery.cancel_scope.cancel()


# -- opening and closing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "use",
    [
        lambda topic: topic.publish_nowait("x"),
        lambda topic: topic.subscribe(),
        lambda topic: topic.cursor,
    ],
    ids=["publish", "subscribe", "cursor"],
)
async def test_a_topic_that_is_not_open_says_how_to_open_it(store, use):
    with pytest.raises(
        RuntimeError, match=r"'news' has a store, and is not open: use `async with topic:`, or make it with app"
    ):
        use(Topic("news", store=store))


async def test_publishing_to_a_topic_that_is_not_open_is_no_less_an_error_with_await(store):
    with pytest.raises(RuntimeError, match="not open"):
        await Topic("news", store=store).publish("x")


async def test_what_waits_is_written_and_delivered_when_the_block_is_left(autojump_clock, store):
    async with trio.open_nursery() as nursery:
        got = []

        async def read(subscription):
            got.extend([event.value async for event in subscription])

        async with opened(Topic("news", store=store)) as topic:
            nursery.start_soon(read, topic.subscribe())
            await trio.testing.wait_all_tasks_blocked()
            for number in range(300):
                topic.publish_nowait(number)
        with pytest.raises(trio.ClosedResourceError):
            topic.publish_nowait("late")
    assert got == list(range(300))
    assert rows(store) == list(range(1, 301))


async def test_cancelling_the_owner_writes_what_waits(autojump_clock, store):
    before = tasks()
    with trio.CancelScope() as scope:
        async with opened(Topic("news", store=store)) as topic:
            await topic.publish("1")
            for number in range(2, 300):
                topic.publish_nowait(number)
            scope.cancel()
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert rows(store) == list(range(1, 300))
    assert tasks() == before


async def test_cancelling_the_owner_while_something_is_written_writes_everything_once(autojump_clock, store):
    scope = trio.CancelScope()
    topic = Topic("news", store=store)

    async def own(task_status):
        with scope:
            async with topic:
                task_status.started()
                await trio.sleep_forever()

    with clock_held_for_threads():
        async with trio.open_nursery() as nursery:
            await nursery.start(own)
            with halted(store):
                topic.publish_nowait("1")
                topic.publish_nowait("2")
                await trio.testing.wait_all_tasks_blocked(0.01)
                topic.publish_nowait("3")
                scope.cancel()
                await trio.testing.wait_all_tasks_blocked(0.01)
                assert remembered(topic) == []
    assert remembered(topic) == ["1", "2", "3"]
    assert rows(store) == [1, 2, 3]


async def test_a_topic_that_is_closed_delivers_what_waits_and_then_ends(autojump_clock, store):
    async with opened(Topic("news", store=store)) as topic, trio.open_nursery() as nursery:
        got = []

        async def read(subscription):
            got.extend([event.value async for event in subscription])
            got.append("end")

        nursery.start_soon(read, topic.subscribe())
        nursery.start_soon(read, merge(topic.subscribe()))
        await trio.testing.wait_all_tasks_blocked()
        with halted(store):
            topic.publish_nowait("x")
            topic.close()
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert got == []
            with pytest.raises(trio.ClosedResourceError):
                topic.publish_nowait("late")
    assert sorted(got) == ["end", "end", "x", "x"]


async def test_who_waits_for_room_when_the_topic_is_closed_is_told_so(autojump_clock, tmp_path):
    store = SQLiteStore(tmp_path / "topics.db", max_waiting=1)

    async def publish():
        with pytest.raises(trio.ClosedResourceError):
            await topic.publish("too late")

    async with opened(Topic("news", store=store)) as topic, trio.open_nursery() as nursery:
        with halted(store):
            topic.publish_nowait("x")
            nursery.start_soon(publish)
            await trio.testing.wait_all_tasks_blocked(0.01)
            topic.close()
            await trio.testing.wait_all_tasks_blocked(0.01)


async def test_what_the_block_raises_comes_out_as_it_is(autojump_clock, store):
    error = ValueError("mine")

    async def block():
        async with opened(Topic("news", store=store)) as topic:
            topic.publish_nowait("x")
            raise error

    with pytest.raises(ValueError, match="mine") as raised:
        await block()
    assert raised.value is error
    assert rows(store) == [1]


@pytest.mark.parametrize("is_stored", [True, False])
async def test_a_topic_is_opened_once_at_a_time(autojump_clock, store, is_stored):
    topic = Topic("news", store=store if is_stored else None)
    async with opened(topic):
        with pytest.raises(RuntimeError, match="the topic 'news' is open already"):
            async with topic:
                pass
        await topic.publish("still open")
    assert topic.is_closed


@pytest.mark.parametrize("leaves_first", [0, 1])
async def test_with_several_owners_the_last_one_closes(autojump_clock, store, leaves_first):
    topic = Topic("news", store=store)
    leave = [trio.Event(), trio.Event()]

    async def own(number, task_status):
        async with audience_of(topic).opened():
            task_status.started()
            await leave[number].wait()

    with clock_held_for_threads():
        async with trio.open_nursery() as nursery:
            await nursery.start(own, 0)
            await nursery.start(own, 1)
            await topic.publish("1")
            with halted(store):
                topic.publish_nowait("2")
                await trio.testing.wait_all_tasks_blocked(0.01)
                leave[leaves_first].set()
                await trio.testing.wait_all_tasks_blocked(0.01)
            await topic.publish("3")
            assert not topic.is_closed
            leave[1 - leaves_first].set()
    assert topic.is_closed
    assert rows(store) == [1, 2, 3]


async def test_an_owner_that_comes_while_the_last_one_leaves_finds_it_open(autojump_clock, store):
    topic = Topic("news", store=store)
    with clock_held_for_threads():
        for _ in range(3):
            async with trio.open_nursery() as nursery:

                async def come():
                    async with audience_of(topic).opened():
                        await topic.publish("x")

                async with audience_of(topic).opened():
                    await topic.publish("x")
                    nursery.start_soon(come)
                    nursery.start_soon(come)
    assert rows(store) == list(range(1, 10))


async def test_a_topic_without_a_store_is_closed_at_the_end_of_its_block():
    async with Topic("news") as topic:
        topic.publish_nowait("x")
    assert topic.is_closed


@each_case("store", ["topics.db", 7])
def test_a_store_is_a_store(store):
    with pytest.raises(TypeError, match=r"store is .*; it must be a Store, such as a SQLiteStore, or None"):
        Topic("news", store=store)


def test_the_name_of_a_topic_has_to_fit_into_the_file(store):
    with pytest.raises(ValueError, match="surrogate"):
        Topic("\ud800", store=store)
    Topic("\ud800")


async def test_a_stream_ends_with_what_is_written_after_its_topic_was_closed(autojump_clock, store):
    async with opened(Topic("news", store=store)) as topic, feed_of(topic) as feed, feed.stream_sse("/") as stream:
        await trio.sleep(1)
        topic.publish_nowait("last")
        topic.close()
        assert await read(stream, 1) == ["last"]
        with pytest.raises(StopAsyncIteration):
            await stream.next_event(timeout=5)
