"""An app whose answers tell which process it is that gives them; `broken` beside it keeps the next one from starting."""

import os
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from chirp_trio import App, EventStream, health

if Path("broken").exists():
    raise RuntimeError("it is broken")


@asynccontextmanager
async def lifespan(_app):
    yield
    print(f"{os.getpid()} has ended", flush=True)


app = App(lifespan=lifespan)
app.mount("/health", health(app))


@app.route("/")
async def show_process():
    return str(os.getpid())


@app.route("/stream")
async def stream():
    async def source():
        yield "first"
        await trio.sleep_forever()

    return EventStream(source)
