"""An `App` for clients with bad manners: streams that say more or less, and a handler that reads all that it is sent."""

import trio
from recording import log_everything, record, recorded, report
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


@app.route("/echo", methods=["GET", "HEAD", "POST", "PUT", "OPTIONS"])
async def echo(request: Request):
    """What came of a request: where odd ones are told apart by how they are understood."""
    body = await request.body()
    return {"method": request.method, "host": request.headers.get("host"), "body": body.decode("latin-1")}


@app.route("/smuggled")
async def receive_contraband():
    record["smuggled"] += 1
    return "smuggled"


@app.route("/page")
async def page():
    return "x" * 1_000_000


@app.route("/busy", methods=ANY)
async def be_busy():
    """Has other things to do than to read what it is sent."""
    with recorded("busy"):
        await trio.sleep(2)
    return "done"
