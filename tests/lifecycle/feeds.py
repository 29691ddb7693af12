"""What the tests of topics share: an app whose `/` is a topic, and what a client of it has got."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from chirp_trio import App, EventStream, Request, Subscription, Topic, merge
from chirp_trio.testing import TestClient
from tests.lifecycle.scenes import tasks


class Feed:
    """A client of a topic, and the subscriptions that its requests have got, in order."""

    def __init__(self, client: TestClient, subscriptions: list[Subscription]) -> None:
        self.client = client
        self.subscriptions = subscriptions
        self.stream_sse = client.stream_sse
        self.sse = client.sse


@asynccontextmanager
async def feed_of(
    topic: Topic,
    app: App | None = None,
    stream: dict[str, Any] | None = None,
    raise_stream_errors: bool = True,
    **options: Any,
) -> AsyncGenerator[Feed]:
    """A client of an app that streams the topic; in the end its subscribers have left, and no task is left."""
    app = app or App()
    subscriptions: list[Subscription] = []

    @app.route("/")
    async def feed(request: Request) -> EventStream:
        subscriptions.append(topic.subscribe(request.last_event_id, **options))
        return EventStream(subscriptions[-1], **{"send_timeout": 10_000, **(stream or {})})

    before = topic.subscribers, tasks()
    async with TestClient(app, raise_stream_errors=raise_stream_errors) as client:
        yield Feed(client, subscriptions)
    assert (topic.subscribers, tasks()) == before, "a subscriber still counts, or the app left a task behind"


def client_of(*topics: Topic, app: App | None = None, stream: dict[str, Any] | None = None, **options: Any) -> TestClient:
    """A client of an app whose `/` merges the topics."""
    app = app or App()

    @app.route("/")
    async def feed(request: Request) -> EventStream:
        subscriptions = [topic.subscribe(request.last_event_id, **options) for topic in topics]
        return EventStream(merge(*subscriptions), **{"send_timeout": 10_000, **(stream or {})})

    return TestClient(app)


def told(events: Any) -> list[object]:
    """What the events say: their data, and a gap as the number of events that it says are missing."""
    return [("gap", json.loads(event.data)["missed"]) if event.event == "chirp:gap" else event.data for event in events]


async def read(stream: Any, count: int) -> list[object]:
    """The next so many events, told."""
    return told([await stream.next_event() for _ in range(count)])
