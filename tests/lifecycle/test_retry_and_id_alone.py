"""A source can send a `retry` or an `id` alone: clients take them, and see no event."""

import json

import pytest

from chirp_trio import App, Comment, Decoder, EventStream, SQLiteStore, SSEEvent, Topic, merge
from chirp_trio.testing import TestClient
from chirp_trio.topics.topic import audience_of


async def source():
    yield SSEEvent(retry=5000)
    yield "first"
    yield SSEEvent(id="7")
    yield SSEEvent(id="8", retry=6000)
    yield SSEEvent(None, event="null")


async def test_the_client_knows_both_and_sees_no_event_of_them(autojump_clock):
    async with TestClient(EventStream(source, event_type="item")) as client, client.stream_sse("/") as stream:
        first = await stream.next_event()
        assert (first.event, first.data) == ("item", "first")
        last = await stream.next_event()
        assert (last.event, last.data) == ("null", "null")
        assert (stream.last_event_id, stream.retry) == ("8", 6000)


async def test_an_id_alone_is_what_the_client_comes_back_with(autojump_clock):
    came = []
    app = App()

    @app.route("/")
    async def handler(request):
        came.append(request.last_event_id)

        async def source():
            yield SSEEvent(id="7")
            yield "event"

        return EventStream(source)

    async with TestClient(app) as client, client.stream_sse("/") as stream:
        await stream.next_event()
        await stream.disconnect()
        await stream.connect()
    assert came == [None, "7"]


@pytest.mark.parametrize("is_stored", [False, True])
async def test_a_topic_gives_a_retry_alone_to_everybody_and_again_after_a_restart(tmp_path, autojump_clock, is_stored):
    store = SQLiteStore(tmp_path / "topics.db") if is_stored else None
    topic = Topic("news", store=store)
    other = Topic("other")
    for publish in (True, False)[: 2 if is_stored else 1]:
        async with topic:
            if publish:
                await topic.publish("event")
                await topic.publish(SSEEvent(retry=5000))
                await topic.publish(SSEEvent(event="named", retry=6000))
                await topic.publish("last")
            [advice] = audience_of(topic).log.since(1, 1)
            assert advice.value == SSEEvent(retry=5000)
            for subscription in (topic.subscribe(replay=4), merge(topic.subscribe(replay=4), other.subscribe())):
                async with (
                    TestClient(EventStream(subscription, event_type="item")) as client,
                    client.stream_sse("/") as stream,
                ):
                    assert [(await stream.next_event()).data for _ in range(2)] == ["event", "last"]
                    assert stream.retry == 6000
                    assert stream.last_event_id.startswith(topic.cursor)


def test_what_reaches_no_client_is_refused_with_a_sentence_that_says_what_is_missing():
    with pytest.raises(
        TypeError, match=r"^SSEEvent\(\) has nothing to send; give it data \(text, JSON or a Fragment\), a retry"
    ):
        SSEEvent()
    for options in ({}, {"id": "7"}):
        with pytest.raises(
            ValueError, match=r"^event is 'ping', and there is no data, so clients would see no event; data=''"
        ):
            SSEEvent(event="ping", **options)


def test_null_is_data():
    assert SSEEvent(None).encode() == "data: null\n\n"
    assert SSEEvent(None) != SSEEvent(retry=0)
    assert json.loads(Decoder().feed(SSEEvent(None).encode().encode())[0].data) is None


async def test_what_is_no_event_to_the_client_is_none_in_the_figures_of_its_stream(autojump_clock):
    async def source():
        yield SSEEvent(retry=5000)
        yield SSEEvent(id="7")
        yield Comment("looking at the wire")
        yield "event"
        yield SSEEvent("", event="empty")

    app = App()
    app.route("/")(lambda: EventStream(source))
    async with TestClient(app) as client:
        assert len((await client.sse("/")).events) == app.streams.events == 2
