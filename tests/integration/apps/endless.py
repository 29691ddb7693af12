"""Endless responses of others, which know nothing of our shutdown."""

import trio
from recording import last_report, recorded
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route


async def ticks():
    with recorded("streaming"):
        while True:
            yield "data: tick\n\n"
            await trio.sleep(0.05)


async def silence():
    with recorded("silent"):
        yield "data: tick\n\n"
        await trio.sleep_forever()


async def events():
    with recorded("sse-starlette"):
        while True:
            yield {"data": "tick"}
            await trio.sleep(0.05)


async def streaming(_request: Request) -> StreamingResponse:
    return StreamingResponse(ticks(), media_type="text/event-stream")


async def silent(_request: Request) -> StreamingResponse:
    return StreamingResponse(silence(), media_type="text/event-stream")


async def export(_request: Request) -> StreamingResponse:
    return StreamingResponse(ticks(), media_type="text/csv")


async def sse_starlette(_request: Request) -> EventSourceResponse:
    return EventSourceResponse(events(), sep="\n")


class Plain:
    """Looks out for the end of its client itself, and has a last word."""

    async def __call__(self, scope, receive, send):
        with recorded("plain"):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"data: tick\n\n", "more_body": True})
            while (await receive())["type"] != "http.disconnect":
                pass
            await send({"type": "http.response.body", "body": b"data: last word\n\n"})


app = Starlette(
    routes=[
        Route("/streaming", streaming),
        Route("/silent", silent),
        Route("/export", export),
        Route("/sse-starlette", sse_starlette),
        Route("/plain", Plain()),
    ],
    lifespan=last_report,
)
