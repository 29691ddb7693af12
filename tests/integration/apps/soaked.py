"""An `App` for the soak: topics in memory and in a file, merged and filtered, a stream that ends, and pages."""

import os

import trio
from recording import last_report, log_everything, recorded, report

from chirp_trio import App, AppConfig, EventStream, Request, Response, SQLiteStore, SSEEvent, merge

log_everything()
COUNTDOWN = 30

app = App(AppConfig(reconnect_after=(0.0, 0.3), reconnection_time=0.1), lifespan=last_report)
memory = app.topic("memory", history=300)
stored = app.topic("stored", history=300, store=SQLiteStore(os.environ["CHIRP_TRIO_TEST_STORE"]))
TOPICS = {"memory": memory, "stored": stored}


@app.route("/report")
async def show_report():
    return {**await report(), "streams": len(app.streams), "subscribers": sum(t.subscribers for t in TOPICS.values())}


@app.route("/streams/{names}/{step:int}/{overflow}")
async def stream(request: Request, names: str, step: int, overflow: str):
    options = {"overflow": overflow, "buffer": 200 if overflow == "disconnect" else 40}
    if overflow == "latest":
        options["key"] = lambda event: event["value"] % 5
    if step > 1:
        options["filter"] = lambda event: event["value"] % step == 0
    parts = [TOPICS[name].subscribe(request.last_event_id, **options) for name in names.split("+")]
    source = parts[0] if len(parts) == 1 else merge(*parts)
    return EventStream(source, heartbeat_interval=1, send_timeout=3)


@app.route("/publish/{name}/{first:int}/{count:int}", methods=["POST"])
async def publish(name: str, first: int, count: int):
    """Publish some numbers one after the other, each with as much beside it as `model.padding` says."""
    ids = []
    for value in range(first, first + count):
        padding = "x" * (60_000 if value % 500 == 0 else value * 37 % 700)
        event = {"topic": name, "value": value, "padding": padding}
        is_last = value == first + count - 1  # which is written once all are
        ids.append(await TOPICS[name].publish(event) if is_last else TOPICS[name].publish_nowait(event))
    return ids


@app.route("/countdown")
async def countdown(request: Request):
    """A stream that ends; whoever comes back then is told not to come back."""
    last = int(request.last_event_id or 0)
    if last == COUNTDOWN:
        return Response(status=204)

    async def source():
        with recorded("countdown"):
            for value in range(last + 1, COUNTDOWN + 1):
                padding = "x" * (value * 37 % 700)
                yield SSEEvent({"topic": "countdown", "value": value, "padding": padding}, id=str(value))
                await trio.sleep(0.05)

    return EventStream(source)


@app.route("/page")
async def page():
    return "x" * 1_000_000


@app.route("/read", methods=["POST"])
async def read(request: Request):
    return f"{len(await request.body())} bytes"
