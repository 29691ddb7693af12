"""Who is there where a process dies or is cut off, and where the server is restarted, or forgets: at real servers."""

import os
import sys
from contextlib import asynccontextmanager

import pytest
import trio

from chirp_trio import RedisStore, StoreError, Topic
from chirp_trio.testing import TestClient
from tests import forking
from tests.integration.redis_presence import app_of, present, room, until
from tests.integration.server import APPS
from tests.redis_servers import at_both

pytestmark = pytest.mark.timeout(120)


@asynccontextmanager
async def elsewhere(server, ttl, *members):
    """Another process, in which these are; it is killed at the end."""
    command = [sys.executable, "member.py", server.url, str(ttl), *members]
    process = forking.servers.start(command, cwd=APPS, env=os.environ, output=2)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@at_both
async def test_nobody_is_there_for_long_whose_process_has_died(server):
    ttl = 1.0
    async with room(server, presence_ttl=ttl) as here:
        async with elsewhere(server, ttl, "ada", "bob", ""):
            await until(lambda: here.subscribers == 3)
            await trio.sleep(2 * ttl)
            assert here.members == {"ada": 1, "bob": 1}
        await until(lambda: not here.subscribers)
        assert here.members == {}


@at_both
async def test_nobody_is_gone_whose_process_waits_for_a_replica(server):
    store = RedisStore(server.url, confirm="replica", timeout=4, presence_ttl=1)
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


@at_both
async def test_a_server_that_is_restarted_makes_nobody_leave(one):
    """With its file, and without; both at once, since most of it is waiting."""
    with one.another() as other:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(be_there_during_a_restart, one, True)
            nursery.start_soon(be_there_during_a_restart, other, False)


async def be_there_during_a_restart(server, with_file):
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
        await until(lambda: len(found) >= 2)
        assert [(change.kind, change.member) for change in found] == [("join", "eve"), ("leave", "eve")]
        assert here.members == {"ada": 1, "bob": 1}
        nursery.cancel_scope.cancel()


@at_both
async def test_who_was_forgotten_by_the_server_is_there_again(server):
    async with room(server, presence_ttl=2.0) as here, present(here, "ada"):
        await trio.sleep(0.5)
        server.ask("FLUSHALL")
        await trio.sleep(1)
        async with room(server, presence_ttl=2.0) as there:
            await until(lambda: there.members == {"ada": 1})


@at_both
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
