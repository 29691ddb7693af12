"""What topics keep in memory: for a client that does not read, for those who are behind, for one that waits."""

import gc
import tracemalloc
from contextlib import AsyncExitStack, contextmanager

import pytest
import trio
import trio.testing

from chirp_trio import Topic
from chirp_trio.htmx import for_event_source
from chirp_trio.stream.client import BYTE_READER
from chirp_trio.stream.push_source import PushSource, push_source
from chirp_trio.stream.waiting import Outbox, ParkingSpot
from tests.lifecycle.feeds import feed_of


class Memory:
    kept = 0


@contextmanager
def counted_memory():
    """How many bytes more there are at the end of the block than at its beginning."""
    gc.collect()
    memory = Memory()
    tracemalloc.start()
    try:
        yield memory
        gc.collect()
        memory.kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("pause", [0.01, 0], ids=["one by one", "at once"])
@pytest.mark.parametrize(
    "options",
    [
        {"overflow": "disconnect"},
        {"overflow": "drop-oldest"},
        {"overflow": "latest", "key": lambda value: value["key"]},
        {"overflow": "disconnect", "filter": lambda value: True},
        {"overflow": "drop-oldest", "filter": lambda value: True},
    ],
    ids=["disconnect", "drop-oldest", "latest", "disconnect, filter", "drop-oldest, filter"],
)
async def test_what_waits_for_a_client_that_does_not_read_is_bounded(autojump_clock, pause, options):
    topic = Topic("news", history=10)
    async with feed_of(topic, buffer=10, **options) as feed, feed.stream_sse("/") as stream:
        stream.stall()
        await trio.sleep(1)
        with counted_memory() as memory:
            for number in range(200):
                topic.publish_nowait({"key": number % 3, "text": "x" * 2000})
                if pause:
                    await trio.sleep(pause)
            await trio.sleep(1)
    # Three copies of the history (the value, its text, its bytes), a batch that is being read, and what is under way.
    assert memory.kept < 200_000, "of 400 000 bytes"


async def test_large_events_are_not_kept_beyond_the_history_for_those_who_are_behind(autojump_clock):
    topic = Topic("news", history=20)
    async with feed_of(topic, buffer=20) as feed, AsyncExitStack() as stack:
        with counted_memory() as memory:
            for _ in range(50):
                before = topic.cursor
                topic.publish_nowait("x" * 100_000)
                topic.publish_nowait("small")
                stream = await stack.enter_async_context(feed.stream_sse("/", last_event_id=before))
                stream.stall()
            await stack.aclose()
    assert memory.kept < 10 * 100_000 * 3, "three copies: the value, its text, and its bytes"


class Idle(PushSource):
    """What only waits, as a subscription does to which nothing is published."""

    def __init__(self):
        self.spot = ParkingSpot()

    async def _push(self, sink):
        await self.spot.park()


async def test_a_subscription_that_waits_takes_less_than_a_kibibyte():
    topic = Topic("news")
    assert await memory_of_each(topic.subscribe) - await memory_of_each(Idle) < 1024
    assert not hasattr(topic.subscribe(), "__dict__")


class Nowhere:
    """A stream, and its own writer: whatever is put into it stays there."""

    event_type, kind, render, gate = None, BYTE_READER, for_event_source, None

    def __init__(self):
        self.writer = self
        self.outbox = Outbox()
        self.flusher = None

    def put(self, event):
        return self.outbox.put(event)

    def put_joined(self, events, _count):
        return self.outbox.put(events)


async def memory_of_each(make):
    sink = Nowhere()
    async with trio.open_nursery() as nursery:
        with counted_memory() as memory:
            for _ in range(500):
                nursery.start_soon(push_source, make(), sink)
            await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    return memory.kept / 500
