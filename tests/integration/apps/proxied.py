"""An app to look at through a proxy: who the client is, and a stream whose next event waits for the client's word."""

import trio
from recording import log_everything
from sources import stream_of

from chirp_trio import App, EventStream, Request

log_everything()
app = App()
step = trio.Event()


@app.route("/")
async def client(request: Request):
    return request.client[0]


@app.route("/steps")
async def steps():
    async def source():
        global step
        for number in range(1, 6):
            yield number
            await step.wait()
            step = trio.Event()

    return EventStream(source)


@app.route("/next")
async def next_step():
    step.set()
    return "as you say"


@app.route("/{source}/{kind}")
async def stream(source, kind):
    return stream_of(source, kind)
