"""Only events end with a blank line: a client that takes every blank line for an event sees none that is not one."""

import pytest
import trio

from chirp_trio import Comment, EventStream, SSEEvent, Topic, merge
from chirp_trio.stream import Limits, Placement, StreamRegistry, open_stream_host
from chirp_trio.testing import TestClient
from chirp_trio.topics.subscriber import TELL_AFTER
from chirp_trio.wire import Decoder
from tests.cases import each_case
from tests.lifecycle.scenes import Source, app_of, client_of
from tests.lifecycle.test_servers import Server

READERS = {
    "asks for events": {"accept": "text/event-stream"},
    "asks for anything": {"accept": "*/*"},
    "says nothing": {},
    "posts": {":method": "POST", "accept": "text/event-stream", "cache-control": "no-cache", "pragma": "no-cache"},
    "htmx 4 posts": {":method": "POST", "accept": "text/html, text/event-stream", "hx-request": "true"},
}
BROWSER = {"accept": "text/event-stream", "cache-control": "no-cache", "pragma": "no-cache"}
HTMX4 = {"accept": "text/html, text/event-stream", "hx-request": "true"}


async def items():
    yield Comment("before")
    yield SSEEvent(id="0")
    yield SSEEvent(retry=5)
    yield "one"
    await trio.sleep(40)
    yield Comment("a\n\nb")
    yield SSEEvent("two", id="2")
    yield object()  # which cannot be sent, and costs a chirp:error
    yield Comment("")
    yield SSEEvent(id="3", retry=5)
    await trio.sleep(40)
    raise ValueError


def publishing(nursery, *topics):
    """Events of topics, with so many unwanted ones that a client is told its place in between."""
    subscriptions = [topic.subscribe(filter=lambda value: value != "unwanted") for topic in topics]

    async def publish():
        await trio.sleep(1)
        for topic in topics:
            topic.publish_nowait("wanted")
            await trio.sleep(40)
            for _ in range(TELL_AFTER):
                topic.publish_nowait("unwanted")
            await trio.sleep(40)
            topic.publish_nowait(Comment("published"))
            topic.publish_nowait(SSEEvent(retry=5))
        for topic in topics:
            topic.close()

    nursery.start_soon(publish)
    return merge(*subscriptions) if len(topics) > 1 else subscriptions[0]


SOURCES = {
    "items": lambda nursery: items(),
    "a topic": lambda nursery: publishing(nursery, Topic("one")),
    "merged topics": lambda nursery: publishing(nursery, Topic("one"), Topic("two")),
}


async def stop(host, after):
    await trio.sleep(after)
    host.close()


async def answer(make, headers, *, stop_after=None, limits=None):
    """The body that a request with these headers gets."""
    server = Server()
    pairs = [(name.encode(), value.encode()) for name, value in headers.items() if name != ":method"]
    method = headers.get(":method", "GET")
    async with trio.open_nursery() as nursery, open_stream_host() as host:
        scope = {"type": "http", "method": method, "path": "/", "headers": pairs}
        scope["state"] = {"chirp_trio.streams": Placement(host, (StreamRegistry(limits),))}
        if stop_after is not None:
            nursery.start_soon(stop, host, stop_after)
        await EventStream(make(nursery))(scope, server.receive, server.send)
        nursery.cancel_scope.cancel()
    assert server.is_complete
    return server.body.decode()


def blocks(body):
    """What a client makes of it that takes every blank line for the end of an event, each as its data."""
    *complete, rest = body.split("\n\n")
    assert "data:" not in rest
    return [[line for line in block.split("\n") if line.startswith("data:")] for block in complete]


@each_case("source", SOURCES)
@each_case("reader", READERS)
@each_case("stop_after", [None, 30], ids=["to the end", "until the server stops"])
async def test_every_blank_line_is_the_end_of_an_event(autojump_clock, reader, source, stop_after):
    body = await answer(SOURCES[source], READERS[reader], stop_after=stop_after)
    assert ": heartbeat\n" in body
    found = blocks(body)
    assert found
    assert all(found), body
    assert len(Decoder().feed(body.encode())) - body.count("\n:") - body.startswith(":") == len(found)


@each_case("source", ["a topic", "merged topics"])
@each_case(("headers", "end"), [(BROWSER, "\n\n"), (HTMX4, "\n\n"), (READERS["asks for events"], "\n"), ({}, "\n")])
async def test_an_id_alone_is_a_block_for_whoever_needs_one_and_the_place_for_everybody(autojump_clock, source, headers, end):
    body = await answer(SOURCES[source], headers)
    ids = [line for line in body.split("\n") if line.startswith("id: ")]
    assert len(ids) > 2
    told = [block for block in body.split("\n\n") if block.startswith("id: ") and "data:" not in block]
    assert bool(told) == (end == "\n\n")
    decoder = Decoder()
    events = [item for item in decoder.feed(body.encode() + b"\n") if isinstance(item, SSEEvent)]
    assert [event.data for event in events] == ["wanted"] * (1 if source == "a topic" else 2)
    assert decoder.last_event_id == ids[-1].removeprefix("id: ")
    assert events[0].id not in (ids[0], None), "its own id, and not the one that was told before"


@each_case(
    ("headers", "told"),
    [(BROWSER, "id: 7\n\n"), (HTMX4, "id: 7\n\n"), (READERS["asks for events"], "id: 7\n"), ({}, "id: 7\n")],
)
async def test_an_id_alone_from_a_source_is_told_in_the_same_way(autojump_clock, headers, told):
    async def source():
        yield SSEEvent(id="7", retry=20)
        yield "a"

    body = await answer(lambda _: source(), headers)
    assert body.endswith(f"retry: 20\n{told}data: a\n\n")


@each_case(
    ("headers", "first", "last"),
    [
        (BROWSER, "retry: 3000\n\n", "retry: 7000\n\n"),
        (HTMX4, "retry: 3000\nevent: chirp:hello\n\n", "retry: 7000\nevent: chirp:bye\n\n"),
        (READERS["asks for events"], "retry: 3000\n", "retry: 7000\n"),
        (READERS["posts"], "retry: 3000\n", "retry: 7000\n"),
        (READERS["asks for anything"], "", "retry: 7000\n"),
        ({}, "", "retry: 7000\n"),
    ],
)
async def test_a_reconnection_time_is_told_first_and_last_to_each_in_its_way(autojump_clock, headers, first, last):
    async def ticks():
        yield "tick"
        await trio.sleep_forever()

    body = await answer(lambda _: ticks(), headers, stop_after=1, limits=Limits(reconnect_after=(7, 7)))
    assert body == f"{first}data: tick\n\n{last}"


async def test_a_source_that_says_when_to_come_back_has_the_last_word(autojump_clock):
    async def source():
        yield SSEEvent("a", retry=20)

    body = await answer(lambda _: source(), BROWSER)
    assert body == "retry: 3000\n\nretry: 20\ndata: a\n\n"


async def test_a_reconnection_time_does_not_begin_the_response(autojump_clock):
    async def source():
        raise ValueError("too early")
        yield

    async with client_of(source, raise_stream_errors=False) as client:
        assert (await client.get("/", headers=BROWSER)).status_code == 500


@pytest.mark.parametrize("request_type", ["eventsource", "htmx4"])
async def test_a_test_sees_the_events_as_they_were_and_the_reconnection_time_of_the_stream(autojump_clock, request_type):
    async def source():
        yield "a"
        yield SSEEvent("b", retry=20)

    async with client_of(source) as client, client.stream_sse("/", request_type=request_type) as stream:
        assert await stream.next_event() == SSEEvent("a")
        assert await stream.next_event() == SSEEvent("b", retry=20)
        assert stream.retry == 20
        assert (stream.comments, stream.events) == ([], [SSEEvent("a"), SSEEvent("b", retry=20)])


async def test_a_reconnection_time_counts_for_nothing(autojump_clock):
    app = app_of(Source("a", then="end"))
    seen = []
    app.on_close(seen.append)
    async with TestClient(app) as client:
        await client.sse("/")
    [stream] = seen
    assert (stream.events, stream.bytes) == (1, len("data: a\n\n"))
