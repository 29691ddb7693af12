"""An app that says much, in each of the ways in which apps say something."""

import logging
import sys

import trio

from chirp_trio import App, EventStream

app = App()


@app.route("/talk")
async def talk(request):
    for _ in range(int(request.query.get("times", 1))):
        print("printed " * 500)
    print("printed as an error", file=sys.stderr, flush=True)
    logging.getLogger("talkative").warning("logged")
    logging.getLogger("chirp_trio.web").error("logged as the library does it")
    return "said"


@app.route("/fail")
async def fail():
    raise LookupError("failed")


@app.route("/live")
async def live():
    async def source():
        while True:
            yield "tick" * 250
            await trio.sleep(0.05)

    return EventStream(source)
