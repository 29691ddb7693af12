"""An `App` that is one of several processes: what is published in any of them reaches the clients of all."""

import os
from contextlib import suppress

import trio

from chirp_trio import App, EventStream, RedisStore, Response, StoreError

store = RedisStore(os.environ["CHIRP_TRIO_TEST_REDIS"], timeout=3, max_length=1_000_000)
app = App()
news = app.topic("news", history=100_000, store=store)


@app.route("/feed")
async def feed(request):
    return EventStream(news.subscribe(request.last_event_id, buffer=100_000), heartbeat_interval=0.5)


@app.route("/publish", methods=["POST"])
async def publish(request):
    """Publish all lines; the answer has a line for each, with its id, or empty where it may not be written."""
    lines = (await request.text()).split("\n")
    ids = [""] * len(lines)

    async def publish_one(place):
        with suppress(StoreError):
            ids[place] = await news.publish(lines[place])

    async with trio.open_nursery() as nursery:
        for place in range(len(lines)):
            nursery.start_soon(publish_one, place)
    return "".join(f"{id}\n" for id in ids)


@app.route("/process")
async def show_process():
    return str(os.getpid())


@app.route("/ready")
async def ready():
    return Response("", 200 if app.ready else 503)
