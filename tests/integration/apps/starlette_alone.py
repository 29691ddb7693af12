"""The streams of `endings` in Starlette alone: to import FastAPI takes as long as all else."""

from contextlib import asynccontextmanager

from recording import last_report, log_everything
from sources import stream_of
from starlette.applications import Starlette
from starlette.routing import Route

from chirp_trio import stream_lifespan

log_everything()


@asynccontextmanager
async def lifespan(app):
    async with last_report(), stream_lifespan(app) as state:
        yield state


async def stream(request):
    return stream_of(**request.path_params)


app = Starlette(routes=[Route("/{source}/{kind}", stream)], lifespan=lifespan)
