"""Files that are lost, damaged or too large: what was being written is lost and told of, and everything else goes on."""

import logging
import shutil
import sqlite3
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path

import pytest
import trio
import trio.testing

from chirp_trio import Comment, SQLiteStore, SSEEvent, StoreError, Topic
from chirp_trio.testing.clock import clock_held_for_threads
from chirp_trio.topics.published import encode_published
from chirp_trio.topics.topic import audience_of
from chirp_trio.wire import HTML
from tests.lifecycle.feeds import feed_of, read
from tests.lifecycle.stores import locked, opened, remembered, rows, values


@pytest.fixture
def store(tmp_path):
    (tmp_path / "folder").mkdir()
    return SQLiteStore(tmp_path / "folder" / "topics.db", timeout=0)


def gap(missed):
    return {"topic": "news", "missed": missed}


def files(store):
    """The names beside the store's own, without those that SQLite has while it is open."""
    path = Path(store.path)
    return sorted(str(name) for name in path.parent.iterdir() if not name.name.startswith(path.name + "-") and name != path)


def content_of(path):
    return Path(path).read_bytes()


# -- files that are lost while they are open ----------------------------------------------------------------------------


def removed(path):
    path.unlink()


def removed_with_all(path):
    for name in list(path.parent.iterdir()):
        name.unlink()


def replaced_by_nothing(path):
    path.unlink()
    path.touch()


def replaced_by_a_copy(path):
    shutil.copy(path, f"{path}.copy")
    Path(f"{path}.copy").replace(path)


def emptied(path):
    path.write_bytes(b"")


def robbed_of_its_log(path):
    Path(f"{path}-wal").unlink()


def robbed_of_its_folder(path):
    shutil.rmtree(path.parent)
    path.parent.mkdir()


async def open_once(path, name="news"):
    with clock_held_for_threads():
        async with Topic(name, store=SQLiteStore(path)) as topic:
            await topic.publish("other")


LOST = [
    removed, removed_with_all, replaced_by_nothing, replaced_by_a_copy, emptied, robbed_of_its_log, robbed_of_its_folder,
]  # fmt: skip


@pytest.mark.parametrize("lose", LOST)
async def test_a_file_that_is_lost_costs_what_was_being_written_and_is_written_anew(autojump_clock, store, lose, caplog):
    async with (
        opened(Topic("news", store=store)) as news,
        opened(Topic("sport", store=store)) as sport,
        feed_of(news) as feed,
        feed.stream_sse("/") as stream,
    ):
        before = await news.publish("1")
        other = await sport.publish("one")
        lose(Path(store.path))
        with pytest.raises(StoreError, match=r"the topic 'news' in .* has lost its file: it was \w+.*; .* next event"):
            await news.publish("lost")
        after = await news.publish({"2": None})
        await sport.publish("two")
        await news.publish("3")
        assert await read(stream, 4) == ["1", ("gap", 1), '{"2":null}', "3"]
        assert [record.levelno for record in caplog.records] == [logging.ERROR], "one line"
        await stream.disconnect()
    async with opened(Topic("news", store=store)) as news, opened(Topic("sport", store=store)) as sport:
        assert remembered(news) == ["1", gap(1), {"2": None}, "3"]
        assert remembered(sport) == ["one", "two"]
        assert await values(news, before) == [gap(1), {"2": None}, "3"]
        assert await values(news, after) == ["3"]
        assert await values(sport, other) == ["two"]
    assert files(store) == []


@pytest.mark.parametrize("lose", LOST)
async def test_a_file_that_is_lost_before_the_end_is_left_alone(autojump_clock, store, lose):
    async with opened(Topic("news", store=store)) as news:
        await news.publish("1")
        lose(Path(store.path))
        found = {path: path.read_bytes() for path in Path(store.path).parent.iterdir() if not path.name.endswith("-shm")}
    if lose is not emptied:
        assert {path: path.read_bytes() for path in found} == found
    await open_once(store.path)


async def test_a_file_without_a_folder_is_written_when_there_is_one_again(autojump_clock, store):
    async with opened(Topic("news", store=store)) as news:
        await news.publish("1")
        folder = Path(store.path).parent
        shutil.rmtree(folder)
        for reason in ("has lost its file", "there is no folder", "there is no folder"):
            with pytest.raises(StoreError, match=reason):
                await news.publish("lost")
        folder.mkdir()
        await news.publish("2")
    async with opened(Topic("news", store=store)) as news:
        assert remembered(news) == ["1", gap(1), gap(1), gap(1), "2"]


async def test_a_file_in_which_somebody_else_has_the_topic_is_not_written_over(autojump_clock, store):
    async with opened(Topic("news", store=store)) as news:
        await news.publish("1")
        removed(Path(store.path))
        async with opened(Topic("news", store=SQLiteStore(store.path))) as other:
            await other.publish("other")
            for reason in ("has lost its file", "has been taken over", "has been taken over"):
                with pytest.raises(StoreError, match=reason):
                    await news.publish("lost")
            await other.publish("more")
    assert rows(store, "SELECT data FROM events ORDER BY number") == ["other", "more"]


# Whatever a store knows of; and JSON that is read as text.
KINDS = [
    "text", {"a": [1, None]}, 1.5, None, date(2026, 1, 1), Comment("hello"), SSEEvent("x", "name"),
    SSEEvent({"y": 1}, retry=5), SSEEvent(retry=7),
    HTML("<p>", event="own", target="#t", swap="innerHTML"), SSEEvent(HTML("<b>"), "outer"),
]  # fmt: skip


async def test_what_a_topic_remembers_is_the_same_in_a_file_that_was_written_anew(autojump_clock, store):
    def seen(topic):
        events = audience_of(topic).log.since(0, 100)
        return [(event.id.split(",")[0], event.value, encode_published(event, None, None)) for event in events]

    async with opened(Topic("news", store=store, json_default=str)) as news:
        for value in KINDS:
            await news.publish(value)
        before = seen(news)
        removed(Path(store.path))
        with pytest.raises(StoreError):
            await news.publish("lost")
        await news.publish("last")
    async with opened(Topic("news", store=store)) as news:
        assert seen(news)[: len(KINDS)] == before


async def test_what_a_topic_remembers_has_the_same_age_in_a_file_that_was_written_anew(autojump_clock, store):
    async with opened(Topic("news", store=store, max_age=100)) as news:
        await trio.sleep(1)
        await news.publish("1")
        before = rows(store, "SELECT at FROM events")
        await trio.sleep(60)
        removed(Path(store.path))
        with pytest.raises(StoreError):
            await news.publish("lost")
        await news.publish("2")
        ages = rows(store, "SELECT at FROM events ORDER BY number")
        assert ages[-1] - ages[0] == pytest.approx(60, abs=2)
        assert before[0] - ages[0] == pytest.approx(60, abs=2), "by trio's clock, which is a virtual one here"


# -- files that are damaged ---------------------------------------------------------------------------------------------


def no_database(path, text="I am a letter." * 1000):
    path.write_text(text)


def without_its_head(path):
    content = bytearray(path.read_bytes())
    content[:16] = b"not a database!!"
    path.write_bytes(content)


def cut_off(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def with_bits_flipped(path):
    content = bytearray(path.read_bytes())
    for place in range(5000, len(content), 3000):
        content[place] ^= 0xFF
    path.write_bytes(content)


def with_text_that_is_none(path):
    path.write_bytes(path.read_bytes().replace(b"xxxx", b"x\xff\xfex", 50))


def sql(statement):
    def spoil(path):
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(statement)

    spoil.__name__ = statement
    return spoil


DAMAGE = [
    no_database, without_its_head, cut_off, with_bits_flipped, with_text_that_is_none,
    *map(sql, [
        "UPDATE topics SET last = 9223372036854775807",
        "UPDATE topics SET last = 9223372036854775805",
        "UPDATE topics SET last = -5",
        "UPDATE topics SET last = 'abc'",
        "UPDATE topics SET last = 1.5",
        "UPDATE events SET kind = 'weird'",
        "UPDATE events SET kind = x'00'",
        "UPDATE events SET kind = 'json'",
        "UPDATE events SET kind = 'gap'",
        "UPDATE events SET kind = 'fragment', data = '{}'",
        "UPDATE events SET kind = 'fragment', data = '[1,2]'",
        "UPDATE events SET kind = 'fragment', data = '[1,2,3,4]'",
        "UPDATE events SET data = x'ff00'",
        "UPDATE events SET event = 'a' || char(10) || 'data: evil'",
        "UPDATE events SET event = x'05'",
        "UPDATE events SET retry = 'abc'",
        "UPDATE events SET retry = -1",
        "UPDATE events SET at = 'x'",
        "UPDATE epochs SET shift = 'x'",
        "UPDATE epochs SET shift = -1000",
        "UPDATE epochs SET first = 'x'",
        "UPDATE epochs SET name = 'a' || char(10) || 'b'",
        "UPDATE epochs SET name = x'00'",
        "PRAGMA user_version = 0",
        "DROP TABLE topics",
        "DROP TABLE epochs",
        "DROP TABLE events",
        "ALTER TABLE events RENAME COLUMN data TO other",
    ]),
]  # fmt: skip


@pytest.fixture
async def damaged(autojump_clock, store):
    """Spoils a file with a history; the id of its last event."""

    async def spoil(how):
        async with opened(Topic("news", store=store)) as news:
            for _ in range(19):
                news.publish_nowait("x" * 1000)
            id = await news.publish("x" * 1000)
        how(Path(store.path))
        return id

    return spoil


@pytest.mark.parametrize("how", DAMAGE)
async def test_a_damaged_file_is_refused_and_left_as_it_is_unless_it_may_be_set_aside(
    autojump_clock, store, damaged, caplog, how
):
    id = await damaged(how)
    content = content_of(store.path)
    with pytest.raises(
        StoreError, match=r"(?s)the topic 'news' in .*cannot be opened: .*; SQLiteStore\(on_damage='set_aside'"
    ):
        async with opened(Topic("news", store=store)):
            pass
    assert content_of(store.path) == content
    assert caplog.records == []

    store = SQLiteStore(store.path, on_damage="set_aside")
    async with opened(Topic("news", store=store)) as news:
        assert await values(news, id) == [gap(None)]
        await news.publish("new")
    [aside] = files(store)
    assert content_of(aside) == content
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().endswith(f"; so it was renamed to {aside}, and the topic begins without its history")
    async with opened(Topic("news", store=store)) as news:
        assert remembered(news) == ["new"]
    assert files(store) == [aside]


async def test_each_damaged_file_is_kept(autojump_clock, store):
    store = SQLiteStore(store.path, on_damage="set_aside")
    for number in range(3):
        no_database(Path(store.path), f"letter {number}")
        async with opened(Topic("news", store=store)):
            pass
    assert sorted(map(content_of, files(store))) == [b"letter 0", b"letter 1", b"letter 2"]


def something_elses(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE customers (name TEXT); PRAGMA journal_mode = WAL")


def of_a_newer_version(path):
    sql(f"PRAGMA application_id = {0x63687270}; PRAGMA user_version = 99; CREATE TABLE topics (name)")(path)


def a_folder(path):
    path.mkdir()


@pytest.mark.parametrize("how", [something_elses, of_a_newer_version, a_folder])
async def test_what_is_not_damaged_is_never_set_aside(autojump_clock, store, how):
    how(Path(store.path))
    with pytest.raises(StoreError):
        async with opened(Topic("news", store=SQLiteStore(store.path, on_damage="set_aside"))):
            pass
    assert files(store) == []


async def test_a_file_that_is_locked_is_not_set_aside(autojump_clock, store):
    store = SQLiteStore(store.path, on_damage="set_aside", timeout=0)
    async with opened(Topic("news", store=store)) as news:
        await news.publish("1")
        with locked(store), pytest.raises(StoreError, match="database is locked; another program holds it"):
            await news.publish("lost")
        assert files(store) == []


async def test_another_topic_that_is_open_loses_nothing_where_a_file_is_set_aside(autojump_clock, store):
    store = SQLiteStore(store.path, on_damage="set_aside")
    for name in ("news", "sport"):
        async with opened(Topic(name, store=store)) as topic:
            await topic.publish(name)
    sql("UPDATE events SET kind = 'weird' WHERE topic = 'sport'")(store.path)
    async with opened(Topic("news", store=store)) as news, opened(Topic("sport", store=store)) as sport:
        assert await sport.publish("new")
        assert await news.publish("more")
        assert (remembered(news), remembered(sport)) == (["news", "more"], ["new"])
    async with opened(Topic("news", store=store)) as news, opened(Topic("sport", store=store)) as sport:
        assert (remembered(news), remembered(sport)) == (["news", "more"], ["new"])


WHILE_OPEN = ["DROP TABLE events", "CREATE TRIGGER t BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'no'); END"]


@pytest.mark.parametrize("statement", WHILE_OPEN)
async def test_a_file_that_is_damaged_while_it_is_open_loses_events_until_it_is_repaired(autojump_clock, store, statement):
    async with opened(Topic("news", store=store)) as news:
        await news.publish("1")
        sql(f"CREATE TABLE copied AS SELECT * FROM events; {statement}")(store.path)
        for _ in range(2):
            with pytest.raises(StoreError, match=r"cannot be written: .*on_damage='set_aside'"):
                await news.publish("lost")
        if "TRIGGER" in statement:
            sql("DROP TRIGGER t")(store.path)
        else:
            sql("ALTER TABLE copied RENAME TO events")(store.path)
        await news.publish("2")
        assert remembered(news) == ["1", gap(1), gap(1), "2"]
    assert rows(store, "SELECT data FROM events ORDER BY number") == ["1", "1", "1", "2"]


@pytest.mark.parametrize("statement", WHILE_OPEN)
async def test_a_file_that_is_damaged_while_it_is_open_may_be_set_aside_and_costs_one_batch(autojump_clock, store, statement):
    store = SQLiteStore(store.path, on_damage="set_aside")
    async with opened(Topic("news", store=store)) as news, opened(Topic("sport", store=store)) as sport:
        before = await news.publish("1")
        await sport.publish("one")
        sql(statement)(store.path)
        with pytest.raises(StoreError, match=r"cannot be written: .*; so it was renamed to .*, and a new one is made"):
            await news.publish("lost")
        await sport.publish("two")
        await news.publish("2")
    async with opened(Topic("news", store=store)) as news, opened(Topic("sport", store=store)) as sport:
        assert remembered(sport) == ["one", "two"]
        assert await values(news, before) == [gap(1), "2"]
    assert len(files(store)) > 0


# -- the write-ahead log ------------------------------------------------------------------------------------------------


def size_of_log(store):
    return Path(f"{store.path}-wal").stat().st_size


async def test_the_log_is_bounded_while_another_program_reads_and_small_again_afterwards(autojump_clock, store):
    store = SQLiteStore(store.path, timeout=0, max_wal_bytes=2_000_000)
    async with opened(Topic("news", store=store, history=10)) as news:
        before = await news.publish("1")
        with closing(sqlite3.connect(store.path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM events").fetchone()
            for number in range(1000):
                try:
                    await news.publish(str(number) * 5000)
                except StoreError as error:
                    assert "max_wal_bytes; another program that has a transaction open on the file" in str(error)  # noqa: PT017
                    break
            else:
                pytest.fail("it was never full")
            for _ in range(3):
                with pytest.raises(StoreError, match="max_wal_bytes"):
                    await news.publish("lost")
            assert 2_000_000 < size_of_log(store) < 2_100_000
            reader.execute("COMMIT")
        await news.publish("2")
        assert size_of_log(store) < 100_000
        await news.publish("3")
        assert remembered(news)[-6:] == [gap(1)] * 4 + ["2", "3"]
        assert (await values(news, before))[0]["missed"] > 0


async def test_a_log_that_has_grown_is_cut_when_the_reader_has_left(autojump_clock, store):
    async with opened(Topic("news", store=store, history=10)) as news:
        await news.publish("1")
        with closing(sqlite3.connect(store.path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM events").fetchone()
            while size_of_log(store) < 10_000_000:
                await news.publish("x" * 200_000)
        for _ in range(3):
            await news.publish("x" * 200_000)
        assert size_of_log(store) <= 4 * 1024 * 1024


# -- threads ------------------------------------------------------------------------------------------------------------


async def test_where_no_thread_can_be_had_events_are_lost_and_told_of_and_everything_goes_on_afterwards(
    autojump_clock, store, monkeypatch, caplog
):
    async with opened(Topic("news", store=store)) as news, feed_of(news) as feed, feed.stream_sse("/") as stream:
        await news.publish("1")
        with without_threads(monkeypatch):
            with pytest.raises(StoreError, match=r"the topic 'news' cannot be written: can't start new thread: .*ulimit -u"):
                await news.publish("lost")
            news.publish_nowait("lost, too")
            await trio.testing.wait_all_tasks_blocked()
        await news.publish("2")
        assert await read(stream, 4) == ["1", ("gap", 1), ("gap", 1), "2"]
        await stream.disconnect()
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "1 events were lost, because they could not be written"
    ] * 2


async def test_where_no_thread_can_be_had_a_topic_is_closed_all_the_same(autojump_clock, store, monkeypatch):
    with clock_held_for_threads():
        async with Topic("news", store=store) as news:
            await news.publish("1")
            monkeypatch.setattr("trio._threads.start_thread_soon", refuse)
    assert list(Path(store.path).parent.iterdir()) == [Path(store.path)]
    monkeypatch.undo()
    async with opened(Topic("news", store=store)) as news:
        assert remembered(news) == ["1"]


async def test_where_no_thread_can_be_had_a_topic_cannot_be_opened(autojump_clock, store, monkeypatch):
    news = Topic("news", store=store)
    with without_threads(monkeypatch), pytest.raises(StoreError, match="'news' cannot be opened: can't start new thread"):
        async with opened(news):
            pass
    async with opened(news):
        await news.publish("1")


def refuse(*_):
    raise RuntimeError("can't start new thread")


@contextmanager
def without_threads(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("trio._threads.start_thread_soon", refuse)
        yield
