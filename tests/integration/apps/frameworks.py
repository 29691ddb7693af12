"""The streams of `endings`, in other people's frameworks."""

from contextlib import asynccontextmanager

from fastapi import BackgroundTasks, FastAPI
from recording import last_report, log_everything, record, report
from sources import finite, stream_of
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from chirp_trio import EventStream, stream_lifespan

log_everything()


@asynccontextmanager
async def lifespan(app):
    async with last_report(), stream_lifespan(app) as state:
        yield state


async def forbidden():
    raise HTTPException(403, "this room is private")
    yield


# -- FastAPI --------------------------------------------------------------------------------------------------------------

fastapi = FastAPI(lifespan=lifespan)


@fastapi.get("/forbidden")
async def forbid() -> EventStream:
    return EventStream(forbidden)


@fastapi.get("/{source}/{kind}")
async def stream(source: str, kind: str):
    return stream_of(source, kind)


@fastapi.get("/with-headers")
async def stream_with_headers(background: BackgroundTasks) -> EventStream:
    background.add_task(record.update, {"background tasks": 1})
    return EventStream(finite, headers={"x-room": "hall", "set-cookie": "seen=yes; Path=/; SameSite=lax"})


# -- Starlette ------------------------------------------------------------------------------------------------------------


async def show_report(_request):
    return JSONResponse(await report())


async def forbid_in_starlette(_request):
    return EventStream(forbidden)


async def stream_in_starlette(request):
    return stream_of(**request.path_params)


routes = [
    Route("/report", show_report),
    Route("/forbidden", forbid_in_starlette),
    Mount("/fastapi", fastapi),
    Route("/{source}/{kind}", stream_in_starlette),
]
starlette = Starlette(routes=routes, lifespan=lifespan)
with_bare_lifespan = Starlette(routes=routes, lifespan=stream_lifespan)
without_lifespan = Starlette(routes=routes)
