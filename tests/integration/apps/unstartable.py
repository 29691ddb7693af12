"""An `App` whose lifespan fails."""

from contextlib import asynccontextmanager

from chirp_trio import App


@asynccontextmanager
async def lifespan(_app):
    raise ValueError("no database")
    yield


app = App(lifespan=lifespan)
