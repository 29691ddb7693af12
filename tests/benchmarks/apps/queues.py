"""Fan-out as it is done on asyncio: a bounded queue for each client, and who publishes puts everything into each."""

import asyncio
from contextlib import contextmanager
from itertools import count

from .workload import FAN_OUT_INTERVAL, encode, make_event

ROOM = 256  # events that a client may be behind; then the publisher waits for it
BEFORE, AFTER = len(b"data: "), len(b"\n\n")  # of the JSON in an encoded event

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


async def firehose():
    """Events, as fast as they are taken; others have their turn after each, or nobody would see that a client has left."""
    for number in count(1):
        yield make_event(number)
        await asyncio.sleep(0)


async def encoded(path):
    """The events of a path, as the bytes of the format."""
    if path == "/firehose":
        async for event in firehose():
            yield encode(event)
    with subscribed(path) as events:
        while True:
            yield await events.get()


async def texts(path):
    """The events of a path as JSON, for whoever puts it into the format for itself."""
    async for event in encoded(path):
        yield event[BEFORE:-AFTER].decode()


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
