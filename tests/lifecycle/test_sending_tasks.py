"""Where a server has nothing but `send()`: few tasks send at a time, and those that are stuck hold up nobody."""

from contextlib import asynccontextmanager
from contextvars import ContextVar

import pytest
import trio

from chirp_trio import EventStream, Topic, stream_lifespan

from .scenes import tasks

name = ContextVar("name", default="nobody's")


class Client:
    """One client; its server's `send()` takes some turns, or for ever where it does not read, and cannot be cancelled."""

    def __init__(self, *, reads=True):
        self.reads = reads
        self.bodies = []
        self.names = []
        self.left = trio.Event()

    async def send(self, message):
        self.names.append(name.get())
        with trio.CancelScope(shield=True):
            for _ in range(3):
                await trio.lowlevel.checkpoint()
            if message.get("body") and not self.reads:
                await self.left.wait()
        self.bodies.append(message.get("body", b""))
        self.names.append(name.get())

    async def receive(self):
        await self.left.wait()
        return {"type": "http.disconnect"}


@asynccontextmanager
async def streams_of(topic, clients):
    before = tasks()
    async with stream_lifespan() as state, trio.open_nursery() as nursery:

        async def serve(number, client):
            name.set(str(number))
            scope = {"type": "http", "method": "GET", "path": "/", "state": state}
            await EventStream(topic.subscribe(), heartbeat_interval=None)(scope, client.receive, client.send)

        for number, client in enumerate(clients):
            nursery.start_soon(serve, number, client)
        yield
        for client in clients:
            client.left.set()
    assert tasks() == before


@pytest.mark.parametrize("stuck", [1, 40, 200])
async def test_those_who_do_not_read_hold_up_nobody(autojump_clock, stuck):
    topic = Topic("news")
    clients = [*(Client(reads=False) for _ in range(stuck)), *(Client() for _ in range(40))]
    async with streams_of(topic, clients):
        await trio.sleep(1)
        for event in ("one", "two", "three"):
            before = trio.current_time()
            topic.publish_nowait(event)
            while any(b"data: three" not in client.bodies[-1] for client in clients[stuck:]) and event == "three":
                await trio.lowlevel.checkpoint()
            assert trio.current_time() == before
    for client in clients[stuck:]:
        body = b"".join(client.bodies)
        assert [line for line in body.split(b"\n") if line.startswith(b"data")] == [
            b"data: one",
            b"data: two",
            b"data: three",
        ]


async def test_every_message_is_sent_in_the_context_of_its_request(autojump_clock):
    topic = Topic("news")
    clients = [Client() for _ in range(40)]
    async with streams_of(topic, clients):
        await trio.sleep(1)
        topic.publish_nowait("hello")
        await trio.sleep(1)
    for number, client in enumerate(clients):
        assert set(client.names) == {str(number)}


async def test_what_is_published_in_a_loop_to_many_is_sent_together(autojump_clock):
    topic = Topic("news")
    clients = [Client() for _ in range(200)]
    async with streams_of(topic, clients):
        await trio.sleep(1)
        had = [len(client.bodies) for client in clients]
        for number in range(200):
            await topic.publish(number)
        await trio.sleep(1)
        for client, before in zip(clients, had, strict=True):
            assert b"data: 199\n" in client.bodies[-1]
            assert len(client.bodies) - before <= 20


async def test_sending_tasks_end_with_the_lifespan_however_many_wait_for_one(autojump_clock):
    topic = Topic("news")
    clients = [Client() for _ in range(100)]
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                async with streams_of(topic, clients):
                    await trio.sleep(1)
                    topic.publish_nowait("hello")
                    await trio.lowlevel.checkpoint()
                for client in clients:
                    client.left = trio.Event()
            nursery.cancel_scope.cancel()
