"""A topic whose history every client wants a part of, beside streams that tell how late they are."""

from chirp_trio import App, EventStream, Request
from chirp_trio.topics import Topic

from .ticking import ticks

EVENTS = 20

app = App()
events = Topic("events")
app.route("/ticks")(ticks)


@app.route("/events")
async def subscribe(request: Request):
    return EventStream(events.subscribe(request.last_event_id))


@app.route("/publish", methods=["POST"])
async def publish():
    for number in range(EVENTS):
        await events.publish({"number": number, "text": "x" * 60})
    return "published"
