"""What keeps a process connected to Redis, without a server."""

from contextlib import asynccontextmanager

import pytest
import trio

from chirp_trio.redis import RedisStore, link
from chirp_trio.redis.connection import ConnectionLostError
from chirp_trio.redis.link import Link
from chirp_trio.redis.server import Server, UnusableServerError

pytest.importorskip("hiredis")


@asynccontextmanager
async def no_server(_options, _take=None):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        yield None, Server(b"", ())


async def rest(*_connections):
    await trio.sleep_forever()


async def run_link(monkeypatch, use, seconds):
    """A link whose two connections are used like that, cancelled after so many seconds."""
    monkeypatch.setattr(link, "connected", no_server)
    subject = Link(RedisStore("redis://127.0.0.1:1"))
    monkeypatch.setattr(subject.listening, "use", use)
    monkeypatch.setattr(subject.publishing, "use", use)
    for name in ("read", "write"):
        monkeypatch.setattr(subject.peers, name, rest)
    with trio.move_on_after(seconds) as scope:
        await subject.run()
    assert scope.cancelled_caught


async def test_a_trouble_in_the_moment_of_the_cancellation_is_no_error(autojump_clock, monkeypatch):
    async def use(*_connections):
        try:
            await trio.sleep_forever()
        finally:
            raise UnusableServerError("it has been promoted meanwhile")

    await run_link(monkeypatch, use, 1)


async def test_a_trouble_that_several_tasks_are_told_of_is_one(autojump_clock, monkeypatch):
    tries = 0

    async def lose():
        raise ConnectionLostError("it was closed")

    async def use(*_connections):
        nonlocal tries
        tries += 1
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lose)
            nursery.start_soon(lose)

    await run_link(monkeypatch, use, 2)
    assert tries > 4


async def test_what_is_no_trouble_of_the_connection_is_not_held_back(autojump_clock, monkeypatch):
    async def use(*_connections):
        raise ZeroDivisionError

    with pytest.RaisesGroup(ZeroDivisionError, ZeroDivisionError, flatten_subgroups=True):
        await run_link(monkeypatch, use, 20)
