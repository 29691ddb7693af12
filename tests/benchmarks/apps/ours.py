"""Streams of this library: `app` is an `App`, `without_app` its `EventStream` in somebody else's ASGI app."""

from chirp_trio import App, EventStream, stream_lifespan

from .workload import firehose, idle, subscribers

app = App()


@app.route("/firehose")
async def get_firehose():
    return EventStream(firehose)


@app.route("/idle")
async def get_idle():
    return EventStream(idle)


@app.route("/fan-out")
async def get_fan_out():
    return EventStream(subscribers.subscribe())


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
