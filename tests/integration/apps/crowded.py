"""An `App` for many clients at once: events that tell their age, and others that come as fast as they are read."""

import time

import trio
from recording import last_report, log_everything, recorded, report
from sources import finite, flood, quiet

from chirp_trio import App, EventStream

log_everything()
app = App(lifespan=last_report)


async def ticks():
    """Every 0.2 seconds the time at which the event is due, by the clock that all processes of a machine share.

    Due, and not made: so nothing that is late moves the next one, and streams that began one after the other stay so.
    """
    with recorded("ticks"):
        due = time.monotonic()
        while True:
            yield due
            due += 0.2
            await trio.sleep(max(0, due - time.monotonic()))


@app.route("/report")
async def show_report():
    return await report()


@app.route("/finite/function")
async def end():
    return EventStream(finite)


@app.route("/quiet")
async def wait():
    return EventStream(quiet)


@app.route("/ticks")
async def tick():
    return EventStream(ticks)


@app.route("/flood")
async def overflow():
    return EventStream(flood, send_timeout=1)


@app.route("/patient")
async def overflow_patiently():
    return EventStream(flood, send_timeout=60)
