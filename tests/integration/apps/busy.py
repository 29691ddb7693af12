"""An `App` with sources that never wait, and handlers that never read what they are sent."""

import trio
from recording import log_everything, recorded, report
from sources import finite, flood, quiet

from chirp_trio import App, EventStream

log_everything()
app = App()


async def trickle():
    """Never waits either, and is small: hundreds of its events fit into one piece of the body."""
    with recorded("trickle"):
        while True:
            yield "x"


async def ticks():
    with recorded("ticks"):
        for number in range(1, 6):
            yield number
            await trio.sleep(0.02)


SOURCES = {source.__name__: source for source in (finite, flood, quiet, ticks, trickle)}


@app.route("/report")
async def show_report():
    return await report()


@app.route("/{source}/function", methods=["GET", "POST"])
async def stream(source):
    return EventStream(SOURCES[source])


@app.route("/answer", methods=["POST"])
async def answer():
    await trio.sleep(0.05)  # by now the server's queue of what the client has sent is full
    return "answered"


@app.route("/error", methods=["POST"])
async def error():
    await trio.sleep(0.05)
    raise ValueError("boom")
