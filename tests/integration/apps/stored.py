"""An `App` with topics in a file: one that counts as fast as it can, on from where it was killed, and one to tell."""

import os
from contextlib import asynccontextmanager

import trio
from recording import log_everything, report

from chirp_trio import App, EventStream, SQLiteStore
from chirp_trio.topics.topic import audience_of

log_everything()
store = SQLiteStore(os.environ["CHIRP_TRIO_TEST_STORE"])


@asynccontextmanager
async def lifespan(_app):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(count)
        yield
        nursery.cancel_scope.cancel()


app = App(lifespan=lifespan)
numbers = app.topic("numbers", history=1_000_000, history_bytes=10**9, store=store)
told = app.topic("told", history=1_000_000, store=store)


async def count():
    number = audience_of(numbers).log.last  # all that was ever published, as nothing is lost
    while True:
        for _ in range(20):
            numbers.publish_nowait(number)
            number += 1
        await numbers.publish(number)
        number += 1
        await trio.sleep(0.002)


@app.route("/numbers")
async def show_numbers(request):
    return EventStream(numbers.subscribe(request.last_event_id, replay=1_000_000, buffer=100_000))


@app.route("/told")
async def show_told(request):
    return EventStream(told.subscribe(request.last_event_id, replay=1_000_000))


@app.route("/told", methods=["POST"])
async def tell(request):
    return await told.publish(await request.text())


@app.route("/report")
async def show_report():
    return await report()
