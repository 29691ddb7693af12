"""sse-starlette's `EventSourceResponse`."""

import json

from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.routing import Route

from .queues import subscribed
from .workload import HEARTBEAT_INTERVAL, firehose, idle


async def encoded(events):
    async for event in events:
        yield {"data": json.dumps(event)}


async def queued(path):
    with subscribed(path) as events:
        while True:
            yield await events.get()  # bytes, which are sent as they are


async def get_firehose(_request):
    return EventSourceResponse(encoded(firehose()), ping=HEARTBEAT_INTERVAL)


async def get_idle(_request):
    return EventSourceResponse(encoded(idle()), ping=HEARTBEAT_INTERVAL)


async def get_saturated(request):
    return EventSourceResponse(queued(request.url.path), ping=HEARTBEAT_INTERVAL)


app = Starlette(
    routes=[
        Route("/firehose", get_firehose),
        Route("/idle", get_idle),
        Route("/saturated/{streams}", get_saturated),
    ]
)
