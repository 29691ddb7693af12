"""An `App` for clients with bad manners: streams that say more or less, and a handler that reads all that it is sent."""

import trio
from recording import log_everything, recorded, report
from sources import finite, quiet

from chirp_trio import App, EventStream, Request

log_everything()
app = App()
ANY = ["GET", "POST"]


async def ticks():
    with recorded("ticks"):
        while True:
            yield "tick"
            await trio.sleep(0.05)


@app.route("/report", methods=ANY)
async def show_report():
    return await report()


@app.route("/finite/function", methods=ANY)
async def end():
    return EventStream(finite)


@app.route("/ticks", methods=ANY)
async def tick():
    return EventStream(ticks)


@app.route("/beating", methods=ANY)
async def beat():
    return EventStream(quiet, heartbeat_interval=0.2)


@app.route("/silent", methods=ANY)
async def keep_silent():
    return EventStream(quiet, heartbeat_interval=None)


@app.route("/read", methods=ANY)
async def read(request: Request):
    with recorded("reading"):
        return f"{len(await request.body())} bytes"
