"""What a server of Redis or Valkey has to do for topics: counted by itself, and never timed."""

import re
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import trio

from chirp_trio import RedisStore, Topic
from tests.redis_servers import RedisServer

pytestmark = pytest.mark.timeout(120)

MANY = 100  # clients
EVENTS = 1000


@pytest.fixture(params=["redis", "valkey"])
def server(request, tmp_path, monkeypatch):
    monkeypatch.setattr("chirp_trio.redis.listening._COMPARE_AFTER", (600, 600))  # which comes at any time
    with RedisServer(request.param, tmp_path / "server") as server:
        yield server


# What an event takes. A process tells the others of its clients as well, now and then, which is not about events.
OF_EVENTS = {"fcall", "xadd", "xrange", "xrevrange", "hmget", "get", "set"}


def counted(server):
    """How many commands for events there have been since the last time, by name: those in functions too."""
    found = re.findall(r"cmdstat_(\S+):calls=(\d+)", server.ask("INFO", "commandstats").decode())
    server.ask("CONFIG", "RESETSTAT")
    return {name: int(calls) for name, calls in found if name in OF_EVENTS}


class Crowd:
    """So many subscribers of a topic."""

    def __init__(self, topic, number):
        self._topic = topic
        self._number = number
        self.expect()

    async def _read(self):
        async for _ in self._topic.subscribe():
            self._had += 1
            if self._had == self._number:
                self.all_have_it.set()

    @asynccontextmanager
    async def there(self):
        """Until the block is left."""
        async with trio.open_nursery() as nursery:
            for _ in range(self._number):
                nursery.start_soon(self._read)
            while self._topic.subscribers < self._number:  # noqa: ASYNC110
                await trio.sleep(0.01)
            yield self
            nursery.cancel_scope.cancel()

    def expect(self):
        """Another event will come."""
        self._had = 0
        self.all_have_it = trio.Event()

    async def get(self):
        """Publish an event, and wait until all have it."""
        self.expect()
        await self._topic.publish("x")
        await self.all_have_it.wait()


@pytest.mark.parametrize("others", [0, 50])
async def test_an_event_costs_the_server_the_same_however_many_clients_and_topics_there_are(server, others):
    store = RedisStore(server.url)
    async with AsyncExitStack() as stack:
        for number in range(others):
            await stack.enter_async_context(Topic(f"other {number}", store=store))
        topic = await stack.enter_async_context(Topic("news", store=store))
        found = {}
        for clients in (1, MANY):
            async with Crowd(topic, clients).there() as crowd:
                await crowd.get()
                counted(server)
                for _ in range(10):
                    await crowd.get()
                found[clients] = counted(server)
    assert found[1]["fcall"] == found[1]["xadd"] == 10
    assert found[MANY] == found[1]
    assert sum(found[1].values()) <= 10 * 8


@pytest.mark.parametrize(("text", "reads"), [("x", 0), ("x" * 10_000, 3)])
async def test_each_process_reads_an_event_once_and_a_small_one_comes_with_the_bell(server, text, reads):
    async with AsyncExitStack() as stack:
        topics = [await stack.enter_async_context(Topic("news", store=RedisStore(server.url))) for _ in range(3)]
        crowds = [await stack.enter_async_context(Crowd(topic, 50).there()) for topic in topics]
        await crowds[0].get()
        counted(server)
        for crowd in crowds:
            crowd.expect()
        await topics[0].publish(text)
        for crowd in crowds:
            await crowd.all_have_it.wait()
        found = counted(server)
    assert (found["fcall"], found.get("xrange", 0)) == (1, reads)


@pytest.mark.parametrize("is_awaited", [True, False])
async def test_many_events_are_written_with_few_calls_and_read_with_few_commands(server, is_awaited):
    topic = Topic("news", store=RedisStore(server.url))
    async with topic, Crowd(topic, 1).there() as crowd, trio.open_nursery() as nursery:
        await crowd.get()
        counted(server)
        cursor = topic.cursor
        for number in range(EVENTS):
            if is_awaited:
                nursery.start_soon(topic.publish, number)
            else:
                topic.publish_nowait(number)
        got = []
        async for event in topic.subscribe(cursor):
            got.append(event.value)
            if len(got) == EVENTS:
                break
        found = counted(server)
    assert sorted(got) == list(range(EVENTS))
    assert is_awaited or got == list(range(EVENTS))
    assert found.pop("xadd") == EVENTS
    assert found["fcall"] <= EVENTS / 200 + 2  # so many at a time
    assert sum(found.values()) <= 80
