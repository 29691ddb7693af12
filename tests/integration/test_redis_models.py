"""The models of tests/property on `RedisStore`, at a real server: each client sees what was published, or is told of a gap.

They are the same models, and play what hypothesis makes up for them. What differs is this:

- A start is a process of its own: another `RedisStore`, and so other connections. A kill drops what is not written yet.
- `publish_nowait()` tells no id. The models know it: it is the epoch's name, and the number in the server.
- What cannot be written is a gap for the subscribers of the process that has published it. It is not in the server, so nobody
  is told of it after a restart: for the others there has never been anything.
- The clock is a real one. Instead of sleeping, what was published is waited for, and the place of everybody with it.
"""

import os
from contextlib import contextmanager
from functools import partial

import pytest
import trio
import trio.testing
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from chirp_trio import RedisStore
from chirp_trio.topics.history import new_name
from chirp_trio.topics.topic import audience_of
from tests.property import test_merge_model as merging
from tests.property import test_topic_losses as losses
from tests.property import test_topic_model as topics
from tests.property.reused import reuses
from tests.redis_servers import RedisServer

LONG = int(os.environ.get("CHIRP_TRIO_EXAMPLES", 0))  # scripts for each model; 0: as few as in a run of all tests

pytestmark = pytest.mark.timeout(0 if LONG else 120)

# A script takes real time, so a shorter one that fails as well is looked for in the long form only.
some = settings(max_examples=LONG) if LONG else settings(max_examples=5, phases=[Phase.explicit, Phase.generate])


@pytest.fixture(scope="module", params=["redis", "valkey"])
def server(request, tmp_path_factory):
    with RedisServer(request.param, tmp_path_factory.mktemp("models") / "server") as server:
        yield server


class Processes:
    """Processes that use the same topics of a server, one after the other."""

    def __init__(self, server):
        self.server = server
        self.prefix = new_name()  # of this example

    def new_store(self):
        return RedisStore(self.server.url, prefix=self.prefix, timeout=20)

    @contextmanager
    def refusing(self):
        """A block in which nothing can be written."""
        assert self.server.ask("ACL", "SETUSER", "default", "-xadd") == b"+OK\r\n"
        try:
            yield
        finally:
            assert self.server.ask("ACL", "SETUSER", "default", "+xadd") == b"+OK\r\n"

    async def wait_until_disconnected(self):
        """Return once the server has taken whatever a process had sent before its end."""
        while b"connected_clients:1\r" not in self.server.ask("INFO", "clients"):
            await trio.testing.wait_all_tasks_blocked(0.001)


async def settle(topic):
    """Return once everything that was published is delivered or lost, and everybody's place is known."""
    await trio.testing.wait_all_tasks_blocked()
    journal = topic._journal
    while journal.position.is_open and not journal.is_empty:
        await journal.position.changed.park()
    await journal.find("whoever has asked before this is told before it")
    await trio.testing.wait_all_tasks_blocked()


class RedisModel(topics.StoredModel):
    """See `topics.StoredModel`."""

    def __init__(self, processes, *arguments):
        super().__init__(*arguments)
        self.processes = processes

    def new_store(self):
        return self.processes.new_store()

    async def start(self):
        await super().start()
        self.epoch = self.topic.cursor.rpartition("-")[0]

    def next_id(self):
        return f"{self.epoch}-{len(self.numbers)}"

    async def own(self, topic, end, task_status):
        has_ended = self.has_ended = trio.Event()
        await super().own(topic, end, task_status)
        has_ended.set()

    async def kill(self, everybody):
        for client in everybody:
            client.leave()
        while any(client.scope is not None for client in everybody):
            await trio.lowlevel.checkpoint()
        for client in everybody:
            client.check()
        self.delivered = audience_of(self.topic).log.last
        journal = self.publisher._journal
        journal._link.publishing.drop(journal)

    async def settle(self):
        if self.end.is_set():
            await self.has_ended.wait()
            await self.processes.wait_until_disconnected()
        await settle(self.topic)


@some
@example([(True, None, "disconnect")], topics.KILLED, ("a dict", 0), "")
@example([(False, None, "disconnect")], [("publish", 2), ("restart",), ("come", 0, 100), ("publish", 1)], ("a dict", 0), "")
@given(topics.kinds, topics.steps, reuses, st.sampled_from(["", "x" * 3000]))
def test_each_client_sees_exactly_what_was_published_or_a_gap_over_restarts_and_kills(server, kinds, script, reuse, padding):
    trio.run(topics.play, partial(RedisModel, Processes(server)), kinds, script, reuse, padding)


class TwoProcessesModel(RedisModel):
    """One process publishes, another one has everybody. If that ends, they come to the first, and a third publishes."""

    publishing = None  # the topic of that process, what ends it, and whether it has ended

    @property
    def publisher(self):
        return self.publishing[0]

    async def open(self):
        if self.publishing is None:
            await super().open()
            self.publishing = self.topic, self.end, self.has_ended
        coming = self.publishing
        await super().open()
        self.publishing = self.topic, self.end, self.has_ended
        self.topic, self.end, self.has_ended = coming

    async def kill(self, everybody):
        await super().kill(everybody)
        _, end, has_ended = self.publishing
        end.set()
        await has_ended.wait()
        self.publishing = None

    async def settle(self):
        if self.publishing is not None:
            await settle(self.publisher)
            if self.end.is_set():
                await self.has_ended.wait()
            await settle(self.topic)
        else:
            await super().settle()

    def close(self):
        self.publishing[1].set()


@some
@example([(True, None, "disconnect")], topics.KILLED, ("a dict", 0), "")
@example([(True, None, "disconnect")], [("publish", 2), ("wait",), ("forge", 0, "newest"), ("come", 0, 0)], ("a dict", 0), "")
@given(topics.kinds, topics.steps, reuses, st.sampled_from(["", "x" * 3000]))
def test_they_do_so_where_another_process_publishes(server, kinds, script, reuse, padding):
    trio.run(topics.play, partial(TwoProcessesModel, Processes(server)), kinds, script, reuse, padding)


class RedisWorld(merging.StoredWorld):
    """See `merging.StoredWorld`."""

    def __init__(self, processes, *arguments):
        super().__init__(processes.new_store(), *arguments)
        self.processes = processes
        self.epochs, self.moved, self.have_ended = {}, {}, {}

    async def start(self, name):
        await super().start(name)
        self.epochs[name] = self.topics[name].cursor.rpartition("-")[0]

    def next_id(self, name):
        written = sum(not isinstance(entry, merging.Lost) for entry in self.published[name])
        return f"{self.epochs[name]}-{written}"

    def refusing(self):
        return self.processes.refusing()

    def take_back(self, name):
        published = self.published[name]
        moved = self.moved[name] = [0]
        for entry in published:
            moved.append(moved[-1] + (not isinstance(entry, merging.Lost)))
        for id in [id for id in self.places if self.is_of(name, id)]:
            self.places[id] = moved[self.places[id]]
        published[:] = [entry for entry in published if not isinstance(entry, merging.Lost)]

    def place_after_a_restart(self, name, place):
        return None if name == "a" else self.moved[name][place]

    async def own(self, topic, end, task_status):
        ended = self.have_ended[topic.name] = trio.Event()
        await super().own(topic, end, task_status)
        ended.set()

    async def settle_end(self, name):
        await self.have_ended[name].wait()

    async def settle(self):
        for name in ("b", "c"):
            await settle(self.topics[name])


@some
@given(merging.kinds, merging.steps, reuses)
def test_with_one_id_each_client_sees_what_was_published_to_each_of_merged_topics_or_a_gap(server, kinds, script, reuse):
    trio.run(merging.play, partial(RedisWorld, Processes(server)), kinds, script, reuse)


class RedisHistory(losses.History):
    """See `losses.History`."""

    def __init__(self, processes):
        super().__init__(None)
        self.processes = processes

    def new_store(self):
        return self.processes.new_store()

    def take_back(self):
        self.nobodys += [id for id, value in self.delivered if losses.is_gap(value)]
        self.delivered = [(id, value) for id, value in self.delivered if not losses.is_gap(value)]

    def publish(self, topic, numbers):
        epoch = self.delivered[0][0].rpartition("-")[0]
        first = sum(not losses.is_gap(value) for _, value in self.delivered)
        for number in numbers:
            assert topic.publish_nowait(number) == ""
        return [f"{epoch}-{place}" for place, _ in enumerate(numbers, first)]

    async def lose(self, topic, numbers):
        with self.processes.refusing():
            self.publish(topic, numbers)
            await self.settle(topic)
        return topic.cursor.split(",")[:1]

    async def settle(self, topic):
        await settle(topic)

    async def values(self, topic, ids):
        got = [[] for _ in ids]  # all come at the same time, or to wait for each would take longer than all else
        async with trio.open_nursery() as nursery:

            async def read(last_event_id, values):
                async for event in topic.subscribe(last_event_id):
                    values.append(event.value)

            for id, values in zip(ids, got, strict=True):
                nursery.start_soon(read, id, values)
            await settle(topic)
            nursery.cancel_scope.cancel()
        return got


@some
@example([("lose", 3), ("publish", 1), ("restart", 0)])
@example([("publish", 2), ("lose", 3), ("lose", 1), ("restart", 0), ("publish", 1), ("restart", 0)])
@given(losses.steps)
def test_every_id_that_somebody_has_had_leads_to_exactly_what_came_after_it(server, script):
    trio.run(losses.play, RedisHistory(Processes(server)), script)
