"""Tests of users' that look at what has come: its data is text, for mypy and pyright alike. Only type checkers run it."""

import json
from typing import assert_type

import httpx

from chirp_trio import App, Comment, Decoder, Published, SSEEvent, Topic
from chirp_trio.testing import (
    ASGITransport,
    SSEResult,
    SSEStream,
    TestClient,
    assert_fragment_contains,
    assert_fragment_not_contains,
    assert_is_fragment,
    assert_sse_wired,
)

app = App()
topic = Topic("orders")


async def test_a_result() -> None:
    async with TestClient(app) as client:
        result = await client.sse("/notifications", max_events=3)
        assert_type(result, SSEResult)
        assert len(result.events) == 3
        assert "notification" in result.events[0].data
        assert result.events[0].data.upper() == "X"
        assert json.loads(result.events[0].data) == {"id": 1}
        assert [event.data.splitlines() for event in result.events if event.event == "x" and event.id and event.retry] == []
        assert list(result.events) == [SSEEvent("a notification"), SSEEvent("another", id="2")]


async def test_a_stream() -> None:
    async with TestClient(app) as client, client.stream_sse("/notifications") as stream:
        assert_type(stream, SSEStream)
        event = await stream.next_event()
        text: str = event.data
        assert text.startswith("a")
        assert event == SSEEvent("a notification", id="1")
        assert_is_fragment(event)
        assert_fragment_contains(event, "tea")
        assert_fragment_not_contains(stream.events[-1], "milk")
        async for other in stream:
            assert "b" in other.data
        assert_sse_wired("<p sse-connect='/'></p>", stream.events)


async def test_a_client_of_httpx() -> None:
    async with httpx.AsyncClient(transport=ASGITransport(app), base_url="http://testserver") as client:
        assert (await client.get("/")).status_code == 200


def decode(data: bytes) -> list[str]:
    return [item.text if isinstance(item, Comment) else item.data for item in Decoder().feed(data)]


def first_words(events: list[SSEEvent[str]]) -> list[str]:
    return [event.data.partition(" ")[0] for event in events]


def anything(event: SSEEvent) -> object:
    assert_type(event.data, object)
    return event.data


def made_by_hand() -> list[SSEEvent]:
    assert_type(SSEEvent("text").data, str)
    event: SSEEvent = SSEEvent("text")
    anything(SSEEvent({"json": 1}))
    anything(SSEEvent("text", event="x"))
    return [event, SSEEvent({"json": 1}), SSEEvent("text")]


class Order:
    id = 1
    total = 2.5


async def subscribe() -> None:
    topic.subscribe(overflow="latest", key=lambda order: order.id)
    topic.subscribe(filter=lambda order: order.total > 2)
    topic.subscribe(filter=lambda order: isinstance(order, Order))
    async for published in topic.subscribe():
        assert_type(published, Published)
