"""Who is there in all processes that share a server, and what they tell one another: at real servers."""

import pytest
import trio
import trio.testing

from chirp_trio import Presence, RedisStore, Topic
from chirp_trio.testing import TestClient
from tests.integration.redis_presence import app_of, present, room, until
from tests.redis_servers import RedisServer

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(params=["redis", "valkey"])
def server(request, tmp_path):
    with RedisServer(request.param, tmp_path / "server") as server:
        yield server


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


async def test_nothing_is_warned_of_where_all_is_well(server, caplog):
    async with room(server) as here, room(server) as there, present(here, "ada"), present(there, "bob"):
        await until(lambda: here.members == there.members == {"ada": 1, "bob": 1})
    assert "cannot be read" not in caplog.text
    assert "is not known" not in caplog.text
