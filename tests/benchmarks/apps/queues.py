"""Fan-out as it is done on asyncio: a bounded queue for each client, and who publishes puts everything into each."""

import asyncio
from contextlib import contextmanager
from itertools import count

from .workload import FAN_OUT_INTERVAL, encode, make_event

ROOM = 256  # events that a client may be behind; then the publisher waits for it

queues = set()
background = set()


@contextmanager
def subscribed(path):
    """A queue of encoded events, the first of which is there already; what more there will be, the path says.

    The publisher starts with the first who comes, or when there are as many as the path says.
    """
    queue = asyncio.Queue(ROOM)
    queue.put_nowait(encode(make_event(0)))
    queues.add(queue)
    _, workload, *streams = path.split("/")
    if workload in PUBLISHERS and len(queues) == int(*streams or [1]):
        background.add(asyncio.create_task(PUBLISHERS[workload]()))
    try:
        yield queue
    finally:
        queues.remove(queue)


async def publish_at_intervals():
    for number in count(1):
        await asyncio.sleep(FAN_OUT_INTERVAL)
        event = encode(make_event(number))
        for queue in queues:
            queue.put_nowait(event)


async def saturate():
    """Publish as fast as the slowest client takes it."""
    for number in count(1):
        event = encode(make_event(number))
        for queue in tuple(queues):
            if queue.full():
                await queue.put(event)
            else:
                queue.put_nowait(event)


PUBLISHERS = {"fan-out": publish_at_intervals, "saturated": saturate}
