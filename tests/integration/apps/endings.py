"""An `App` with a stream for each ending."""

from pathlib import Path

import trio
from recording import last_report, log_everything, report
from sources import clinging, flood, quiet, stream_of

from chirp_trio import App, AppConfig, EventStream

log_everything()
app = App(AppConfig(template_dir=Path(__file__).with_name("templates")), lifespan=last_report)


@app.route("/report")
async def show_report():
    return await report()


@app.route("/{source}/{kind}")
async def stream(source, kind):
    return stream_of(source, kind)


@app.route("/patient")
async def patient():
    return EventStream(flood, send_timeout=60)


@app.route("/clinging")
async def cling():
    return EventStream(clinging, cleanup_timeout=60)


async def cancelled(scope, receive, send):
    with trio.move_on_after(0.3):
        await EventStream(quiet)(scope, receive, send)


app.mount("/cancelled", cancelled)
