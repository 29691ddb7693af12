"""The streams of `endings`, in Litestar."""

from contextlib import asynccontextmanager

from litestar import Litestar, Request, get
from recording import last_report, log_everything
from sources import stream_of

from chirp_trio import EventStream, stream_lifespan

log_everything()


@get("/{source:str}/{kind:str}")
async def stream_in_litestar(request: Request) -> EventStream:
    return stream_of(**request.path_params)


@asynccontextmanager
async def lifespan(app):
    async with last_report(), stream_lifespan(app):
        yield


app = Litestar([stream_in_litestar], lifespan=[lifespan], logging_config=None)
