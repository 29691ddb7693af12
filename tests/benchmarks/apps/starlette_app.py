"""Starlette's `StreamingResponse`, which has no heartbeats."""

from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

from .queues import encoded


async def get_events(request):
    return StreamingResponse(encoded(request.url.path), media_type="text/event-stream")


app = Starlette(routes=[Route("/{path:path}", get_events)])
