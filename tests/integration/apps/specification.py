"""The specification's code blocks as they stand there, with `chirp` read as `chirp_trio`, and the names that they assume."""
# ruff: noqa: E402, I001 - the blocks are what they are

from contextvars import ContextVar
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import trio

from chirp_trio import App, AppConfig, Fragment

app = App(AppConfig(template_dir=Path(__file__).with_name("templates")))

UPDATES = ["one", {"two": 2}, "three\nlines\nlong"]
updates = ContextVar("updates")  # of each client, who may leave at any moment
figures = count(1)


async def get_next_update():
    if updates.get(None) is None:
        updates.set(iter(UPDATES))
    update = next(updates.get(), None)
    if update is None:
        await trio.sleep_forever()
    return update


async def get_current_stats():
    return {"cpu": next(figures)}


@dataclass
class Event:
    message: str
    timestamp: str


class Subscription:
    def __init__(self):
        self.events = iter([Event("New alert", "12:00"), Event("<b>bold</b>", "12:01"), Event("Über", "12:02")])

    def __aiter__(self):
        return self

    async def __anext__(self):
        await trio.lowlevel.checkpoint()
        event = next(self.events, None)
        if event is None:
            raise StopAsyncIteration
        return event


class NotificationBus:
    def subscribe(self):
        return Subscription()


notification_bus = NotificationBus()

# fmt: off
# -- EventStream ----------------------------------------------------------------------------------------------------------

from chirp_trio import EventStream

@app.route("/events")
async def events():
    async def stream():
        while True:
            data = await get_next_update()
            yield data
    return EventStream(stream())

# -- Yield Types ----------------------------------------------------------------------------------------------------------

async def stream():
    # String -- sent as SSE data field
    yield "Hello, World!"

    # Dict -- JSON-serialized as SSE data
    yield {"count": 42, "status": "ok"}

    # Fragment -- rendered via kida, sent as SSE data
    yield Fragment("components/notification.html", message="New alert")

    # SSEEvent -- full control over event type, id, retry
    yield SSEEvent(data="custom", event="ping", id="1")

yield_types = stream

# -- SSEEvent -------------------------------------------------------------------------------------------------------------

from chirp_trio import SSEEvent

async def stream():
    yield SSEEvent(
        data="User joined",
        event="user-join",     # Event type (client filters on this)
        id="evt-42",           # Last-Event-ID for reconnection
        retry=5000,            # Reconnection interval in ms
    )

# -- Real-Time HTML with htmx ---------------------------------------------------------------------------------------------

@app.route("/notifications")
async def notifications():
    async def stream():
        async for event in notification_bus.subscribe():
            yield Fragment("components/notification.html",
                event="notification",
                message=event.message,
                time=event.timestamp,
            )
    return EventStream(stream())

# -- Live Dashboard Example -----------------------------------------------------------------------------------------------

@app.route("/dashboard/live")
async def live_stats():
    async def stream():
        while True:
            stats = await get_current_stats()
            yield SSEEvent(
                data=Fragment("dashboard.html", "stats_panel", stats=stats),
                event="stats-update",
            )
            await trio.sleep(5)  # Update every 5 seconds
    return EventStream(stream())

# -------------------------------------------------------------------------------------------------------------------------
# fmt: on


@app.route("/yield-types")
async def serve_yield_types():
    return EventStream(yield_types())


@app.route("/sse-event")
async def serve_sse_event():
    return EventStream(stream())
