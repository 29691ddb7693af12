"""Large events, and what they have cost."""

import time

import trio

from chirp_trio import App, EventStream

app = App()


@app.route("/large/{mebibytes:int}")
async def large(mebibytes: int) -> EventStream:
    async def source():
        yield "hello"
        await trio.sleep(0.1)  # what follows is written at once, and not by the response's own first step
        yield "x" * (mebibytes << 20)

    return EventStream(source, send_timeout=1)


@app.route("/cpu")
def cpu() -> str:
    return str(time.process_time())
