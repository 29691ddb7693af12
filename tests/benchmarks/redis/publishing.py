"""Publishing from one process: events that wait for the server's answer, beside as many XADD in a pipeline of coredis'."""

import importlib.util
import time

import trio

from chirp_trio import RedisStore, Topic
from chirp_trio.server.garbage import calm_garbage_collector

from ..processes import cpu_seconds_of
from .server import cpu_seconds, serving_redis, work_of

TEXT = "x" * 100
AT_A_TIME = 500  # that wait for an answer, in both
HAS_COREDIS = importlib.util.find_spec("coredis") is not None


def measure_publishing(rounds, events):
    """For ours and coredis what each round was like; they take turns."""
    with serving_redis() as server, calm_garbage_collector():
        return trio.run(_measure, server, rounds, events)


async def _measure(server, rounds, events):
    import psutil

    measured = {"ours": []} | ({"coredis": []} if HAS_COREDIS else {})
    async with Topic("benchmark", store=RedisStore(server.url)) as topic:
        for number in range(rounds + 1):
            for name, found in measured.items():
                work, theirs = work_of(server), cpu_seconds(server)
                cpu, began = cpu_seconds_of(psutil.Process()), time.perf_counter()
                if name == "ours":
                    await _publish(topic, events)
                else:
                    await _pipeline(server.port, events)
                seconds, cpu = time.perf_counter() - began, cpu_seconds_of(psutil.Process()) - cpu
                if number:  # the first one warms everything up
                    found.append(
                        {
                            "rate": events / seconds,
                            "cpu_us": cpu * 1e6 / events,
                            "redis_us": (cpu_seconds(server) - theirs) * 1e6 / events,
                            "commands": (work_of(server)["commands"] - work["commands"]) / events,
                        }
                    )
                await trio.sleep(0.1)  # what has been published is delivered, too: at the expense of the round that it is of
    return measured


async def _publish(topic, events):
    """Each of so many tasks waits until its event is written, and publishes the next one."""

    async def publish():
        for _ in range(events // AT_A_TIME):
            await topic.publish(TEXT)

    async with trio.open_nursery() as nursery:
        for _ in range(AT_A_TIME):
            nursery.start_soon(publish)


async def _pipeline(port, events):
    """So many in one pipeline after the other: it is given as much in one piece as it can be."""
    import coredis

    async with coredis.Redis(host="127.0.0.1", port=port) as client:
        for _ in range(events // AT_A_TIME):
            async with client.pipeline(transaction=False) as pipeline:
                for _ in range(AT_A_TIME):
                    pipeline.xadd(
                        "coredis",
                        {"kind": "text", "data": TEXT},
                        trim_strategy=coredis.PureToken.MAXLEN,
                        trim_operator=coredis.PureToken.APPROXIMATELY,
                        threshold=10_000,
                    )
