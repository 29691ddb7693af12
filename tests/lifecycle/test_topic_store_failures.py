"""Topics whose store does not do what it should: nobody is told of what may be gone, and nobody misses anything unawares."""

import logging
import resource
import shutil
import sqlite3
import threading
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from chirp_trio import App, AppConfig, Fragment, SQLiteStore, StoreError, Topic
from chirp_trio.topics.topic import audience_of
from tests.lifecycle.feeds import feed_of, read
from tests.lifecycle.stores import halted, locked, opened, remembered, rows, values

TEMPLATES = Path(__file__).parents[1] / "web" / "templates"


@pytest.fixture
def store(tmp_path):
    return SQLiteStore(tmp_path / "topics.db", timeout=0)


def gap(missed):
    return {"topic": "news", "missed": missed}


async def lose(topic, store, count):
    """Publish so many events that cannot be written, in one batch; what publishing them has returned."""
    with locked(store):
        ids = [topic.publish_nowait("lost") for _ in range(count)]
        while not topic._journal.is_empty:
            await trio.testing.wait_all_tasks_blocked(0.001)
    return ids


# -- what is not written ------------------------------------------------------------------------------------------------


async def test_publish_raises_what_is_wrong_and_the_next_one_works(autojump_clock, store):
    async with opened(Topic("news", store=store)) as topic:
        await topic.publish("1")
        with locked(store), pytest.raises(StoreError, match=r"'news' in .*topics\.db cannot be written: database is locked"):
            await topic.publish("lost")
        await topic.publish("2")
        assert remembered(topic) == ["1", gap(1), "2"]


async def test_what_nobody_waited_for_is_logged_once_for_a_batch(autojump_clock, store, caplog):
    async with opened(Topic("news", store=store)) as topic:
        await lose(topic, store, 20)
    [record] = caplog.records
    assert (record.name, record.levelno) == ("chirp_trio.topics", logging.ERROR)
    assert record.getMessage().startswith("20 events were lost, because they could not be written: the topic 'news' in ")


async def test_each_publisher_of_a_batch_is_told(autojump_clock, store):
    errors = []

    async def publish():
        try:
            await topic.publish("lost")
        except StoreError as error:
            errors.append(error)

    async with opened(Topic("news", store=store)) as topic:
        with locked(store):
            async with trio.open_nursery() as nursery:
                for _ in range(10):
                    nursery.start_soon(publish)
    assert len({id(error) for error in errors}) == 10


async def test_subscribers_get_one_gap_in_its_place_and_go_on(autojump_clock, store):
    async with (
        opened(Topic("news", store=store)) as topic,
        feed_of(topic) as pushed,
        feed_of(topic, filter=lambda value: value != "unwanted") as filtered,
        feed_of(topic, buffer=2, overflow="latest", key=len) as latest,
        pushed.stream_sse("/") as one,
        filtered.stream_sse("/") as two,
        latest.stream_sse("/") as three,
    ):
        await topic.publish("1")
        await lose(topic, store, 20)
        await topic.publish("unwanted")
        id = await topic.publish("2")
        assert await read(one, 4) == ["1", ("gap", 20), "unwanted", "2"]
        assert await read(two, 3) == ["1", ("gap", 20), "2"]
        assert await read(three, 4) == ["1", ("gap", 20), "unwanted", "2"]
        assert {stream.last_event_id for stream in (one, two, three)} == {id}


async def test_what_comes_while_a_batch_fails_is_written_and_has_the_ids_that_it_was_given(
    autojump_clock, store, monkeypatch
):
    async with opened(Topic("news", store=store)) as topic:
        ids = [await topic.publish("1")]
        database = topic._journal._database
        write = database.write

        def fail(batch):
            monkeypatch.setattr(database, "write", write)
            with locked(store):
                write(batch)

        monkeypatch.setattr(database, "write", fail)
        with halted(store):
            ids += [topic.publish_nowait("lost") for _ in range(5)]
            await trio.testing.wait_all_tasks_blocked(0.01)
            ids += [topic.publish_nowait(text) for text in "23"]
        ids.append(await topic.publish("4"))
        assert remembered(topic) == ["1", gap(5), "2", "3", "4"]
        shown = [event.id for event in audience_of(topic).log.since(0, 10)]
        assert shown == [ids[0], f"{ids[5]},{ids[0]}", *ids[6:]], "the gap was told of before it was in the file"
        assert [event.number for event in audience_of(topic).log.since(0, 10)] == [1, 2, 3, 4, 5]


async def check_ids(topic, before, lost, after):
    """What came back with each of these ids: before the loss, in it, and after it."""
    assert await values(topic, before) == [gap(len(lost)), "2", "3"]
    assert await values(topic, lost[-1]) == ["2", "3"], "the id of the gap"
    for id in lost[:-1]:
        assert await values(topic, id) == [gap(None)], "nobody has ever had it"
    assert await values(topic, after) == ["3"]


async def test_ids_are_good_around_what_was_lost_also_after_a_restart(autojump_clock, store):
    async with opened(Topic("news", store=store)) as topic:
        before = await topic.publish("1")
        lost = await lose(topic, store, 5)
        after = [await topic.publish(text) for text in "23"]
        assert len({before, *lost, *after}) == 8
        await check_ids(topic, before, lost, after[0])
    for _ in range(2):
        async with opened(Topic("news", store=store)) as topic:
            await check_ids(topic, before, lost, after[0])


async def test_one_loss_after_the_other(autojump_clock, store):
    async with opened(Topic("news", store=store)) as topic:
        before = await topic.publish("1")
        losses = [await lose(topic, store, count) for count in (3, 1, 4)]
        await topic.publish("2")
        last = await lose(topic, store, 2)
        expected = [gap(3), gap(1), gap(4), "2", gap(2)]
        assert await values(topic, before) == expected
        for place, lost in enumerate(losses):
            assert await values(topic, lost[-1]) == expected[place + 1 :]
    async with opened(Topic("news", store=store)) as topic:
        assert await values(topic, before) == expected[:-1]
        assert await values(topic, last[-1]) == [gap(None)], "it was told to some, and is not in the file"


async def test_losses_without_end_take_no_more_room_than_the_history(autojump_clock, store):
    async with opened(Topic("news", store=store, history=3)) as topic:
        await topic.publish("1")
        for _ in range(10):
            await lose(topic, store, 2)
        journal = topic._journal  # of which nothing is forgotten before the next thing comes
        assert (len(audience_of(topic).log), len(journal._gaps), len(audience_of(topic).history.epochs.all)) == (3, 4, 5)
        await topic.publish("2")
    async with opened(Topic("news", store=store, history=3)) as topic:
        assert remembered(topic) == [gap(2), gap(2), "2"]


async def test_a_gap_that_is_skipped_counts_for_all_that_is_missing_in_it(autojump_clock, store):
    async with opened(Topic("news", store=store)) as topic:
        dropping = topic.subscribe(buffer=1, overflow="drop-oldest")
        latest = topic.subscribe(buffer=10, overflow="latest", key=lambda value: "all")
        one = topic.subscribe(buffer=1, overflow="latest", key=lambda value: "all")
        await topic.publish("1")
        await lose(topic, store, 5)
        await topic.publish("2")
        await topic.publish("3")
        topic.close()
        assert [event.value async for event in dropping] == [gap(7), "3"]
        assert [event.value async for event in latest] == ["1", gap(5), "2", "3"]
        assert [event.value async for event in one] == [gap(7), "3"]
        assert (dropping.dropped, one.dropped) == (7, 7)


# -- why ----------------------------------------------------------------------------------------------------------------


async def test_a_topic_that_another_process_has_opened_says_so(autojump_clock, store, caplog):
    async with opened(Topic("news", store=store)) as first:
        id = await first.publish("1")
        async with opened(Topic("news", store=store)) as second:
            for _ in range(2):
                with pytest.raises(
                    StoreError, match="has been taken over: another process, or another Topic of the same name"
                ):
                    await first.publish("lost")
            await second.publish("2")
            assert await values(first, id) == [gap(1), gap(1)]
            assert await values(second, id) == ["2"]
        with pytest.raises(StoreError, match="taken over"):
            await first.publish("lost")
    async with opened(Topic("news", store=store)) as third:
        assert await values(third, id) == ["2"]


async def test_another_topic_in_the_same_file_is_taken_over_by_nobody(autojump_clock, store):
    async with opened(Topic("news", store=store)) as news, opened(Topic("sport", store=store)) as sport:
        await news.publish("1")
        await sport.publish("1")
        assert (remembered(news), remembered(sport)) == (["1"], ["1"])


def remove(path, is_replaced):
    Path(path).unlink()
    if is_replaced:
        Path(path).touch()


@pytest.mark.parametrize("suffix", ["", "-wal"])
@pytest.mark.parametrize("is_replaced", [False, True])
async def test_a_file_that_was_removed_is_noticed(autojump_clock, store, suffix, is_replaced):
    async with opened(Topic("news", store=store)) as topic:
        await topic.publish("1")
        remove(f"{store.path}{suffix}", is_replaced)
        with pytest.raises(StoreError, match="has lost its file: it was removed or replaced"):
            await topic.publish("lost")


async def test_a_file_that_may_not_be_written_to(autojump_clock, store):
    async with opened(Topic("news", store=store)) as topic:
        topic._journal._database._connection.execute("PRAGMA query_only = ON")
        with pytest.raises(StoreError, match="readonly database"):
            await topic.publish("lost")


@contextmanager
def full_disk(path):
    """No file of this process can grow beyond the size that this one has."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (Path(path).stat().st_size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


async def test_a_disk_that_is_full_loses_what_does_not_fit_and_nothing_else(autojump_clock, store):
    async with opened(Topic("news", store=store)) as topic:
        before = await topic.publish("1")
        with (
            full_disk(f"{store.path}-wal"),
            pytest.raises(StoreError, match=r"cannot be written: (database or disk is full|disk I/O)"),
        ):
            await topic.publish("x" * 1_000_000)
        await topic.publish("2")
        assert await values(topic, before) == [gap(1), "2"]
    async with opened(Topic("news", store=store)) as topic:
        assert await values(topic, before) == [gap(1), "2"]


async def test_a_disk_that_does_not_answer_holds_up_the_end_for_ten_seconds(autojump_clock, store, caplog):
    errors = []

    async def publish():
        try:
            await topic.publish("given up")
        except StoreError as error:
            errors.append(str(error))

    async with opened(Topic("news", store=store)) as topic:
        await topic.publish("1")
    async with trio.open_nursery() as nursery:
        with halted(store):
            store._turns.release()
            async with topic:
                store._turns.acquire()
                nursery.start_soon(publish)
                topic.publish_nowait("given up")
                await trio.testing.wait_all_tasks_blocked()
                topic.publish_nowait("given up, too")
                began = trio.current_time()
            assert trio.current_time() - began == 11
    assert errors == ["the topic 'news' was closed, and its store did not answer in time"]
    assert sum(int(record.getMessage().partition(" events")[0]) for record in caplog.records) == 3
    with store._turns:
        pass
    assert rows(store) == [1], "a thread that was given up does nothing when it can"


async def test_a_topic_can_be_opened_again_though_its_file_has_yet_to_be_closed(autojump_clock, store):
    late, done = threading.Event(), threading.Event()
    topic = Topic("news", store=store)
    async with topic:
        close = topic._journal._database.close

        def close_late():
            late.wait(10)
            close()
            done.set()

        topic._journal._database.close = close_late
    assert not done.is_set()
    async with opened(topic):
        await topic.publish("1")
        late.set()
        while not done.is_set():
            await trio.testing.wait_all_tasks_blocked(0.001)
        await topic.publish("2")
        assert remembered(topic) == ["1", "2"]


# -- what cannot be opened ----------------------------------------------------------------------------------------------


def no_folder(path):
    path.parent.rmdir()


def a_folder(path):
    path.mkdir()


def no_database(path):
    path.write_text("I am a letter." * 1000)


def something_elses(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")


def of_a_newer_version(path):
    trio.run(open_once, path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def damaged(path):
    trio.run(open_once, path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE events")


def unreadable(path):
    trio.run(open_once, path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE events SET kind = 'json', data = '{'")


async def open_once(path):
    async with Topic("news", store=SQLiteStore(path)) as topic:
        await topic.publish("1")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (no_folder, r"cannot be opened: there is no folder '.*'"),
        (a_folder, r"cannot be opened: unable to open database file"),
        (no_database, r"cannot be opened: file is not a database"),
        (something_elses, r"cannot be opened: the file is another program's database; give the store another path"),
        (of_a_newer_version, r"cannot be opened: the file was written by a newer version of chirp_trio"),
        (damaged, r"cannot be opened: no such table: events"),
        (unreadable, r"its event 1 cannot be read: Expecting property name"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_when_the_topic_is_opened(tmp_path, spoil, message):
    path = tmp_path / "folder" / "topics.db"
    path.parent.mkdir()
    spoil(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StoreError, match=rf"the topic 'news'.*{message}"):
        trio.run(open_once, path)
    assert (path.read_bytes() if path.is_file() else None) == before
    if spoil is no_folder:
        path.parent.mkdir()
        trio.run(open_once, path)


async def test_a_file_that_is_locked_when_the_topic_is_opened(autojump_clock, store):
    async with opened(Topic("news", store=store)):
        pass
    topic = Topic("news", store=store)
    with locked(store), pytest.raises(StoreError, match="cannot be opened: database is locked"):
        async with opened(topic):
            pass
    async with opened(topic):
        await topic.publish("1")


async def test_what_lies_before_a_hole_in_the_file_is_not_taken_for_what_lies_after_it(autojump_clock, store):
    async with opened(Topic("news", store=store)) as topic:
        ids = [await topic.publish(number) for number in range(6)]
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("DELETE FROM events WHERE number = 3")
    async with opened(Topic("news", store=store)) as topic:
        assert await values(topic, ids[0]) == [gap(2), 3, 4, 5]


async def test_fragments_are_read_by_a_topic_without_templates_too(autojump_clock, store):
    app = App(AppConfig(template_dir=TEMPLATES))
    async with opened(app.topic("news", store=store)) as topic:
        await topic.publish(Fragment("page.html", "list", items=[1]))
        rendered = await values(topic, None, replay=1)
    async with opened(Topic("news", store=store)) as topic:
        assert await values(topic, None, replay=1) == rendered


# -- power cuts ---------------------------------------------------------------------------------------------------------


async def test_an_id_that_a_power_cut_has_taken_back_gives_a_gap_also_when_its_number_was_given_again(
    autojump_clock, store, tmp_path
):
    after = SQLiteStore(tmp_path / "after.db")
    async with opened(Topic("news", store=store)) as topic:
        ids = [await topic.publish(number) for number in range(3)]
        for suffix in ("", "-wal"):
            shutil.copy(f"{store.path}{suffix}", f"{after.path}{suffix}")
        ids += [await topic.publish(number) for number in range(3, 6)]
    async with opened(Topic("news", store=after)) as topic:
        assert await values(topic, ids[2]) == []
        assert await values(topic, ids[5]) == [gap(None)]
        for number in range(10):
            await topic.publish(f"anew {number}")
        for id in ids[3:]:
            assert (await values(topic, id, replay=1)) == [gap(None), "anew 9"]
        assert (await values(topic, ids[2]))[0] == "anew 0"
