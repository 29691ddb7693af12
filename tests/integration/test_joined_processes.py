"""Three processes and a server of Redis or Valkey, all killed again and again: against a list of what was published.

Clients come, lose their connections, and come back to whichever process, with nothing but the last id that they had.
`CHIRP_TRIO_SOAK` makes it long: ten seeds of a minute each, with 300 clients.
"""

import os
import random
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import trio

from chirp_trio import Decoder, RedisStore, Topic
from chirp_trio.topics.topic import audience_of
from tests.integration.soak.settings import LONG, SEED
from tests.redis_servers import RedisServer

APPS = Path(__file__).with_name("apps")
SECONDS, CLIENTS, PUBLISHERS = (60, 300, 10) if LONG else (8, 30, 4)
SEEDS = range(10) if LONG else [SEED]
PATIENCE = 60


class Process:
    """One that serves the app, on a port that stays its own."""

    options = ()

    def __init__(self, url, log):
        self.url = url
        self.log = log
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        self.process = None

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "chirp_trio", "run", "joined:app", "--port", str(self.port), *self.options],
                cwd=APPS,
                env={**os.environ, "CHIRP_TRIO_TEST_REDIS": self.url},
                stdout=log,
                stderr=log,
            )

    def kill(self):
        self.process.kill()
        self.process.wait()

    async def wait_until_there(self):
        """Return once it takes connections."""
        with trio.fail_after(PATIENCE):
            while True:
                with suppress(OSError):
                    await (await trio.open_tcp_stream("127.0.0.1", self.port)).aclose()
                    return
                await trio.sleep(0.05)


class World:
    """What was published, what was acknowledged, and who has had what."""

    def __init__(self, seed, server, processes):
        self.random = random.Random(seed)
        self.server = server
        self.processes = processes
        self.acknowledged = {}  # ids by values
        self.published = 0
        self.had = [[] for _ in range(CLIENTS)]  # of each client: ids, event names and data
        self.is_over = False
        self.done = {}

    def count(self, what):
        self.done[what] = self.done.get(what, 0) + 1

    async def publish(self, number):
        while not self.is_over:
            value = f"{number}-{self.published}"
            self.published += 1
            with suppress(OSError, EOFError, trio.BrokenResourceError, trio.TooSlowError):
                await self.publish_once(value)
            await trio.sleep(0.002 * self.random.random())

    async def publish_once(self, value):
        process = self.random.choice(self.processes)
        with trio.fail_after(10):
            async with await trio.open_tcp_stream("127.0.0.1", process.port) as stream:
                head = f"POST /publish HTTP/1.0\r\nhost: test\r\ncontent-length: {len(value)}\r\n\r\n{value}"
                await stream.send_all(head.encode())
                answer = b""
                while piece := await stream.receive_some():
                    answer += piece
        id = answer.partition(b"\r\n\r\n")[2].decode()
        if answer.startswith(b"HTTP/1.1 200") and id:  # whoever is killed may say only half of it
            self.acknowledged[value] = id
        else:
            self.count(answer[9:12].decode() or "no answer")

    async def read(self, client):
        last_event_id = ""
        while True:
            with suppress(OSError, EOFError, trio.BrokenResourceError), trio.move_on_after(5 * self.random.random()):
                last_event_id = await self.read_once(client, last_event_id)
            last_event_id = client["id"] or last_event_id
            if client["is_done"]:
                return
            await trio.sleep(0.3 * self.random.random())

    async def read_once(self, client, last_event_id):
        process = self.random.choice(self.processes)
        decoder = Decoder(last_event_id=last_event_id)
        async with await trio.open_tcp_stream("127.0.0.1", process.port) as stream:
            head = f"GET /feed HTTP/1.0\r\nhost: test\r\nlast-event-id: {last_event_id}\r\n\r\n"
            await stream.send_all(head.encode())
            received = b""
            while b"\r\n\r\n" not in received:
                received += await self.receive(stream)
            if not received.startswith(b"HTTP/1.1 200"):
                return last_event_id
            self.count("streams")
            received = received.partition(b"\r\n\r\n")[2]
            while True:
                for event in decoder.feed(received):
                    if hasattr(event, "data"):
                        client["had"].append((event.id, event.event, event.data))
                        client["is_done"] = client["is_done"] or event.data == "end"
                client["id"] = decoder.last_event_id or last_event_id
                if client["is_done"]:
                    return client["id"]
                received = await self.receive(stream)

    async def receive(self, stream):
        piece = await stream.receive_some(65536)
        if not piece:
            raise EOFError
        return piece

    async def harm(self):
        """Kill somebody, and start them again."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            await trio.sleep(0.2 + 1.5 * self.random.random())
            victim = self.random.choice([*self.processes, self.server, self.server])
            self.count("kills of the server" if victim is self.server else "kills of a process")
            victim.kill()
            await trio.sleep(self.random.random())
            await trio.to_thread.run_sync(victim.start)
            if victim is not self.server:
                await victim.wait_until_there()

    async def end(self):
        """Publish the last event, once everybody is there again."""
        self.is_over = True
        with trio.fail_after(PATIENCE):
            while "end" not in self.acknowledged:
                with suppress(OSError, EOFError, trio.BrokenResourceError):
                    await self.publish_once("end")
                await trio.sleep(0.1)


async def play(world):
    server, processes = world.server, world.processes
    clients = [{"had": had, "id": "", "is_done": False} for had in world.had]
    async with trio.open_nursery() as nursery:
        for client in clients:
            nursery.start_soon(world.read, client)
        for process in processes:
            await process.wait_until_there()
        async with trio.open_nursery() as publishers:
            for number in range(PUBLISHERS):
                publishers.start_soon(world.publish, number)
            await world.harm()
            world.is_over = True
        await world.end()
        with trio.move_on_after(PATIENCE):
            while not all(client["is_done"] for client in clients):  # noqa: ASYNC110
                await trio.sleep(0.1)
        nursery.cancel_scope.cancel()
    async with Topic("news", history=10**6, store=RedisStore(server.url)) as topic:
        truth = [(event.id, event.event, event.value) for event in audience_of(topic).log.since(0, 10**9)]
    return clients, truth


@pytest.mark.timeout(SECONDS + 200)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["redis", "valkey"])
def test_nothing_is_lost_twice_or_out_of_order_whoever_is_killed(tmp_path, kind, seed):
    with RedisServer(kind, tmp_path / "server") as server:
        processes = [Process(server.url, tmp_path / f"{number}.log") for number in range(3)]
        try:
            for process in processes:
                process.start()
            world = World(seed, server, processes)
            clients, truth = trio.run(play, world)
        finally:
            for process in processes:
                process.kill()
    print(f"\n{kind}, seed {seed}")
    check(world, clients, truth)


def check(world, clients, truth, least=SECONDS):
    """Against what was published and acknowledged: nothing is lost, twice, or out of order."""
    values = [value for _, _, value in truth]
    print(f"{world.published} published, {len(world.acknowledged)} acknowledged, {len(truth)} there; {world.done}")
    logs = "\n".join(process.log.read_text()[-3000:] for process in world.processes)
    assert len(set(values)) == len(values), "twice"
    there = {value: id for id, _, value in truth}
    assert {value: there.get(value) for value in world.acknowledged} == world.acknowledged, "acknowledged, and not there"
    assert all(event is None for _, event, _ in truth), "a gap, and nothing was lost"
    assert len(world.acknowledged) >= least, logs
    for number, client in enumerate(clients):
        assert client["is_done"], f"client {number} has not come to the end: {client['had'][-3:]}\n{logs}"
        had = client["had"]
        begin = truth.index(had[0])
        assert had == truth[begin:], f"client {number}: {first_difference(had, truth[begin:])}"


def first_difference(had, truth):
    place = next((place for place, pair in enumerate(zip(had, truth, strict=False)) if pair[0] != pair[1]), None)
    return (place, had[place - 2 : place + 3], truth[place - 2 : place + 3]) if place is not None else (len(had), len(truth))
