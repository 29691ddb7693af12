"""Errors: before the first event they are the request's, after it they are an event, and they never say too much."""

import json
import logging
from contextlib import aclosing

import pytest
import trio

from chirp_trio import App, AppConfig, Comment, EventStream, Fragment, HTTPError, SSEEvent, Topic
from chirp_trio.testing import TestClient
from tests.lifecycle.scenes import Source, client_of, endings, logged, raw_app


def error_event(result):
    [event] = [event for event in result.events if event.event == "chirp:error"]
    return json.loads(event.data)


async def test_an_http_error_before_the_first_item_is_the_responses_status(autojump_clock, caplog):
    async def private():
        raise HTTPError(403, "members only")
        yield

    caplog.set_level(logging.DEBUG, logger="chirp_trio.stream")
    async with client_of(private) as client:
        result = await client.sse("/")
    assert (result.status, result.ended) == (403, "refused")
    assert "members only" in result.text
    assert endings(caplog) == ["failed"]
    assert logged(caplog, logging.WARNING) == [], "an HTTPError is no accident"


async def test_an_http_error_from_a_nursery_of_the_source_is_the_responses_status(autojump_clock):
    async def private():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            raise HTTPError(404)
        yield

    async with client_of(private) as client:
        assert (await client.sse("/")).status == 404


async def test_any_other_error_before_the_first_item_is_a_500_that_says_nothing(autojump_clock, caplog):
    async with client_of(Source(then="raise")) as client:
        result = await client.sse("/")
    assert result.status == 500
    assert "secret" not in result.text
    [message] = logged(caplog, logging.ERROR)
    assert message.startswith("GET / failed (reference ")


async def test_headers_wait_for_the_first_item_but_not_longer_than_the_grace(autojump_clock):
    async def slow():
        await trio.sleep(10)
        raise ValueError("too late for a status")
        yield

    async with client_of(slow, start_grace=0.1, raise_stream_errors=False) as client:
        began = trio.current_time()
        async with client.stream_sse("/") as stream:
            assert trio.current_time() - began == pytest.approx(0.1)
            assert stream.status == 200
            assert (await stream.next_event()).event == "chirp:error"


async def test_an_error_within_the_grace_keeps_its_status(autojump_clock):
    async def slow():
        await trio.sleep(0.09)
        raise HTTPError(409)
        yield

    async with client_of(slow, start_grace=0.1) as client:
        assert (await client.sse("/")).status == 409


@pytest.mark.parametrize(
    "is_transformed", [True, False], ids=["in what it makes of the first event", "while it waits for one"]
)
async def test_a_source_that_has_begun_to_read_a_topic_has_given_nothing_yet(autojump_clock, is_transformed):
    topic = Topic("rooms")

    async def private():
        async with aclosing(aiter(topic.subscribe(replay=1))) as events:
            if not is_transformed:
                await trio.sleep(0.05)
                raise HTTPError(403)
            async for event in events:
                raise HTTPError(403, f"{event.value} is private")
            yield

    topic.publish_nowait("hello")
    async with client_of(private) as client:
        result = await client.sse("/")
    assert (result.status, result.ended) == (403, "refused")


async def test_the_client_of_a_source_that_reads_a_topic_is_told_its_place_when_the_grace_is_over(autojump_clock):
    topic = Topic("rooms")

    async def quiet():
        async for event in topic.subscribe():
            yield event

    async with client_of(quiet, start_grace=2) as client:
        began = trio.current_time()
        async with client.stream_sse("/") as stream:
            assert trio.current_time() - began == pytest.approx(2)
            await trio.sleep(1)
            assert stream.last_event_id == topic.cursor


async def test_the_first_item_goes_out_without_waiting_for_the_grace(autojump_clock):
    async with client_of(Source("a"), start_grace=50) as client:
        began = trio.current_time()
        await client.sse("/", max_events=1)
        assert trio.current_time() == began


async def test_an_error_after_the_first_item_ends_the_stream_with_a_reference_to_the_log(autojump_clock, caplog):
    async with client_of(Source("a", then="raise"), raise_stream_errors=False) as client:
        result = await client.sse("/")
    told = error_event(result)
    assert list(told) == ["reference"]
    assert told["reference"] in caplog.text
    assert "secret" not in str(result.events)


@pytest.mark.parametrize(
    ("item", "cause"),
    [
        pytest.param(object(), "a value of type object cannot be sent", id="no data"),
        pytest.param({"a": object()}, "a value of type object at $.a cannot be sent", id="no JSON inside"),
        pytest.param("half a \ud800", "half of a surrogate pair", id="no UTF-8"),
        pytest.param(SSEEvent(object()), "a value of type object cannot be sent", id="no data in an event"),
        pytest.param(Fragment("missing.html"), "there is no template 'missing.html'", id="no template"),
    ],
)
async def test_an_item_that_cannot_be_sent_costs_only_itself(autojump_clock, caplog, item, cause):
    async with client_of(Source("before", item, "after", then="end"), raise_stream_errors=False) as client:
        result = await client.sse("/")
    assert [event.data for event in result.events if event.event is None] == ["before", "after"]
    assert error_event(result)["reference"] in caplog.text
    assert cause in caplog.text


async def test_a_first_item_that_cannot_be_sent_costs_only_itself_too(autojump_clock):
    async with client_of(Source(object(), "after", then="end"), raise_stream_errors=False) as client:
        result = await client.sse("/")
    assert (result.status, [event.event for event in result.events]) == (200, ["chirp:error", None])


async def test_debug_mode_tells_the_client_what_went_wrong(autojump_clock):
    app = App(AppConfig(debug=True))

    @app.route("/")
    async def stream():
        return EventStream(Source("a", then="raise"))

    async with TestClient(app, raise_stream_errors=False) as client:
        told = error_event(await client.sse("/"))
    assert told["error"] == "ValueError: the source's secret"


async def test_a_source_may_yield_comments(autojump_clock):
    async with client_of(Source("a", Comment("one\ntwo"), "b", then="end")) as client:
        result = await client.sse("/")
    assert [event.data for event in result.events] == ["a", "b"]
    assert result.comments == ("one", "two")


async def test_no_event_is_ever_named_error(autojump_clock):
    async with client_of(Source("a", object(), then="raise"), raise_stream_errors=False) as client:
        result = await client.sse("/")
    assert {event.event for event in result.events} == {None, "chirp:error"}


async def test_a_fragment_without_an_app_says_what_it_takes(autojump_clock, caplog):
    async with TestClient(raw_app(Source(Fragment("a.html"), then="end")), raise_stream_errors=False) as client:
        result = await client.sse("/")
    assert [event.event for event in result.events] == ["chirp:error"]
    assert "a Fragment cannot be sent before it is rendered, which takes an App with templates" in caplog.text
