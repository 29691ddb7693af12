"""Streams of this library: `app` is an `App`, `without_app` its `EventStream` in somebody else's ASGI app."""

from contextlib import aclosing, asynccontextmanager
from functools import partial
from itertools import count

import trio

from chirp_trio import App, EventStream, Request, Topic, stream_lifespan

from .workload import FAN_OUT_INTERVAL, firehose, idle, make_event

BURST = 500  # events that are published before anybody is waited for; a topic has 1000 for each by default


@asynccontextmanager
async def lifespan(_app):
    async with trio.open_nursery() as nursery:
        yield {"nursery": nursery}
        nursery.cancel_scope.cancel()


app = App(lifespan=lifespan)
topics = {}


def subscribe(request, publish):
    """Whoever is the first one to come to a path starts its publisher."""
    if request.path not in topics:
        topic = topics[request.path] = Topic(request.path)
        topic.publish_nowait(make_event(0))
        request.state["nursery"].start_soon(publish, topic)
    return EventStream(topics[request.path].subscribe(replay=1))


async def publish_at_intervals(topic):
    for number in count(1):
        await trio.sleep(FAN_OUT_INTERVAL)
        topic.publish_nowait(make_event(number))


async def publish_singly(streams, topic):
    """Publish each event once the one before it has been written to all."""
    await wait_for_subscribers(topic, streams)
    for number in count(1):
        topic.publish_nowait(make_event(number))
        await trio.lowlevel.checkpoint()  # in the same turn as what writes,
        await trio.lowlevel.checkpoint()  # and after it


async def saturate(streams, topic):
    """Publish as fast as the slowest client takes it."""
    await wait_for_subscribers(topic, streams)
    numbers = count(1)
    while True:
        had = max(stream.events for stream in app.streams)
        for _ in range(BURST):
            topic.publish_nowait(make_event(next(numbers)))
        while any(stream.events < had + BURST for stream in app.streams):
            await trio.lowlevel.checkpoint()


async def wait_for_subscribers(topic, number):
    async with aclosing(topic.presence()) as changes:
        async for change in changes:
            if change.subscribers == number:
                return


@app.route("/firehose")
async def get_firehose():
    return EventStream(firehose)


@app.route("/idle")
async def get_idle():
    return EventStream(idle)


@app.route("/fan-out")
async def get_fan_out(request: Request):
    return subscribe(request, publish_at_intervals)


@app.route("/singly/{streams:int}")
async def get_singly(request: Request, streams: int):
    return subscribe(request, partial(publish_singly, streams))


@app.route("/saturated/{streams:int}")
async def get_saturated(request: Request, streams: int):
    return subscribe(request, partial(saturate, streams))


async def without_app(scope, receive, send):
    if scope["type"] == "http":
        await EventStream(firehose if scope["path"] == "/firehose" else idle)(scope, receive, send)
    elif scope["type"] == "lifespan":
        await receive()
        async with stream_lifespan() as state:
            scope["state"].update(state)
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})
