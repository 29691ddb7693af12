"""Streams of this library: `app` is an `App`, `without_app` its `EventStream` in somebody else's ASGI app."""

from contextlib import asynccontextmanager

import trio

from chirp_trio import App, EventStream, Topic, stream_lifespan

from .workload import FAN_OUT_INTERVAL, firehose, idle, make_event


@asynccontextmanager
async def lifespan(_app):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(publish)
        yield
        nursery.cancel_scope.cancel()


async def publish():
    number = 0
    while True:
        await trio.sleep(FAN_OUT_INTERVAL)
        number += 1
        topic.publish_nowait(make_event(number))


app = App(lifespan=lifespan)
topic = Topic("fan-out", history=10)
topic.publish_nowait(make_event(0))


@app.route("/firehose")
async def get_firehose():
    return EventStream(firehose)


@app.route("/idle")
async def get_idle():
    return EventStream(idle)


@app.route("/fan-out")
async def get_fan_out():
    return EventStream(topic.subscribe(replay=1))


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
