"""A server of Redis that is away, or comes back with less than it had: what was lost is told as a gap, and nothing else."""

import shutil
import signal

import pytest
import trio

from chirp_trio import RedisStore, StoreError, Topic
from chirp_trio.redis.listening import Listening
from tests.integration.redis_topics import publish_at_last, values
from tests.redis_servers import RedisServer, at_both

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(params=["redis", "valkey"])
def kind(request):
    return request.param


@pytest.fixture
def server(kind, tmp_path):
    with RedisServer(kind, tmp_path / "server") as server:
        yield server


@pytest.fixture
def store(server):
    return RedisStore(server.url, timeout=2)


@at_both
async def test_a_server_that_is_not_there_at_the_start_is_waited_for(server):
    server.kill()
    with pytest.raises(StoreError, match=r"the topic 'news' in Redis at 127\.0\.0\.1:\d+ cannot be opened: .*refused"):
        async with Topic("news", store=RedisStore(server.url, timeout=1)):
            pass
    async with trio.open_nursery() as nursery:
        nursery.start_soon(start_after, server, 0.5)
        async with Topic("news", store=RedisStore(server.url, timeout=20)) as topic:
            await topic.publish("x")


async def start_after(server, seconds):
    await trio.sleep(seconds)
    await trio.to_thread.run_sync(server.start)


@at_both
async def test_a_topic_may_begin_without_its_history_and_tells_of_that_once_the_server_is_there(server):
    async with Topic("news", store=RedisStore(server.url)) as topic:
        await topic.publish("old")
    server.kill()
    store = RedisStore(server.url, timeout=1, at_start="go_on")
    async with Topic("news", store=store) as topic:
        with pytest.raises(StoreError, match=r"'news' in Redis was not written: .*refused"):
            await topic.publish("nobody gets this")
        cursor = topic.cursor
        await trio.to_thread.run_sync(server.start)
        assert await values(topic, cursor, 2) == [("gap", None), "old"]
        await publish_at_last(topic, "new")
        assert await values(topic, cursor, 3) == [("gap", None), "old", "new"]


async def test_a_server_that_was_killed_has_lost_nothing_and_nobody_is_told_of_a_gap(server, store):
    async with Topic("news", store=store) as topic, Topic("news", store=store) as other:
        ids = [await topic.publish("1")]
        await trio.to_thread.run_sync(server.restart)
        ids.append(await publish_at_last(topic, "2"))
        for one in (topic, other):
            assert await values(one, ids[0], 1) == ["2"]
        assert ids[0].partition("-")[0] != ids[1].partition("-")[0], "another life of the server is another epoch"
    async with Topic("news", store=store) as topic:
        assert await values(topic, ids[0], 1) == ["2"]


async def test_a_topic_that_is_closed_while_the_server_is_away_ends_and_says_what_is_lost(server, store, caplog, monkeypatch):
    monkeypatch.setattr("chirp_trio.redis.journal._LAST_TIMEOUT", 1)  # after which it gives up
    got = []

    async def read(subscription):
        got.extend([event.value async for event in subscription])

    async with trio.open_nursery() as nursery, Topic("news", store=store) as topic:
        cursor = topic.cursor
        await topic.publish("1")
        assert await values(topic, cursor, 1) == ["1"]
        nursery.start_soon(read, topic.subscribe(cursor))
        server.kill()
        topic.publish_nowait("lost")
    assert got == ["1", {"topic": "news", "missed": 1}]
    assert "1 events were lost, because they could not be written: the topic 'news' " in caplog.text


@pytest.mark.parametrize("how", ["without its file", "FLUSHALL"])
async def test_what_a_server_has_forgotten_is_a_gap(server, store, how):
    async with Topic("news", store=store) as topic, Topic("news", store=store) as other:
        cursor = other.cursor
        id = await topic.publish("1")
        assert await values(other, cursor, 1) == ["1"]
        if how == "FLUSHALL":
            server.ask("FLUSHALL")
        else:
            await trio.to_thread.run_sync(lambda: server.restart(with_file=False))
        await publish_at_last(topic, "2")
        for one in (topic, other):
            assert await values(one, id, 2) == [("gap", None), "2"]
    async with Topic("news", store=store) as topic:
        assert await values(topic, id, 1) == [("gap", None)]


async def test_a_server_without_a_file_may_have_lost_events_and_everybody_is_told(kind, tmp_path, caplog):
    with RedisServer(kind, tmp_path / "server", appendonly="no", save="3600 1") as server:
        store = RedisStore(server.url, timeout=2)
        async with Topic("news", store=store) as topic:
            id = await topic.publish("1")
            server.ask("SAVE")
            await topic.publish("lost, and nobody knows")
            await trio.to_thread.run_sync(server.restart)
            await publish_at_last(topic, "2")
            async with Topic("news", store=RedisStore(server.url)) as other:
                got = await values(other, id, 2)
                if got[-1] != "2":  # the process that has delivered what was lost has told of it as well
                    got = await values(other, id, 3)
                assert got in ([("gap", None), "2"], [("gap", None), ("gap", 1), "2"])
    assert "it has no append-only file, so a restart loses events" in caplog.text


async def test_what_a_power_cut_takes_from_the_file_is_told_by_those_who_have_had_it(server, store, tmp_path):
    async with Topic("news", store=store) as topic:
        id = await topic.publish("1")
        server.copy(tmp_path / "copy")
        lost = [await topic.publish(text) for text in ("2", "3")]
        assert await values(topic, id, 2) == ["2", "3"]
        server.kill()
        shutil.rmtree(server.folder)
        shutil.copytree(tmp_path / "copy", server.folder)
        await trio.to_thread.run_sync(server.start)
        async with Topic("news", store=RedisStore(server.url)) as other:
            assert await values(other, id, 1) == [("gap", 2)]
            await topic.publish("4")
            assert await values(other, id, 2) == [("gap", 2), "4"]
            assert (await values(other, lost[1], 1)) == [("gap", None)]
        assert await values(topic, lost[0], 3) == ["3", ("gap", 2), "4"]


async def test_what_it_takes_of_acknowledged_events_that_nobody_has_read_is_told_by_the_publisher(
    server, store, tmp_path, monkeypatch
):
    fetch, may_read = Listening._fetch, trio.Event()
    may_read.set()

    async def fetch_when_allowed(self, connection, life):
        await may_read.wait()
        await fetch(self, connection, life)

    monkeypatch.setattr(Listening, "_fetch", fetch_when_allowed)
    async with Topic("news", store=store) as topic:
        id = await topic.publish("1")
        assert await values(topic, topic.cursor, 0) == []
        server.copy(tmp_path / "copy")
        may_read = trio.Event()
        await topic.publish("2")
        server.kill()
        shutil.rmtree(server.folder)
        shutil.copytree(tmp_path / "copy", server.folder)
        may_read.set()
        await trio.to_thread.run_sync(server.start)
        async with Topic("news", store=RedisStore(server.url)) as other:
            assert await values(other, id, 1) == [("gap", 1)]


@at_both
async def test_what_the_server_has_trimmed_is_a_gap_of_so_many(server):
    store = RedisStore(server.url, timeout=2)
    async with Topic("news", store=store) as topic:
        ids = [await topic.publish(number) for number in range(10)]
    server.ask("XTRIM", "chirp:{news}", "MAXLEN", "3")
    async with Topic("news", store=store) as topic:
        assert await values(topic, ids[1], 4) == [("gap", 5), 7, 8, 9]
        server.signal(signal.SIGSTOP)
        await trio.sleep(2.5)  # the connection is given up, and no bell is heard
        server.signal(signal.SIGCONT)
        server.ask("XTRIM", "chirp:{news}", "MAXLEN", "0")
        await publish_at_last(topic, "new")
        assert await values(topic, ids[9], 1) == ["new"]
