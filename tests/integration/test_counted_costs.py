"""What streams cost, counted and not timed: calls of Python, turns of tasks, writes, under both servers.

The clients are sockets of the same process that nobody reads while something is counted: the system keeps what they get.
"""

import gc
import socket
import sys
import tracemalloc
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import hypercorn.trio
import pytest
import trio
import trio.testing
from hypercorn.config import Config

from chirp_trio import App, EventStream, ServerConfig, Topic, serve

FEW, MANY = 4, 24  # streams: what the further ones cost is what each of them costs
EVENTS = 400
LOOP = 50  # events of a publisher that lets others have their turn after each

pytestmark = pytest.mark.parametrize("server", ["chirp_trio", "hypercorn"])


@dataclass(frozen=True)
class Cost:
    """So many of each, or at most so many.

    Attributes:
        calls: Functions of Python that were called or went on.
        turns: Turns of tasks.
        writes: Calls of `send` of a socket.
    """

    calls: float
    turns: float
    writes: float

    def __sub__(self, other):
        return Cost(self.calls - other.calls, self.turns - other.turns, self.writes - other.writes)

    def __truediv__(self, number):
        return Cost(self.calls / number, self.turns / number, self.writes / number)

    def __le__(self, most):
        return self.calls <= most.calls and self.turns <= most.turns and self.writes <= most.writes


class Counting(trio.abc.Instrument):
    """Counts while it is entered."""

    def __init__(self):
        self._counted = Counter()

    def __enter__(self):
        trio.lowlevel.add_instrument(self)
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_):
        sys.setprofile(None)
        trio.lowlevel.remove_instrument(self)

    def before_task_step(self, _task):
        self._counted["turns"] += 1

    def _note(self, frame, event, function):
        if event == "call" and frame.f_code.co_filename != __file__:
            self._counted["calls"] += 1
        elif event == "c_call" and function.__name__ == "send" and isinstance(function.__self__, socket.socket):
            self._counted["writes"] += 1

    @property
    def cost(self):
        return Cost(self._counted["calls"], self._counted["turns"], self._counted["writes"])


class Served:
    """An app that is being served, and its clients."""

    def __init__(self, port):
        self._port = port
        self.clients = []

    async def open(self, number):
        """Open so many further streams, and wait until nothing happens any more."""
        for _ in range(number):
            client = socket.create_connection(("127.0.0.1", self._port))
            client.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n")
            client.setblocking(False)
            self.clients.append(client)
        await trio.testing.wait_all_tasks_blocked(0.05)

    def received(self):
        """What each client has got since the last time."""
        return [_receive(client) for client in self.clients]


def _receive(client):
    try:
        return client.recv(1 << 22)
    except BlockingIOError:
        return b""


@asynccontextmanager
async def served(server, source, **options):
    """Serve an app whose streams have this source. No timer goes off in between."""
    app = App()
    app.route("/")(
        lambda: EventStream(source(), **{"heartbeat_interval": None, "send_timeout": 1000, "start_grace": 1000} | options)
    )
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            if server == "hypercorn":
                config = Config()
                config.bind = ["127.0.0.1:0"]
                config.accesslog = config.errorlog = None
                [url] = await nursery.start(partial(hypercorn.trio.serve, app, config))
            else:
                [url] = await nursery.start(serve, app, ServerConfig(port=0))
            running = Served(int(url.rpartition(":")[2]))
            try:
                yield running
            finally:
                for client in running.clients:
                    client.close()
            nursery.cancel_scope.cancel()


async def cost_of_publishing(server, streams, events, publish):
    topic = Topic("news", history=EVENTS)
    async with served(server, topic.subscribe) as running:
        await running.open(streams)
        topic.publish_nowait("once for all")  # what is made when it is first used
        await trio.testing.wait_all_tasks_blocked(0.05)
        running.received()
        with Counting() as counting:
            await publish(topic)
            await trio.testing.wait_all_tasks_blocked(0.05)
        for received in running.received():
            assert received.count(b"data: ") == events
    return counting.cost


ONE_EVENT = {"chirp_trio": Cost(calls=5, turns=0, writes=1), "hypercorn": Cost(calls=280, turns=4, writes=1)}


async def test_an_event_costs_each_stream(server):
    async def publish(topic):
        topic.publish_nowait("hello")

    few = await cost_of_publishing(server, FEW, 1, publish)
    many = await cost_of_publishing(server, MANY, 1, publish)
    assert (many - few) / (MANY - FEW) <= ONE_EVENT[server]


A_BURST = {"chirp_trio": Cost(calls=0.25, turns=0.005, writes=0.01), "hypercorn": Cost(calls=1.5, turns=0.02, writes=0.01)}


async def test_an_event_of_many_that_are_published_without_a_pause_costs_each_stream(server):
    async def publish(topic):
        for number in range(EVENTS):
            topic.publish_nowait(number)

    few = await cost_of_publishing(server, FEW, EVENTS, publish)
    many = await cost_of_publishing(server, MANY, EVENTS, publish)
    assert (many - few) / (MANY - FEW) / EVENTS <= A_BURST[server]


# Under our server it depends on the time that writing takes what is written together: see `test_joined_writes`.
A_LOOP = {"chirp_trio": Cost(calls=8, turns=0.1, writes=1), "hypercorn": Cost(calls=90, turns=0.8, writes=0.4)}


async def test_an_event_of_those_that_are_published_in_a_loop_costs_each_stream(server):
    async def publish(topic):
        for number in range(LOOP):
            await topic.publish(number)

    few = await cost_of_publishing(server, FEW, LOOP, publish)
    many = await cost_of_publishing(server, MANY, LOOP, publish)
    assert (many - few) / (MANY - FEW) / LOOP <= A_LOOP[server]


AN_ITEM = {"chirp_trio": Cost(calls=5, turns=0.04, writes=0.02), "hypercorn": Cost(calls=7.5, turns=0.08, writes=0.02)}


async def test_an_item_that_a_source_yields_without_waiting_costs(server):
    go_on = trio.Event()

    async def source():
        yield "first"
        await go_on.wait()
        for number in range(EVENTS):
            yield {"number": number, "text": "some sixty bytes of text for each of the items"}
        await trio.sleep_forever()

    async with served(server, lambda: source) as running:
        await running.open(1)
        running.received()
        with Counting() as counting:
            go_on.set()
            await trio.testing.wait_all_tasks_blocked(0.05)
        [received] = running.received()
        assert received.count(b"data: ") == EVENTS
    assert counting.cost / EVENTS <= AN_ITEM[server]


async def test_a_stream_that_waits_costs_nothing(server):
    async with served(server, Topic("news").subscribe) as running:
        await running.open(MANY)
        with Counting() as counting:
            await trio.sleep(0.3)
        assert len(running.received()) == MANY
    assert counting.cost <= Cost(calls=120, turns=1, writes=0)  # those of the sleep


# More, where the streams are looked at one by one, because their heartbeats are not due at the same time.
A_HEARTBEAT = {"chirp_trio": Cost(calls=130, turns=2, writes=1), "hypercorn": Cost(calls=500, turns=7, writes=1)}


async def test_a_heartbeat_costs(server):
    async def source():
        yield "first"
        await trio.sleep_forever()

    async with served(server, lambda: source, heartbeat_interval=0.2, start_grace=0.1) as running:
        await running.open(MANY)
        running.received()
        heartbeats = 0
        with Counting() as counting:
            while heartbeats < MANY:
                await trio.sleep(0.5)
                await trio.testing.wait_all_tasks_blocked()
                heartbeats += b"".join(running.received()).count(b": heartbeat")
    assert counting.cost / heartbeats <= A_HEARTBEAT[server]


async def cost_of_opening(running, most):
    """What each of many streams costs; up to three times, as those that come slowly to a busy machine take more turns."""
    for _ in range(3):
        with Counting() as counting:
            await running.open(MANY)
        cost = counting.cost / MANY
        if cost <= most:
            break
    return cost


A_STREAM = {"chirp_trio": Cost(calls=560, turns=9, writes=1), "hypercorn": Cost(calls=1800, turns=22, writes=2)}


async def test_to_open_a_stream_costs(server):
    async with served(server, Topic("news").subscribe) as running:
        await running.open(FEW)  # what is made when it is first used
        running.received()
        cost = await cost_of_opening(running, A_STREAM[server])
        for received in running.received()[FEW:]:
            assert b"\nid: " in received
    assert cost <= A_STREAM[server]


async def test_to_come_back_for_what_was_missed_costs_as_much_and_no_further_write(server):
    topic = Topic("news")
    last_id = topic.publish_nowait("first")
    for number in range(10):
        topic.publish_nowait(number)
    async with served(server, lambda: topic.subscribe(last_id)) as running:
        await running.open(FEW)
        running.received()
        cost = await cost_of_opening(running, A_STREAM[server])
        for received in running.received()[FEW:]:
            assert received.startswith(b"HTTP/1.1 200")
            assert received.count(b"\ndata: ") == 10
    assert cost <= A_STREAM[server]


# Bytes of Python's for each of them; among them are those of its client's socket.
KEPT = {
    "chirp_trio": {"a generator": 12_900, "a subscription": 10_800},
    "hypercorn": {"a generator": 27_500, "a subscription": 23_500},
}


@pytest.mark.parametrize("kind", ["a generator", "a subscription"])
async def test_a_stream_that_waits_keeps(server, kind):
    async def generator():
        yield "first"
        await trio.sleep_forever()

    topic = Topic("news")
    topic.publish_nowait("first")
    async with served(server, (lambda: generator) if kind == "a generator" else lambda: topic.subscribe(replay=1)) as running:
        await running.open(FEW)  # what is made when it is first used
        tracemalloc.start()
        try:
            for _ in range(2):  # no more at once than a server lets wait
                await running.open(MANY)
            gc.collect()
            kept, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert all(b"data: first" in received for received in running.received())
    assert kept / (2 * MANY) <= KEPT[server][kind]
