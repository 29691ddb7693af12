"""Who is there in all processes that share a server, and what they tell one another: at real servers."""

import subprocess
import sys
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from chirp_trio import App, EventStream, Presence, RedisStore, StoreError, Topic
from chirp_trio.testing import TestClient
from tests.redis_servers import RedisServer

pytestmark = pytest.mark.timeout(120)

MEMBER = """
import sys, trio
from chirp_trio import RedisStore, Topic

async def main():
    async with Topic("room", store=RedisStore(sys.argv[1], presence_ttl=float(sys.argv[2]))) as room:
        async with trio.open_nursery() as nursery:
            for member in sys.argv[3:]:
                nursery.start_soon(read, room, member)

async def read(room, member):
    async for _ in room.subscribe(member=member or None):
        pass

trio.run(main)
"""


@pytest.fixture(params=["redis", "valkey"])
def server(request, tmp_path):
    with RedisServer(request.param, tmp_path / "server") as server:
        yield server


@asynccontextmanager
async def present(topic, *members):
    """Subscriptions of these."""

    async def read(member):
        async for _ in topic.subscribe(member=member):
            pass

    async with trio.open_nursery() as nursery:
        for member in members:
            nursery.start_soon(read, member)
        yield
        nursery.cancel_scope.cancel()


async def until(is_so):
    with trio.fail_after(30):
        while not is_so():  # noqa: ASYNC110 - it is about another process
            await trio.sleep(0.01)


@asynccontextmanager
async def elsewhere(server, ttl, *members):
    """Another process, in which these are; it is killed at the end."""
    process = subprocess.Popen([sys.executable, "-c", MEMBER, server.url, str(ttl), *members])  # noqa: ASYNC220
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def room(server, **options):
    return Topic("room", store=RedisStore(server.url, **options))


async def test_processes_know_of_each_others_subscriptions_and_members(server):
    async with room(server) as here, room(server) as there:
        async with present(here, "ada", "ada", None), present(there, "ada", "bob"):
            await until(lambda: here.subscribers == there.subscribers == 5)
            assert here.members == there.members == {"ada": 3, "bob": 1}
            async with room(server) as later:
                await until(lambda: later.subscribers == 5)
                assert later.members == here.members
        await until(lambda: not here.subscribers and not there.subscribers)
        assert here.members == there.members == {}


async def test_joins_and_leaves_elsewhere_are_told_with_the_member(server):
    async with room(server) as here, room(server) as there:
        changes = here.presence()
        async with trio.open_nursery() as nursery:
            found = []

            async def watch():
                found.extend([await anext(changes) for _ in range(4)])

            nursery.start_soon(watch)
            await trio.testing.wait_all_tasks_blocked()
            async with present(there, "ada"):
                await until(lambda: here.subscribers == 1)
                async with present(there, "ada"):
                    await until(lambda: here.subscribers == 2)
                await until(lambda: here.subscribers == 1)
        assert found == [
            Presence("join", 1, "ada", 1), Presence("join", 2, "ada", 2),
            Presence("leave", 1, "ada", 1), Presence("leave", 0, "ada", 0),
        ]  # fmt: skip
        await changes.aclose()


async def test_topics_of_one_store_in_one_process_know_of_each_other_and_nothing_twice(server):
    store = RedisStore(server.url)
    async with (
        Topic("room", store=store) as here, Topic("room", store=store) as there, room(server) as elsewhere,
        present(here, "ada"), present(there, "ada", "bob"),
    ):  # fmt: skip
        await until(lambda: elsewhere.members == {"ada": 2, "bob": 1})
        assert here.members == there.members == elsewhere.members


async def test_nobody_is_there_for_long_whose_process_has_died(server):
    ttl = 1.0
    async with room(server, presence_ttl=ttl) as here:
        async with elsewhere(server, ttl, "ada", "bob", ""):
            await until(lambda: here.subscribers == 3)
            await trio.sleep(2 * ttl)
            assert here.members == {"ada": 1, "bob": 1}
            died_at = trio.current_time()
        await until(lambda: not here.subscribers)
        assert here.members == {}
        assert trio.current_time() - died_at < 20 * ttl


async def test_nobody_is_gone_whose_process_waits_for_a_replica(server):
    store = RedisStore(server.url, confirm="replica", timeout=6, presence_ttl=1)
    changes = []

    async def watch(topic):
        async for change in topic.presence():
            changes.append(change)  # noqa: PERF401 - it goes on

    async with Topic("room", store=store) as here, room(server, presence_ttl=1) as there, present(here, "ada"):
        await until(lambda: set(there.members) == {"ada"})
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch, there)
            with pytest.raises(StoreError, match="no replica has it yet"):
                await here.publish("x")
            assert set(there.members) == {"ada"}
            nursery.cancel_scope.cancel()
    assert [change for change in changes if change.kind == "leave"] == []


@pytest.mark.parametrize("with_file", [True, False], ids=["restarted", "restarted empty"])
async def test_a_server_that_is_restarted_makes_nobody_leave(server, with_file):
    found = []

    async def watch(topic):
        async for change in topic.presence():
            found.append(change)  # noqa: PERF401 - it goes on

    async with (
        room(server, presence_ttl=5.0) as here, room(server, presence_ttl=5.0) as there,
        present(here, "ada"), present(there, "bob"), trio.open_nursery() as nursery,
    ):  # fmt: skip
        await until(lambda: here.subscribers == there.subscribers == 2)
        nursery.start_soon(watch, here)
        await trio.to_thread.run_sync(lambda: server.restart(with_file=with_file))
        async with present(there, "eve"):
            await until(lambda: "eve" in here.members)
            await trio.sleep(6)
            assert here.members == there.members == {"ada": 1, "bob": 1, "eve": 1}
        await until(lambda: len(found) == 2)
        assert here.members == {"ada": 1, "bob": 1}
        assert [(change.kind, change.member) for change in found] == [("join", "eve"), ("leave", "eve")]
        nursery.cancel_scope.cancel()


async def test_who_was_forgotten_by_the_server_is_there_again(server):
    async with room(server, presence_ttl=2.0) as here, present(here, "ada"):
        await trio.sleep(0.5)
        server.ask("FLUSHALL")
        await trio.sleep(1)
        async with room(server, presence_ttl=2.0) as there:
            await until(lambda: there.members == {"ada": 1})


def app_of(server):
    app = App()
    news = app.topic("news", store=RedisStore(server.url))

    @app.get("/{user}")
    async def live(request, user: str):
        return EventStream(news.subscribe(member=user), label=user)

    return app


async def test_streams_are_closed_by_their_label_in_all_processes(server):
    here, there = app_of(server), app_of(server)
    async with TestClient(here) as one, TestClient(there) as other:
        async with one.stream_sse("/ada"), other.stream_sse("/ada"), other.stream_sse("/bob"):
            await until(lambda: len(here.streams) == 1 and len(there.streams) == 2)
            assert here.streams.close(label="ada") == 1
            await until(lambda: [stream.label for stream in there.streams] == ["bob"])
        assert len(here.streams) == 0


async def test_a_server_that_refuses_to_say_who_is_there_keeps_no_event_back(server, caplog):
    rights = "~chirp:* &chirp:* -@all +hello +auth +info +ping +function|load +fcall +hmget +xrange +xrevrange +subscribe"
    rights += " +unsubscribe +client|setname +select +hset +del +xadd +get +set +publish"
    assert server.ask("ACL", "SETUSER", "app", "on", ">secret", *rights.split()) == b"+OK\r\n"
    store = RedisStore(f"redis://app:secret@127.0.0.1:{server.port}")
    async with Topic("room", store=store) as here, present(here, "ada"):
        events = aiter(here.subscribe())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(anext, events)
            await trio.testing.wait_all_tasks_blocked()
            await here.publish("there")
        await until(lambda: caplog.text.count("such as who is there, is not known: ") >= 2)
        assert here.members == {"ada": 1}
        await events.aclose()


async def test_a_process_that_is_cut_off_closes_them_when_it_is_back(server):
    here, there = app_of(server), app_of(server)
    async with TestClient(here) as one, TestClient(there) as other, other.stream_sse("/ada"), one.stream_sse("/bob"):
        await until(lambda: len(there.streams) == 1 and len(here.streams) == 1)
        await trio.to_thread.run_sync(server.kill)
        await until(lambda: not here.ready)
        assert here.streams.close(label="ada") == 0
        assert len(there.streams) == 1
        await trio.to_thread.run_sync(server.start)
        await until(lambda: not len(there.streams))
        assert len(here.streams) == 1


async def test_nothing_is_warned_of_where_all_is_well(server, caplog):
    async with room(server) as here, room(server) as there, present(here, "ada"), present(there, "bob"):
        await until(lambda: here.members == there.members == {"ada": 1, "bob": 1})
    assert "cannot be read" not in caplog.text
    assert "is not known" not in caplog.text
