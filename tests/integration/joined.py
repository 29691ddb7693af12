"""Processes joined by a server of Redis or Valkey, clients and publishers, and what kills all of them but the clients.

Clients come, lose their connections, and come back to whichever process, with nothing but the last id that they had.
"""

import os
import random
import socket
import time
from array import array
from contextlib import suppress

import trio

from chirp_trio import Decoder, RedisStore, Topic
from chirp_trio.topics.topic import audience_of
from tests import forking
from tests.integration.server import APPS, SCRIPTS
from tests.integration.soak.settings import LONG

SECONDS, CLIENTS, PUBLISHERS, EVENTS, BATCH = (60, 300, 10, 20_000, 50) if LONG else (3, 15, 4, 180, 5)
# `BATCH` is how many events a publisher sends with one request.
STAY = 10 if LONG else 3  # seconds, at most, that a client keeps its connection
PATIENCE = 60
GONE = (OSError, EOFError, trio.BrokenResourceError, trio.TooSlowError)


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
        command = [SCRIPTS / "chirp-trio", "run", "joined:app", "--port", str(self.port), *self.options]
        env = {**os.environ, "CHIRP_TRIO_TEST_REDIS": self.url}
        with self.log.open("ab") as log:
            self.process = forking.servers.start(command, cwd=APPS, env=env, output=log.fileno())

    def kill(self):
        self.process.kill()
        self.process.wait()

    async def wait_until_there(self):
        """Return once it takes connections; where it has ended, because the server was not there, it is started again."""
        with trio.fail_after(PATIENCE):
            while True:
                if self.process.poll() is not None:
                    self.start()
                with suppress(OSError):
                    await (await trio.open_tcp_stream("127.0.0.1", self.port)).aclose()
                    return
                await trio.sleep(0.05)


class Client:
    """What one has had: events as they were on the wire, each as a number that `World.wire` knows."""

    def __init__(self):
        self.had = array("I")
        self.id = ""
        self.is_done = False


class World:
    """What was published, what was acknowledged, and who has had what."""

    def __init__(self, seed, server, processes):
        self.seed = seed
        self.random = random.Random(seed)
        self.server = server
        self.processes = processes
        self.acknowledged = {}  # ids by values
        self.published = 0
        self.clients = [Client() for _ in range(CLIENTS)]
        self.wire = {}  # numbers by what was on the wire, as most of it comes to every client
        self.is_harmed = True
        self.is_over = False
        self.done = {}
        self.began = time.monotonic()

    def count(self, what):
        self.done[what] = self.done.get(what, 0) + 1

    # -- publishers -----------------------------------------------------------------------------------------------------

    async def publish(self, name):
        """Publish at a steady rate, each time at another process, until there are enough."""
        number = 0
        while not self.is_over:
            due = EVENTS * (time.monotonic() - self.began) / SECONDS
            if len(self.acknowledged) < due:
                number += 1
                await self.publish_some([f"{name}.{one}-{number}" for one in range(BATCH)])
            await trio.sleep(0.02 * self.random.random())

    async def publish_some(self, values):
        """Publish all of them at once; those are acknowledged of which the answer tells the id."""
        process = self.random.choice(self.processes)
        self.published += len(values)
        body = "\n".join(values)
        answer = b""
        with suppress(*GONE), trio.fail_after(10):
            async with await trio.open_tcp_stream("127.0.0.1", process.port) as stream:
                head = f"POST /publish HTTP/1.0\r\nhost: test\r\ncontent-length: {len(body)}\r\n\r\n{body}"
                await stream.send_all(head.encode())
                while piece := await stream.receive_some():
                    answer += piece
        if not answer.startswith(b"HTTP/1.1 200"):
            self.count("requests without an answer")
            return
        # Whoever is killed may say only half of it, so an id counts once its line has ended.
        ids = answer.partition(b"\r\n\r\n")[2].decode().split("\n")[:-1]
        self.acknowledged |= {value: id for value, id in zip(values, ids, strict=False) if id}

    # -- clients --------------------------------------------------------------------------------------------------------

    async def read(self, client):
        while not client.is_done:
            with suppress(*GONE), trio.move_on_after(STAY * self.random.random()):
                await self.read_once(client)
            await trio.sleep(0.3 * self.random.random())

    async def read_once(self, client):
        process = self.random.choice(self.processes)
        async with await trio.open_tcp_stream("127.0.0.1", process.port) as stream:
            head = f"GET /feed HTTP/1.0\r\nhost: test\r\nlast-event-id: {client.id}\r\n\r\n"
            await stream.send_all(head.encode())
            received = b""
            while b"\r\n\r\n" not in received:
                received += await receive(stream)
            if not received.startswith(b"HTTP/1.1 200"):
                return
            self.count("streams")
            received = received.partition(b"\r\n\r\n")[2]
            while not client.is_done:
                *events, received = received.split(b"\n\n")
                for event in events:
                    self.take(client, event)
                received += await receive(stream)

    def take(self, client, event):
        """Something has come to a client: an event, or only an id, or a heartbeat."""
        number = self.wire.setdefault(event, len(self.wire))
        if b"data" in event or b"id" in event:
            client.had.append(number)
        for line in event.split(b"\n"):
            if line.startswith(b"id: "):
                client.id = line[4:].decode()
            client.is_done = client.is_done or line == b"data: end"

    # -- harm -----------------------------------------------------------------------------------------------------------

    async def harm(self):
        """Kill the server and the processes, each at its own times, and start them again; until enough is published."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.kill, [self.server], "kills of the server")
            nursery.start_soon(self.kill, self.processes, "kills of a process")
            await trio.sleep(SECONDS)
            await self.wait_until_enough()
            self.is_harmed = False

    async def kill(self, victims, what):
        lot = random.Random(f"{self.seed} {what}")
        await trio.sleep(2 * lot.random())
        while self.is_harmed:
            victim = lot.choice(victims)
            self.count(what)
            victim.kill()
            await trio.sleep(lot.random())
            await trio.to_thread.run_sync(victim.start)
            if victim is not self.server:
                await victim.wait_until_there()
            await trio.sleep(1 + 5 * lot.random() if LONG else 0.3 + 2 * lot.random())

    async def wait_until_enough(self):
        """Return once as much is acknowledged as was to be, or that takes too long: a busy machine takes its time."""
        with trio.move_on_after(4 * SECONDS):
            while len(self.acknowledged) < EVENTS:  # noqa: ASYNC110
                await trio.sleep(0.1)

    async def end(self):
        """Publish the last event; it may be there more than once."""
        with trio.fail_after(PATIENCE):
            while "end" not in self.acknowledged:
                await self.publish_some(["end"])
        del self.acknowledged["end"]


async def receive(stream):
    piece = await stream.receive_some(65536)
    if not piece:
        raise EOFError
    return piece


async def play(world):
    """Everything, and what is in the server after it, up to the end: each event's id, its name, and its data."""
    async with trio.open_nursery() as nursery:
        for client in world.clients:
            nursery.start_soon(world.read, client)
        for process in world.processes:
            await process.wait_until_there()
        world.began = time.monotonic()
        async with trio.open_nursery() as publishers:
            for number in range(PUBLISHERS):
                publishers.start_soon(world.publish, number)
            await world.harm()
            await world.wait_until_enough()
            world.is_over = True
        await world.end()
        with trio.move_on_after(PATIENCE):
            while not all(client.is_done for client in world.clients):  # noqa: ASYNC110
                await trio.sleep(0.1)
        nursery.cancel_scope.cancel()
    async with Topic("news", history=10**6, store=RedisStore(world.server.url, timeout=20)) as topic:
        truth = [(event.id, event.event, event.value) for event in audience_of(topic).log.since(0, 10**9)]
    return truth[: next(place for place, (_, _, data) in enumerate(truth, 1) if data == "end")]


def read_wire(world):
    """What each client has had: for each event its id, its name, and its data; without data where only an id came."""
    events = []
    for block in world.wire:  # in the order of their numbers
        decoder = Decoder()
        found = [event for event in decoder.feed(block + b"\n\n") if hasattr(event, "data")]
        name, data = (found[0].event, found[0].data) if found else (None, None)
        events.append((decoder.last_event_id, name, data))
    return [[events[number] for number in client.had] for client in world.clients]
