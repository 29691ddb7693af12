"""An app in several processes, whose streams get an event at intervals: of a topic in memory, or of one that all share.

The topic in memory is published to at the same moment by all processes, and the other one by one of them, so both deliver the
same event to as many streams. How late an event is, is told from when it was due.
"""

import os
import time
from contextlib import asynccontextmanager

import trio

from chirp_trio import App, EventStream, RedisStore

INTERVAL = 250_000_000  # nanoseconds
URL, IS_PUBLISHER = os.environ["CHIRP_TRIO_BENCHMARK_REDIS"], os.environ["CHIRP_TRIO_BENCHMARK_PUBLISHES"] == "yes"


@asynccontextmanager
async def lifespan(_app):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(publish)
        yield
        nursery.cancel_scope.cancel()


app = App(lifespan=lifespan)
topics = {"memory": app.topic("memory"), "redis": app.topic("redis", store=RedisStore(URL))}


async def publish():
    numbers = dict.fromkeys(topics, 0)
    while True:
        now = time.time_ns()
        due = (now // INTERVAL + 1) * INTERVAL
        await trio.sleep((due - now) / 1e9)
        for name, topic in topics.items():
            if topic.subscribers and (IS_PUBLISHER or name == "memory"):
                numbers[name] += 1
                await topic.publish({"event": f"@{due}{numbers[name]:010}", "text": "hello"})


@app.route("/{name}")
async def get_events(name: str):
    return EventStream(topics[name].subscribe())
