"""Streams that say when each event was due, by the clock that all processes of a machine share; ours, and on asyncio."""

import asyncio
import time

import trio

from chirp_trio import App, EventStream, Request

INTERVAL = 0.05  # seconds
START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}

ours = App()


@ours.route("/")
async def page():
    return "hello"


@ours.route("/read", methods=["POST"])
async def read(request: Request):
    return f"{len(await request.body())} bytes"


@ours.route("/ticks")
async def ticks():
    async def source():
        due = time.monotonic()
        while True:
            yield f"{due:.6f}"
            due += INTERVAL
            await trio.sleep(max(0, due - time.monotonic()))

    return EventStream(source)


async def on_asyncio(scope, receive, send):
    """The same by hand."""
    if scope["type"] != "http":
        raise NotImplementedError("this app has neither lifespan nor WebSockets")
    if scope["path"] == "/ticks":
        sending = asyncio.create_task(send_ticks(send))
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            sending.cancel()
        return
    if scope["path"] == "/read":
        while (await receive()).get("more_body"):
            pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def send_ticks(send):
    await send(START)
    due = time.monotonic()
    while True:
        await send({"type": "http.response.body", "body": b"data: %.6f\n\n" % due, "more_body": True})
        due += INTERVAL
        await asyncio.sleep(max(0, due - time.monotonic()))
