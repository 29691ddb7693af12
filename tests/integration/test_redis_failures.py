"""What servers do to themselves and others to them: nothing is lost without a word, nothing comes twice, nobody waits long.

Others are in test_redis_losses.py, a server that is emptied, restarted without its file or trimmed; and in
test_redis_refusals.py, one that is full or promoted.
"""

import signal
from collections import Counter
from contextlib import asynccontextmanager
from functools import partial
from itertools import count

import pytest
import trio

from chirp_trio import RedisStore, StoreError, Topic
from chirp_trio.topics.topic import audience_of
from tests.integration.joined_truth import violations_of
from tests.integration.redis_topics import publish_at_last, remembered, values
from tests.redis_servers import RedisServer, at_both

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(params=["redis", "valkey"])
def kind(request):
    return request.param


@at_both
async def test_while_a_server_is_frozen_streams_stay_open_and_every_publisher_hears_of_it(server):
    written, unknown, got, over = [], [], [], []

    async def publish(topic, name):
        for number in count():
            if over:
                return
            value = f"{name}-{number}"
            try:
                await topic.publish(value)
                written.append(value)
            except StoreError:
                unknown.append(value)
            await trio.sleep(0.1)

    async def until_each_has(values, number):
        wanted = Counter(value[0] for value in values) + Counter(dict.fromkeys("012", number))
        with trio.fail_after(60):
            while not Counter(value[0] for value in values) >= wanted:  # noqa: ASYNC110
                await trio.sleep(0.05)

    async def read(topic, task_status):
        async with trio.open_nursery() as nursery:
            events = aiter(topic.subscribe())
            task_status.started()
            async for event in events:
                got.append(event.value)
                if event.value == "end":
                    nursery.cancel_scope.cancel()

    store = RedisStore(server.url, timeout=1)
    async with (
        Topic("news", store=store) as topic,
        Topic("news", store=RedisStore(server.url, timeout=1)) as other,
        trio.open_nursery() as readers,
    ):
        await readers.start(read, other)
        async with trio.open_nursery() as publishers:
            for name, one in enumerate((topic, topic, other)):
                publishers.start_soon(publish, one, name)
            await until_each_has(written, 2)
            server.signal(signal.SIGSTOP)
            await until_each_has(unknown, 3)
            server.signal(signal.SIGCONT)
            await until_each_has(written, 2)
            over.append(True)
        await publish_at_last(topic, "end")
    async with Topic("news", store=store) as topic:
        there = remembered(topic)
    assert got == there[there.index(got[0]) :]
    assert len(set(there)) == len(there)
    assert set(written) <= set(there) <= {*written, *unknown, "end"}


async def test_what_is_evicted_is_told_to_whoever_has_not_had_it(kind, tmp_path, caplog):
    with RedisServer(kind, tmp_path / "server", maxmemory_policy="allkeys-lru") as server:
        store = RedisStore(server.url, timeout=3)
        async with Topic("news", store=store) as topic:
            begin = topic.cursor
            id = await topic.publish("1")
            assert await values(topic, begin, 1) == ["1"]
        assert "its maxmemory-policy is allkeys-lru, so it may forget topics at any time" in caplog.text
        used = int(server.ask("INFO", "memory").partition(b"used_memory:")[2].split()[0])
        server.ask("CONFIG", "SET", "maxmemory", str(used + 500_000))
        for number in range(2000):
            server.ask("SET", f"other:{number}", "x" * 4000)
            if server.ask("EXISTS", "chirp:{news}", "chirp:{news}:meta") == b":0\r\n":
                break
        else:
            pytest.fail("nothing was evicted")
        async with Topic("news", store=store) as topic, Topic("news", store=RedisStore(server.url)) as other:
            await publish_at_last(topic, "2")
            for one in (topic, other):
                for last in (begin, id):
                    assert await values(one, last, 1) == [("gap", None)]


# -- two masters --------------------------------------------------------------------------------------------------------


class Way:
    """What leads to one server, and later to another one: a name, or a proxy."""

    def __init__(self, port):
        self.target = port
        self.scopes = set()

    async def lead(self, stream):
        with trio.CancelScope() as scope:
            self.scopes.add(scope)
            async with stream, await trio.open_tcp_stream("127.0.0.1", self.target) as server, trio.open_nursery() as nursery:
                nursery.start_soon(self.copy, stream, server, scope)
                nursery.start_soon(self.copy, server, stream, scope)

    async def copy(self, source, target, scope):
        try:
            async for piece in source:
                await target.send_all(piece)
        except trio.BrokenResourceError, trio.ClosedResourceError:
            pass
        scope.cancel()

    def turn(self, port):
        self.target = port
        for scope in self.scopes:
            scope.cancel()


@asynccontextmanager
async def divided(kind, folder, **options):
    """A master and its replica, which is promoted while the master goes on; and a way that leads to the master."""
    with (
        RedisServer(kind, folder / "a", **options) as master,
        RedisServer(kind, folder / "b", replicaof=f"127.0.0.1 {master.port}") as replica,
    ):
        replica.wait_for("replication", b"master_link_status:up")
        way = Way(master.port)
        async with trio.open_nursery() as nursery:
            (listener,) = await nursery.start(partial(trio.serve_tcp, host="127.0.0.1"), way.lead, 0)
            yield master, replica, way, f"redis://127.0.0.1:{listener.socket.getsockname()[1]}"
            nursery.cancel_scope.cancel()


async def test_what_two_masters_have_taken_is_never_taken_for_one_another(kind, tmp_path):
    async with divided(kind, tmp_path) as (_, replica, way, url):
        store = RedisStore(url, timeout=3)
        async with Topic("news", store=RedisStore(url, confirm="replica", timeout=3)) as topic:
            id = await topic.publish("1")
        async with Topic("news", store=store) as topic:
            replica.ask("REPLICAOF", "NO", "ONE")
            lost = [await topic.publish(value) for value in ("lost", "lost too")]
            assert await values(topic, id, 2) == ["lost", "lost too"]
            async with Topic("news", store=RedisStore(replica.url)) as other:
                for value in ("2", "3", "4"):
                    await other.publish(value)
                way.turn(replica.port)
                await publish_at_last(topic, "5")
                # Here they have come, and what came instead of them comes as well; the others are told.
                came = await values(topic, id, 8)
                assert [value for value in came if not isinstance(value, tuple)] == ["lost", "lost too", "2", "3", "4", "5"]
                assert ("gap", None) in came
                assert ("gap", 2) in came
                for last in lost:
                    assert (await values(other, last, 1)) == [("gap", None)]
                elsewhere = await values(other, id, 6)
                assert [value for value in elsewhere if not isinstance(value, tuple)] == ["2", "3", "4", "5"]


async def test_with_min_replicas_to_write_a_master_that_is_left_alone_takes_nothing_that_is_confirmed(kind, tmp_path):
    options = {"min_replicas_to_write": "1", "min_replicas_max_lag": "1"}
    async with divided(kind, tmp_path, **options) as (master, replica, way, url):
        master.wait_for("replication", b"state=online")
        store = RedisStore(url, confirm="replica", timeout=3)
        async with Topic("news", store=store) as topic:
            id = await publish_at_last(topic, "1")
            replica.ask("REPLICAOF", "NO", "ONE")
            problems = []
            with trio.fail_after(20):
                while not any("NOREPLICAS" in problem for problem in problems):
                    with pytest.raises(StoreError) as caught:
                        await topic.publish("nobody hears that it is written")
                    problems.append(str(caught.value))
            assert "fewer replicas are connected than its min-replicas-to-write asks for" in problems[-1]
            way.turn(replica.port)
            async with Topic("news", store=RedisStore(url, timeout=3)) as plain:
                await publish_at_last(plain, "2")
                assert (await values(plain, id, 1)) == [("gap", None)]
                with trio.fail_after(20):
                    while "2" not in remembered(plain):  # noqa: ASYNC110
                        await trio.sleep(0.05)
                assert [value for value in remembered(plain) if not isinstance(value, dict)] == ["1", "2"]


def seen(event):
    return event.id, event.event, str(event.value)


async def read_until_end(topic, had, last=None, *, task_status=trio.TASK_STATUS_IGNORED):
    """All that somebody gets, who comes back with the last id that they had."""
    events = aiter(topic.subscribe(last))
    task_status.started()
    async for event in events:
        had.append(seen(event))
        if event.value == "end":
            break


async def publish_until(topic, name, acknowledged, is_over):
    number = 0
    while not is_over(number):
        number += 1
        try:
            acknowledged[f"{name}-{number}"] = await topic.publish(f"{name}-{number}")
        except StoreError as error:
            if "NOREPLICAS" in str(error):
                return
            raise


@pytest.mark.parametrize("options", [{}, {"min_replicas_to_write": "1", "min_replicas_max_lag": "1"}], ids=["alone", "min"])
async def test_with_two_masters_what_was_acknowledged_is_there_or_a_gap_whether_one_of_them_stops_or_not(
    kind, tmp_path, options
):
    """What `confirm="written"` promises, by the model of processes that are killed."""
    acknowledged, stays, moves, comes = {}, [], [], []
    async with divided(kind, tmp_path, **options) as (master, replica, way, url):
        master.wait_for("replication", b"state=online")
        async with Topic("news", store=RedisStore(url, timeout=10)) as topic, trio.open_nursery() as nursery:
            first = acknowledged["before-1"] = await publish_at_last(topic, "before-1")
            replica.wait_for("keyspace", b"keys=")
            await nursery.start(read_until_end, topic, stays, first)
            moving = trio.CancelScope()
            await nursery.start(read_within, moving, topic, moves, first)
            replica.ask("REPLICAOF", "NO", "ONE")
            async with Topic("news", store=RedisStore(replica.url, timeout=10)) as other:
                await publish_until(topic, "left", acknowledged, lambda number: not options and number == 20)
                await publish_until(other, "right", acknowledged, lambda number: number == 20)
                left = sum(value.startswith("left") for value in acknowledged)
                while len(stays) < left or len(moves) < left:  # noqa: ASYNC110
                    await trio.sleep(0.01)
                moving.cancel()
                way.turn(replica.port)
                await publish_at_last(other, "end")
                nursery.start_soon(read_until_end, other, moves, moves[-1][0] if moves else first)
                nursery.start_soon(read_until_end, other, comes, first)
        async with Topic("news", store=RedisStore(replica.url)) as topic:
            truth = [seen(event) for event in audience_of(topic).log.since(0, 10**6)]
    truth = truth[: next(place for place, (_, _, value) in enumerate(truth, 1) if value == "end")]
    # A promotion is told as a gap whether anything was lost or not: nobody knows.
    assert set(violations_of(acknowledged, truth, [stays, moves, comes])) <= {"there is a gap, and nothing was lost"}
    assert left == 20 or options


async def read_within(scope, *arguments, task_status):
    with scope:
        await read_until_end(*arguments, task_status=task_status)
