"""An `App` with streams of every temper, and one that says whatever is published."""

import trio
from recording import last_report, log_everything, record, recorded, report
from sources import finite, flood, quiet, raises_later, tidy

from chirp_trio import App, EventStream, Request, SSEEvent

log_everything()
app = App(lifespan=last_report)
subscribers: set[trio.MemorySendChannel[SSEEvent]] = set()


async def ticks():
    with recorded("ticks"):
        while True:
            yield "tick"
            await trio.sleep(0.1)


async def news():
    """All that is published while somebody listens; who is too slow for it misses some."""
    send, receive = trio.open_memory_channel[SSEEvent](10)
    with recorded("news"), send, receive:
        subscribers.add(send)
        try:
            async for event in receive:
                yield event
        finally:
            subscribers.remove(send)


SOURCES = {source.__name__: source for source in (finite, flood, news, quiet, raises_later, ticks, tidy)}


@app.route("/report")
async def show_report():
    return await report()


@app.route("/streams/{source}")
async def stream(source):
    return EventStream(SOURCES[source], heartbeat_interval=0.5, send_timeout=1)


@app.route("/publish", methods=["POST"])
async def publish(request: Request):
    event = SSEEvent(data=await request.text(), id=str(record["published"]))
    record["published"] += 1
    for subscriber in subscribers:
        try:
            subscriber.send_nowait(event)
        except trio.WouldBlock:
            record["missed"] += 1
    return f"{len(subscribers)} subscribers"
