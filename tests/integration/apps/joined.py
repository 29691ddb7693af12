"""An `App` that is one of several processes: what is published in any of them reaches the clients of all."""

import os

from chirp_trio import App, EventStream, HTTPError, RedisStore, Response, StoreError

store = RedisStore(os.environ["CHIRP_TRIO_TEST_REDIS"], timeout=3, max_length=1_000_000)
app = App()
news = app.topic("news", history=100_000, store=store)


@app.route("/feed")
async def feed(request):
    return EventStream(news.subscribe(request.last_event_id, buffer=100_000), heartbeat_interval=0.5)


@app.route("/publish", methods=["POST"])
async def publish(request):
    """Publish each line, one after the other; the answer has a line with the id of each that is written."""
    ids = []
    for line in (await request.text()).split("\n"):
        try:
            ids.append(await news.publish(line))
        except StoreError as error:
            if not ids:
                raise HTTPError(503, str(error)) from error
            break
    return "".join(f"{id}\n" for id in ids)


@app.route("/process")
async def show_process():
    return str(os.getpid())


@app.route("/ready")
async def ready():
    return Response("", 200 if app.ready else 503)
