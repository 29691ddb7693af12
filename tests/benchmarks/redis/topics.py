"""Publishing to ten topics, where no others are subscribed to in this process, and where thousands are."""

import time

import trio

from chirp_trio import RedisStore, Topic
from chirp_trio.server.garbage import calm_garbage_collector

from .server import cpu_seconds, serving_redis

FEW = 10
TURNS = 20  # of each round: an event to each of the ten, and so many times


def measure_topics(rounds, many):
    """Microseconds of the processor for an event, in this process and in the server; the two take turns."""
    with serving_redis() as server, calm_garbage_collector():
        return trio.run(_measure, server, rounds, many)


async def _measure(server, rounds, many):
    measured = {FEW: [], many: []}
    async with trio.open_nursery() as nursery:
        subjects = {number: Subject(server, number) for number in measured}
        for subject in subjects.values():
            await nursery.start(subject.run)
        for number in range(rounds + 1):
            for count, subject in subjects.items():
                ours, theirs = time.process_time(), cpu_seconds(server)
                await subject.publish()
                if number:  # the first one warms everything up
                    ours, theirs = time.process_time() - ours, cpu_seconds(server) - theirs
                    measured[count].append({"us": (ours + theirs) * 1e6 / FEW / TURNS})
        for subject in subjects.values():
            subject.stop.set()
    return measured


class Subject:
    """So many topics, each with a subscriber, of a store of their own."""

    def __init__(self, server, number):
        store = RedisStore(server.url, prefix=f"of{number}", timeout=30)
        self.topics = [Topic(f"topic {place}", store=store) for place in range(number)]
        self.stop = trio.Event()
        self._complete = trio.Event()

    async def run(self, task_status):
        """Have all of them open until it is stopped."""
        async with trio.open_nursery() as nursery:
            limit = trio.CapacityLimiter(100)
            async with trio.open_nursery() as opening:
                for topic in self.topics:
                    opening.start_soon(self._open, nursery, limit, topic)
            task_status.started()
            await self.stop.wait()
            nursery.cancel_scope.cancel()

    async def _open(self, nursery, limit, topic):
        async with limit:
            await nursery.start(self._keep, topic)

    async def _keep(self, topic, task_status):
        async with topic:
            task_status.started()
            async for _ in topic.subscribe():
                self._complete.set()

    async def publish(self):
        """An event to each of ten topics, one after the other, and wait until it has been delivered."""
        for _ in range(TURNS):
            for topic in self.topics[:FEW]:
                self._complete = trio.Event()
                await topic.publish("x" * 100)
                await self._complete.wait()
