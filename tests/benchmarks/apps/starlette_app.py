"""Starlette's `StreamingResponse`, which has no heartbeats."""

from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

from .workload import encode, firehose, idle


async def encoded(events):
    async for event in events:
        yield encode(event)


async def get_firehose(_request):
    return StreamingResponse(encoded(firehose()), media_type="text/event-stream")


async def get_idle(_request):
    return StreamingResponse(encoded(idle()), media_type="text/event-stream")


app = Starlette(routes=[Route("/firehose", get_firehose), Route("/idle", get_idle)])
