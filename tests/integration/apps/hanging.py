"""Apps that do not start or do not end, and handlers and sources that do not stop."""

import queue
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import trio

from chirp_trio import App, EventStream


async def in_a_thread() -> AsyncGenerator[object]:
    """The bridge from a thread that everybody writes first."""
    incoming: queue.SimpleQueue[str] = queue.SimpleQueue()
    yield "first"
    yield await trio.to_thread.run_sync(incoming.get)


async def swallowing() -> AsyncGenerator[object]:
    yield "first"
    is_cancelled = False
    while True:
        try:
            with trio.CancelScope(shield=is_cancelled):  # or it would take a processor, and each test's time
                await trio.sleep(0.05)
        except BaseException:  # its cancellation too
            is_cancelled = True


app = App()


@app.route("/in-a-thread")
async def source_in_a_thread():
    return EventStream(in_a_thread, cleanup_timeout=60)


@app.route("/swallowing")
async def source_that_swallows():
    return EventStream(swallowing, cleanup_timeout=60)


@app.route("/handler-in-a-thread")
def handler_in_a_thread():
    print("begun", flush=True)
    time.sleep(60)  # in a thread
    return "done"


@app.route("/blocking")
async def blocking():
    print("begun", flush=True)
    time.sleep(60)  # noqa: ASYNC251
    return "done"


@app.route("/handler-that-swallows")
async def handler_that_swallows():
    print("begun", flush=True)
    is_cancelled = False
    while True:
        try:
            with trio.CancelScope(shield=is_cancelled):
                await trio.sleep(0.04)
        except BaseException:
            is_cancelled = True


@asynccontextmanager
async def _never_starting(_app: App) -> AsyncIterator[None]:
    print("begun", flush=True)
    await trio.sleep_forever()
    yield


@asynccontextmanager
async def _slowly_starting(_app: App) -> AsyncIterator[None]:
    await trio.sleep(1.5)
    yield


@asynccontextmanager
async def _never_ending(_app: App) -> AsyncIterator[None]:
    yield
    await trio.sleep_forever()


never_starting = App(lifespan=_never_starting)
slowly_starting = App(lifespan=_slowly_starting)
never_ending = App(lifespan=_never_ending)
