"""The same events in every way that a stream can be made, in the forms that clients of the field want to read.

Each stream has heartbeats far more often than events, text that is no ASCII, a silence, and a comment of the source's own.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import trio

from chirp_trio import App, AppConfig, Comment, EventStream, Request, Response, SSEEvent, Topic, merge

HEARTBEAT = 0.05
SILENCE = 0.4
TEXTS = ("wörld ✅ 72°F", "", "two\nlines \u2028\u0085", "end")

type Events = list[tuple[str | None, object]]


@asynccontextmanager
async def lifespan(app: App) -> AsyncGenerator[dict[str, object]]:
    async with trio.open_nursery() as publishers:
        yield {"publishers": publishers}
        publishers.cancel_scope.cancel()


app = App(AppConfig(reconnection_time=0.05), lifespan=lifespan)


async def paced(events: Events) -> AsyncGenerator[tuple[str | None, object]]:
    for number, event in enumerate(events):
        if number == 1:
            await trio.sleep(SILENCE)
        await trio.sleep(2 * HEARTBEAT)
        yield event


def plain(events: Events) -> EventStream:
    async def source() -> AsyncGenerator[object]:
        yield Comment("a comment\n\nwith an empty line")
        async for name, data in paced(events):
            yield SSEEvent(data, name)

    return EventStream(source, heartbeat_interval=HEARTBEAT)


def with_ids(events: Events) -> EventStream:
    async def source() -> AsyncGenerator[object]:
        number = 0
        async for name, data in paced(events):
            number += 1
            yield SSEEvent(data, name, str(number))
            yield Comment("a comment after an event")

    return EventStream(source, heartbeat_interval=HEARTBEAT)


async def publish_all(events: Events, topics: list[Topic]) -> None:
    try:
        async for name, data in paced(events):
            for _ in range(150):  # so many that a client is told its place in between
                topics[0].publish_nowait("unwanted")
            await trio.sleep(2 * HEARTBEAT)
            topics[0].publish_nowait(SSEEvent(data, name))
            topics.append(topics.pop(0))
    finally:
        for topic in topics:
            topic.close()


def of_topics(events: Events, number: int, publishers: trio.Nursery) -> EventStream:
    topics = [Topic(f"topic-{place}", history=1000) for place in range(number)]
    subscriptions = [topic.subscribe(filter=lambda value: value != "unwanted", buffer=1000) for topic in topics]
    publishers.start_soon(publish_all, events, topics)
    return EventStream(merge(*subscriptions) if number > 1 else subscriptions[0], heartbeat_interval=HEARTBEAT)


def stream(kind: str, events: Events, request: Request) -> EventStream:
    publishers: trio.Nursery = request.state["publishers"]
    makers: dict[str, Callable[[], EventStream]] = {
        "plain": lambda: plain(events),
        "ids": lambda: with_ids(events),
        "topic": lambda: of_topics(events, 1, publishers),
        "merged": lambda: of_topics(events, 2, publishers),
    }
    return makers[kind]()


# -- what clients of this and that want to read ---------------------------------------------------------------------------


@app.route("/{kind}/values", methods=["GET", "POST"])
async def values(kind: str, request: Request) -> EventStream | Response:
    if request.last_event_id:  # of a client that comes back when the stream is over: there is no more
        return Response(b"", status=204)
    return stream(kind, [(None, {"text": text}) for text in TEXTS], request)


@app.route("/{kind}/openai/chat/completions", methods=["POST"])
async def openai(kind: str, request: Request) -> EventStream:
    await request.json()
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    chunks = [{**chunk, "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]} for text in TEXTS]
    return stream(kind, [*[(None, chunk) for chunk in chunks], (None, "[DONE]")], request)


@app.route("/{kind}/anthropic/v1/messages", methods=["POST"])
async def anthropic(kind: str, request: Request) -> EventStream:
    await request.json()
    deltas = [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}} for text in TEXTS]
    return stream(kind, [*[(delta["type"], delta) for delta in deltas], ("message_stop", {"type": "message_stop"})], request)


@app.route("/{kind}/mcp")
async def mcp(kind: str, request: Request) -> EventStream:
    notes = [{"jsonrpc": "2.0", "method": "notifications/message", "params": {"text": text}} for text in TEXTS]
    return stream(kind, [("endpoint", f"/{kind}/mcp/messages"), *[("message", note) for note in notes]], request)


# -- coming back ----------------------------------------------------------------------------------------------------------

visits: dict[str, list[str | None]] = {}


@app.route("/resume/{client}")
async def resume(client: str, request: Request) -> EventStream | Response:
    """One event for each connection. Its id is no ASCII for the client that can send such a one: by the URL."""
    came_with = visits.setdefault(client, [])
    came_with.append(request.last_event_id)
    if len(came_with) > len(TEXTS):
        return Response(b"", status=204)

    async def source() -> AsyncGenerator[object]:
        yield SSEEvent(
            {"text": TEXTS[len(came_with) - 1]}, id=f"{len(came_with)}{' ✅' if client == 'event-source-polyfill' else ''}"
        )

    return EventStream(source)


@app.route("/visits")
async def what_came() -> dict[str, list[str | None]]:
    return visits
