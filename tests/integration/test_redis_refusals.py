"""A server of Redis that does not answer, or that does not take what is published: full, a replica, or without one."""

import signal

import pytest
import trio

from chirp_trio import RedisStore, StoreError, Topic
from chirp_trio.topics.topic import audience_of
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
async def test_a_frozen_server_is_found_and_everything_goes_on_after_it(server):
    store = RedisStore(server.url, timeout=2)
    async with Topic("news", store=store) as topic:
        id = await topic.publish("1")
        server.signal(signal.SIGSTOP)
        with pytest.raises(StoreError, match="may have been written or not"):
            await topic.publish("2")
        server.signal(signal.SIGCONT)
        await publish_at_last(topic, "3")
        assert await values(topic, id, 2) == ["2", "3"]


async def test_a_publish_whose_answer_was_lost_is_stored_once(server, store):
    async with Topic("news", store=RedisStore(server.url, timeout=10)) as topic, trio.open_nursery() as nursery:
        for number in range(300):
            nursery.start_soon(topic.publish, number)
            if number % 50 == 0:
                await trio.sleep(0.005)
                server.ask("CLIENT", "KILL", "TYPE", "normal")
    async with Topic("news", store=store) as topic:
        assert sorted(event.value for event in audience_of(topic).log.since(0, 1000)) == list(range(300))


@at_both
async def test_a_server_that_is_full_says_so_and_is_read_all_the_same(server):
    store = RedisStore(server.url, timeout=2)
    async with Topic("news", store=store) as topic, Topic("news", store=store) as other:
        id = await topic.publish("1")
        server.ask("CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(StoreError, match=r"was not written: OOM .*more memory"):
            await topic.publish("2")
        assert await values(other, "nobody's", 1) == [("gap", None)]
        topic.publish_nowait("lost")
        assert await values(topic, id, 1) == [("gap", 1)]
        server.ask("CONFIG", "SET", "maxmemory", "0")
        await topic.publish("3")
        assert await values(topic, id, 2) == [("gap", 1), "3"]
        assert await values(other, id, 1) == ["3"]


# -- replicas ----------------------------------------------------------------------------------------------------------


@at_both
async def test_a_replica_is_refused_and_one_that_becomes_one_is_left(server):
    store = RedisStore(server.url, timeout=2)
    with server.another() as master:
        async with Topic("news", store=store) as topic:
            await topic.publish("1")
            server.ask("REPLICAOF", "127.0.0.1", str(master.port))
            with pytest.raises(StoreError, match=r"replica|written or not|not written"):
                await topic.publish("2")
            with pytest.raises(StoreError, match="it is a replica"):
                async with Topic("other", store=RedisStore(server.url, timeout=2)):
                    pass
            server.ask("REPLICAOF", "NO", "ONE")
            await publish_at_last(topic, "3")


async def test_a_server_that_was_a_replica_for_a_moment_is_read_on(server, store, monkeypatch):
    monkeypatch.setattr("chirp_trio.redis.listening._COMPARE_AFTER", (60, 60))  # nobody looks in between
    async with Topic("news", store=store) as topic:
        id = await topic.publish("1")
        server.ask("REPLICAOF", "127.0.0.1", "1")
        server.ask("REPLICAOF", "NO", "ONE")
        await publish_at_last(topic, "2")
        got = await values(topic, id, 2)
        assert got == [("gap", None), "2"]


@at_both
async def test_a_promoted_replica_that_lacks_the_last_events_is_another_epoch_and_a_gap(server):
    store = RedisStore(server.url, timeout=2)
    with server.another(replicaof=f"127.0.0.1 {server.port}") as replica:
        async with Topic("news", store=RedisStore(server.url, confirm="replica")) as topic:
            while b"master_link_status:up" not in replica.ask("INFO", "replication"):  # noqa: ASYNC110
                await trio.sleep(0.05)
            id = await topic.publish("1")
        replica.ask("REPLICAOF", "NO", "ONE")  # while the old master goes on
        async with Topic("news", store=store) as topic:
            lost = await topic.publish("lost")
        server.kill()
        async with Topic("news", store=RedisStore(replica.url)) as topic:
            await topic.publish("2")
            assert await values(topic, id, 2) == [("gap", None), "2"]
            assert await values(topic, lost, 1) == [("gap", None)]


@at_both
async def test_what_is_to_be_confirmed_and_is_not_is_an_error(server):
    async with Topic("news", store=RedisStore(server.url, confirm="replica", timeout=1.5)) as topic:
        with pytest.raises(StoreError, match="is written, and no replica has it yet"):
            await topic.publish("x")
    store = RedisStore(server.url, confirm="disk", timeout=2)
    if server.kind == "redis":
        with pytest.raises(StoreError, match=r"it is Redis 7\.0\.\d+; confirm='disk' needs 7\.2"):
            async with Topic("news", store=store):
                pass
    else:
        async with Topic("news", store=store) as topic:
            await topic.publish("x")


@at_both
async def test_nothing_is_confirmed_by_a_retry_that_was_not_before_it(server):
    with server.another(replicaof=f"127.0.0.1 {server.port}") as replica:
        async with Topic("news", store=RedisStore(server.url, confirm="replica", timeout=2.5)) as topic:
            await publish_at_last(topic, "1")
            replica.signal(signal.SIGSTOP)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(lose_answers_after, server, 0.5)
                with pytest.raises(StoreError, match=r"no replica has it yet|may have been written or not"):
                    await topic.publish("2")
            replica.signal(signal.SIGCONT)


async def lose_answers_after(server, seconds):
    await trio.sleep(seconds)
    server.ask("CLIENT", "KILL", "TYPE", "normal")
