"""Topics by themselves: the connections of their streams are in memory, so nothing is measured but the library.

All times are those of the processor and not of the wall, so what else the machine does is hardly in them.
"""

import tracemalloc
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from statistics import median
from time import process_time

import trio

from chirp_trio import EventStream, Limits, Topic, stream_lifespan
from chirp_trio.server.garbage import calm_garbage_collector

from .apps.workload import make_event
from .processes import BenchmarkError

KEPT, MANY_KEPT, REPLAYED = 1000, 100_000, 1000
SAMPLES = 15


def measure_in_memory(subscribers):
    """What publishing costs, what a subscription takes, and what a history and those who do not read do to that."""
    with calm_garbage_collector():  # as on our server
        return {
            "subscribers": subscribers,
            **trio.run(measure_publishing, subscribers),
            **trio.run(measure_beside_stalled, subscribers // 10),
            **trio.run(measure_stalled),
            **trio.run(measure_history),
            **trio.run(measure_size, subscribers // 10),
        }


async def measure_publishing(number):
    """Publishing to so many who wait; and then to the same ones, once each has events pending and takes no more."""
    subject, nobody = Publisher(), Publisher()
    connections = [Connection() for _ in range(number)]
    async with serving(subject.topic.subscribe, connections):
        samples = []
        for _ in range(SAMPLES):
            samples.append(subject.publish())
            await settle()
        waiting = median(samples)
        delivered = median([await subject.deliver() for _ in range(SAMPLES)])
        for connection in connections:
            connection.takes = False
        await fill(subject)
        pairs = [(nobody.publish(100), subject.publish(100)) for _ in range(SAMPLES)]
    alone, pending = map(median, zip(*pairs, strict=True))
    return {
        "alone_us": alone * 1e6,
        "waiting_us": (waiting - alone) * 1e6 / number,
        "delivered_us": delivered * 1e6 / number,
        "pending_us": pending * 1e6,
    }


async def measure_beside_stalled(number):
    """Delivering to so many; and to as many, who have as many beside them who never read."""
    alone, beside = Publisher(), Publisher()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving(alone.topic.subscribe, [Connection() for _ in range(number)]))
        await stack.enter_async_context(serving(beside.topic.subscribe, [Connection() for _ in range(number)]))
        await stack.enter_async_context(serving(beside.topic.subscribe, [Connection(takes=False) for _ in range(number)]))
        for publisher in (alone, beside):
            await fill(publisher)
        pairs = [(await alone.deliver(), await beside.deliver()) for _ in range(4 * SAMPLES)]
    return {"beside_stalled": median(beside / alone for alone, beside in pairs)}


async def measure_stalled():
    """What a topic and one who never reads hold more when there have been ten times as many events."""
    subject = Publisher(history=KEPT)
    async with serving(subject.topic.subscribe, [Connection(takes=False)]):
        tracemalloc.start()
        subject.publish(3 * KEPT)
        before, _ = tracemalloc.get_traced_memory()
        subject.publish(27 * KEPT)
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return {"held": after / before}


async def measure_history():
    """Publishing with a short history and with a long one, and the first bytes for somebody who comes to the long one."""
    short, long = Publisher(history=KEPT), Publisher(history=MANY_KEPT)
    short.publish(MANY_KEPT)
    long.publish(MANY_KEPT + KEPT)
    pairs = [(short.publish(1000), long.publish(1000)) for _ in range(SAMPLES)]
    replays = []
    for _ in range(SAMPLES):
        connection = Connection()
        async with stream_lifespan(limits=Limits(max_write_delay=0)) as state, trio.open_nursery() as nursery:
            began = process_time()
            open_stream(nursery, state, long.topic.subscribe(replay=REPLAYED), connection)
            while not connection.body_bytes:
                await trio.lowlevel.checkpoint()
            replays.append(process_time() - began)
            nursery.cancel_scope.cancel()
    return {"long_history": median(long / short for short, long in pairs), "replay_ms": median(replays) * 1e3}


async def measure_size(number):
    """What a stream that waits takes, and what one takes more whose source is a subscription."""
    topic = Topic("benchmark")
    sizes = []
    for make_source in (never, never, topic.subscribe):  # what the first ones make stays for good, and is no stream's own
        tracemalloc.start()
        async with serving(make_source, [Connection() for _ in range(number)]):
            sizes.append(tracemalloc.get_traced_memory()[0] / 1024 / number)
        tracemalloc.stop()
    _, stream, subscribed = sizes
    return {"stream_kib": stream, "subscription_kib": subscribed - stream}


class Publisher:
    """Publishes to a topic of its own, and measures what that costs, in seconds of CPU."""

    def __init__(self, **options):
        self.topic = Topic("benchmark", **options)
        self._numbers = count(1)

    def publish(self, events=1):
        """The cost of each of so many events, which are published without a pause."""
        values = [make_event(next(self._numbers)) for _ in range(events)]
        began = process_time()
        for value in values:
            self.topic.publish_nowait(value)
        return (process_time() - began) / events

    async def deliver(self):
        """The cost of an event, until all who take it have it."""
        began = process_time()
        self.topic.publish_nowait(make_event(next(self._numbers)))
        await settle()
        return process_time() - began


class Connection:
    """What our server offers to streams, and no client behind it."""

    def __init__(self, *, takes=True):
        self.is_open = False
        self.takes = takes
        self.body_bytes = 0

    async def send(self, message):
        self.is_open = message["type"] == "http.response.start"

    @property
    def progress(self):
        return self.body_bytes if self.takes else 0

    def start_nowait(self, message, first):
        return self.write_nowait(first)

    def write_nowait(self, data):
        self.body_bytes += len(data)
        return self.takes

    async def drain(self):
        if not self.takes and self.body_bytes:
            await trio.sleep_forever()

    def abort(self):
        pass


@asynccontextmanager
async def serving(make_source, connections, *, headers=(), **options):
    """A stream to each of the connections. All are at rest when the block is entered, and over when it is left."""
    async with stream_lifespan(limits=Limits(max_write_delay=0)) as state, trio.open_nursery() as nursery:
        for connection in connections:
            open_stream(nursery, state, make_source(), connection, headers=headers, **options)
        await trio.sleep(0.2)  # the headers of a stream without an event wait for half of that
        await settle()
        if len(nursery.child_tasks) != len(connections):
            raise BenchmarkError("a stream in memory has ended before it was measured; the log says why")
        yield
        nursery.cancel_scope.cancel()


def open_stream(nursery, state, source, connection, *, headers=(), **options):
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "headers": headers,
        "state": state,
        "extensions": {"chirp_trio.connection": connection},
    }
    nursery.start_soon(EventStream(source, **options), scope, trio.sleep_forever, connection.send)


async def settle():
    """Let everybody have a turn who wants one, and then those who want one because of that."""
    for _ in range(5):
        await trio.lowlevel.checkpoint()


async def fill(publisher):
    """Publish until those who take nothing have as much as they may have."""
    for _ in range(20):
        publisher.publish(10)
        await settle()


async def never():
    await trio.sleep_forever()
    yield
