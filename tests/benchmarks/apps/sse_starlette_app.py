"""sse-starlette's `EventSourceResponse`, which sends bytes as they are."""

from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.routing import Route

from .queues import encoded
from .workload import HEARTBEAT_INTERVAL


async def get_events(request):
    return EventSourceResponse(encoded(request.url.path), ping=HEARTBEAT_INTERVAL)


app = Starlette(routes=[Route("/{path:path}", get_events)])
