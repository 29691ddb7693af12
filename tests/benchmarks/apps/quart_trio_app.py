"""Quart-Trio: a response that is a generator; it has no heartbeats of its own."""

from quart import request
from quart_trio import QuartTrio

from .workload import encode, firehose, idle, subscribers

app = QuartTrio(__name__)


async def encoded(path):
    if path == "/fan-out":
        with subscribers.subscribe() as events:
            async for event in events:
                yield encode(event)
    async for event in firehose() if path == "/firehose" else idle():
        yield encode(event)


@app.route("/<path:_>")
async def get_events(_):
    response = await app.make_response((encoded(request.path), {"Content-Type": "text/event-stream"}))
    response.timeout = None
    return response
