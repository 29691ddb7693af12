"""aiohttp-sse on aiohttp's own server with uvloop: `python -m tests.benchmarks.apps.aiohttp_sse_app PORT`."""

import sys

import uvloop
from aiohttp import web
from aiohttp_sse import sse_response

from .queues import texts
from .workload import HEARTBEAT_INTERVAL


async def get_events(request):
    async with sse_response(request) as response:
        response.ping_interval = HEARTBEAT_INTERVAL
        async for text in texts(request.path):
            await response.send(text)
    return response


app = web.Application()
app.add_routes([web.get("/{path:.*}", get_events)])

if __name__ == "__main__":
    loop = uvloop.new_event_loop()
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), backlog=4096, access_log=None, loop=loop, print=None)
