"""What to size a machine and a server by: the memory of a stream, and the server's work by the number of processes."""

import os
import statistics
from contextlib import AsyncExitStack

import trio

from chirp_trio import RedisStore, Topic
from chirp_trio.server.garbage import calm_garbage_collector

from ..load import open_streams
from ..processes import serving
from .fan_out import OURS
from .server import serving_redis, work_of

FIRST = 50  # streams that are open before: what they make stays for good, and is no stream's own
SETTLING = 2.0
EVENTS = 300  # of a round, one after the other
TEXT = "x" * 100


def measure_memory(client, streams):
    """KiB that a process grows by for a stream of the shared topic, each of which gets an event four times a second."""
    with serving_redis() as redis:
        os.environ |= {"CHIRP_TRIO_BENCHMARK_REDIS": redis.url, "CHIRP_TRIO_BENCHMARK_PUBLISHES": "yes"}
        with serving(OURS) as server, open_streams(client, server.port, "/redis", FIRST, SETTLING) as first:
            first.wait_for("begin")
            before = server.resident_bytes()
            with open_streams(client, server.port, "/redis", streams, SETTLING) as load:
                load.wait_for("begin")
                return (server.resident_bytes() - before) / 1024 / streams


def measure_work(rounds, numbers):
    """For each number of processes, what the server does for an event that has come to all of them before the next one.

    Each store has connections of its own, as a process has, so this one stands for all.
    """
    with calm_garbage_collector():
        return {number: trio.run(_measure, rounds, number) for number in numbers}


async def _measure(rounds, number):
    found = []
    with serving_redis() as server:
        async with AsyncExitStack() as stack:
            topics = [Topic("benchmark", store=RedisStore(server.url, timeout=30)) for _ in range(number)]
            for topic in topics:
                await stack.enter_async_context(topic)
            readers = [aiter(topic.subscribe()) for topic in topics]
            for round in range(rounds + 1):
                idle, before = await _idle_cpu(server), work_of(server)
                began = trio.current_time()
                for _ in range(EVENTS):
                    async with trio.open_nursery() as nursery:
                        for reader in readers:
                            nursery.start_soon(anext, reader)
                        await topics[0].publish(TEXT)
                seconds = trio.current_time() - began
                done = {what: count - before[what] for what, count in work_of(server).items()}
                if round:  # the first one warms everything up
                    done["cpu_us"] = (done["cpu_us"] - idle * seconds) / EVENTS
                    found.append(
                        {"us": done["cpu_us"], "commands": done["commands"] / EVENTS, "bytes": done["bytes"] / EVENTS}
                    )
            for reader in readers:
                await reader.aclose()
    return {what: statistics.median(one[what] for one in found) for what in found[0]}


async def _idle_cpu(server):
    """Microseconds of a second that the server takes where nothing happens."""
    before, began = work_of(server)["cpu_us"], trio.current_time()
    await trio.sleep(1)
    return (work_of(server)["cpu_us"] - before) / (trio.current_time() - began)
