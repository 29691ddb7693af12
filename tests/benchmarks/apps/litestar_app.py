"""Litestar's `ServerSentEvent`; it has no heartbeats."""

from litestar import Litestar, Request, get
from litestar.response import ServerSentEvent

from .queues import firehose, texts
from .readings import Reading


@get(["/firehose", "/idle", "/fan-out", "/saturated/{streams:int}"])
async def get_events(request: Request) -> ServerSentEvent:
    return ServerSentEvent(texts(request.url.path))


@get("/models")
async def get_models() -> ServerSentEvent:
    async def readings():
        async for event in firehose():
            yield Reading(**event).model_dump_json()

    return ServerSentEvent(readings())


app = Litestar([get_events, get_models], openapi_config=None)
