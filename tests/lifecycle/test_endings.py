"""Every way for a stream to end: the source's `finally` ran once, no task is left, the log says why and nothing else."""

import logging
import math

import pytest
import trio

from chirp_trio import EventStream
from chirp_trio.testing import TestClient
from tests.lifecycle.scenes import Source, app_of, client_of, endings, logged, raw_app, tasks


@pytest.fixture(autouse=True)
def _debug_log(caplog):
    caplog.set_level(logging.DEBUG, logger="chirp_trio")


async def test_an_exhausted_source_completes_the_stream(autojump_clock, caplog):
    source = Source("a", "b", then="end")
    async with client_of(source) as client:
        result = await client.sse("/")
    assert [event.data for event in result.events] == ["a", "b"]
    assert result.ended == "completed"
    assert (source.opened, source.closed) == (1, 1)
    assert endings(caplog) == ["completed"]
    assert logged(caplog, logging.INFO) == []


async def test_an_empty_source_gives_an_empty_stream(autojump_clock, caplog):
    source = Source(then="end")
    async with client_of(source) as client:
        result = await client.sse("/")
    assert (result.status, result.events, result.ended) == (200, (), "completed")
    assert endings(caplog) == ["completed"]


async def test_a_client_that_leaves_ends_the_source(autojump_clock, caplog):
    source = Source("a")
    async with client_of(source) as client:
        result = await client.sse("/", max_events=1)
        assert source.closed == 1, "the source is closed before the client's leaving is over"
    assert result.ended == "max_events"
    assert source.ended_by == ["Cancelled"]
    assert endings(caplog) == ["disconnected"]
    assert logged(caplog, logging.INFO) == []


async def test_a_client_that_leaves_before_the_first_event_ends_the_source(autojump_clock, caplog):
    source = Source()
    async with client_of(source) as client:
        result = await client.sse("/", disconnect_after=5)
    assert result.events == ()
    assert (source.opened, source.closed) == (1, 1)
    assert endings(caplog) == ["disconnected"]


async def test_a_source_that_raises_fails_the_stream_and_is_logged_once(autojump_clock, caplog):
    source = Source("a", then="raise")
    async with client_of(source, raise_stream_errors=False) as client:
        result = await client.sse("/")
    assert [event.event for event in result.events] == [None, "chirp:error"]
    assert result.ended == "completed", "the body is ended properly"
    assert source.closed == 1
    assert endings(caplog) == ["failed"]
    [record] = [record for record in caplog.records if record.levelno >= logging.INFO]
    assert record.exc_info[0] is ValueError


async def test_cancelling_the_handler_from_outside_closes_the_stream(autojump_clock, caplog):
    source = Source("a", pause=1)

    def impatient(app):
        async def middleware(scope, receive, send):
            with trio.move_on_after(10 if scope["type"] == "http" else math.inf):
                await app(scope, receive, send)

        return middleware

    before = tasks()
    async with TestClient(impatient(app_of(source))) as client:
        result = await client.sse("/")
    assert tasks() == before
    assert result.ended == "completed", "even a cancelled stream ends its body"
    assert source.closed == 1
    assert endings(caplog) == ["closed"]
    assert logged(caplog, logging.INFO) == []


async def test_a_server_that_stops_ends_its_streams(autojump_clock, caplog):
    source = Source("a")
    async with client_of(source) as client, client.stream_sse("/") as stream:
        await stream.next_event()
        client.drain()
        with pytest.raises(StopAsyncIteration):
            await stream.next_event(timeout=1)
        assert source.closed == 1
    assert endings(caplog) == ["shutdown"]
    assert logged(caplog, logging.INFO) == []


async def test_what_a_source_yields_while_the_server_stops_still_arrives(autojump_clock):
    async def polite():
        try:
            yield "hello"
            await trio.sleep_forever()
        finally:
            yield "goodbye"

    async with client_of(polite) as client, client.stream_sse("/") as stream:
        await stream.next_event()
        client.drain()
        assert (await stream.next_event(timeout=1)).data == "goodbye"


async def test_a_stream_that_is_asked_for_while_the_server_stops_ends_at_once(autojump_clock, caplog):
    source = Source("a")
    async with client_of(source) as client:
        client.drain()
        await trio.testing.wait_all_tasks_blocked()
        result = await client.sse("/", timeout=1)
    assert (result.status, result.events, result.ended) == (200, (), "completed")
    assert source.opened == 0
    assert endings(caplog) == ["shutdown"]


async def test_a_client_that_stalls_is_given_up_after_send_timeout(autojump_clock, caplog):
    source = Source(*["x" * 4000] * 100, then="end")
    async with client_of(source, send_timeout=20) as client, client.stream_sse("/") as stream:
        stream.stall()
        await trio.sleep(19.9)
        assert source.closed == 0
        await trio.sleep(0.2)
        assert source.closed == 1
        assert endings(caplog) == ["stalled"]
    assert logged(caplog, logging.INFO) == []


async def test_a_stalled_client_does_not_hold_up_a_server_that_stops(autojump_clock, caplog):
    source = Source(*["x" * 4000] * 100, then="end")
    async with client_of(source) as client, client.stream_sse("/") as stream:
        stream.stall()
        await trio.sleep(5)
        client.drain()
        await trio.sleep(1)
        assert source.closed == 1
        assert endings(caplog) == ["shutdown"]


async def test_a_stalled_client_of_an_exhausted_source_is_given_up_as_well(autojump_clock, caplog):
    source = Source("x" * 4000, then="end")
    async with client_of(source, send_timeout=20) as client, client.stream_sse("/") as stream:
        stream.stall()
        await trio.sleep(19.9)
        assert source.closed == 1, "the source does not wait for the client"
        assert endings(caplog) == []
        await trio.sleep(0.2)
        assert endings(caplog) == ["stalled"]


async def test_a_source_that_takes_its_time_to_clean_up_is_waited_for(autojump_clock, caplog):
    source = Source("a", cleanup=3)
    async with client_of(source) as client:
        began = trio.current_time()
        await client.sse("/", max_events=1)
        assert trio.current_time() - began == pytest.approx(3)
    assert logged(caplog, logging.INFO) == []


async def test_a_source_that_takes_too_long_to_clean_up_is_not_waited_for(autojump_clock, caplog):
    source = Source("a", cleanup=30)
    async with client_of(source, cleanup_timeout=5) as client, client.stream_sse("/") as stream:
        await stream.next_event()
        began = trio.current_time()
        client.drain()
        with pytest.raises(StopAsyncIteration):
            await stream.next_event()
        assert trio.current_time() - began == pytest.approx(5), "the client has its end"
    assert trio.current_time() - began == pytest.approx(30), "the handler stays until its source is over"
    [warning] = logged(caplog, logging.WARNING)
    assert "still cleaning up 5 s after the end (shutdown)" in warning


async def test_a_source_that_takes_too_long_after_its_client_has_left_is_named_at_that_time(autojump_clock, caplog):
    source = Source("a", cleanup=30)
    async with (
        client_of(source, cleanup_timeout=5, heartbeat_interval=None, send_timeout=1000) as client,
        client.stream_sse("/") as stream,
        trio.open_nursery() as nursery,
    ):
        await stream.next_event()
        await trio.sleep(1)
        nursery.start_soon(stream.disconnect)
        await trio.sleep(4)
        assert logged(caplog, logging.WARNING) == []
        await trio.sleep(2)
        [warning] = logged(caplog, logging.WARNING)
        assert "still cleaning up 5 s after the end (disconnected)" in warning


async def test_a_source_that_cleans_up_for_a_handler_that_was_cancelled_is_limited_when_its_stream_is_closed(
    autojump_clock, caplog
):
    source = Source("a", cleanup=40)
    app = app_of(source, cleanup_timeout=5, heartbeat_interval=1)

    async def impatient(scope, receive, send):
        with trio.move_on_after(10 if scope["type"] == "http" else math.inf):
            await app(scope, receive, send)

    async with TestClient(impatient) as client, client.stream_sse("/") as stream:
        await trio.sleep(20)
        app.streams.close(lambda _: True)
        await trio.sleep(4.5)
        assert logged(caplog, logging.WARNING) == []
        assert stream.ended is None
        await trio.sleep(2)
        [warning] = logged(caplog, logging.WARNING)
        assert "still cleaning up 5 s after the end (closed)" in warning
        assert stream.ended == "completed"
    assert source.closed == 1


async def test_an_error_while_the_source_cleans_up_is_logged(autojump_clock, caplog):
    async def careless():
        try:
            yield "a"
            await trio.sleep_forever()
        finally:
            raise ValueError("in the cleanup")

    async with client_of(careless, raise_stream_errors=False) as client:
        await client.sse("/", max_events=1)
    assert endings(caplog) == ["disconnected"]
    [message] = logged(caplog, logging.ERROR)
    assert "its source raised" in message


async def test_a_send_that_raises_as_other_servers_do_is_a_client_that_left(autojump_clock, caplog):
    source = Source("a", "b", pause=1)

    def broken(app):
        async def middleware(scope, receive, send):
            async def raising(message):
                if message.get("body"):
                    raise BrokenPipeError("gone")
                await send(message)

            await app(scope, receive, raising if scope["type"] == "http" else send)

        return middleware

    async with TestClient(broken(app_of(source))) as client:
        with pytest.raises(AssertionError, match="before its response was complete"):
            await client.sse("/")
    assert source.closed == 1
    assert endings(caplog) == ["disconnected"]
    assert logged(caplog, logging.INFO) == []


async def test_middleware_that_raises_from_send_is_logged_and_closes_the_stream(autojump_clock, caplog):
    source = Source("a", "b", pause=1)

    def buggy(app):
        async def middleware(scope, receive, send):
            async def raising(message):
                if message.get("body"):
                    raise KeyError("a bug")
                await send(message)

            await app(scope, receive, raising if scope["type"] == "http" else send)

        return middleware

    async with TestClient(buggy(app_of(source)), raise_stream_errors=False) as client:
        result = await client.sse("/")
    assert (result.events, result.ended) == ((), "completed")
    assert source.closed == 1
    assert endings(caplog) == ["closed"]
    [message] = logged(caplog, logging.INFO)
    assert "raised from send()" in message


async def test_head_answers_the_headers_and_never_starts_the_source(autojump_clock):
    source = Source("a")
    async with client_of(source) as client:
        response = await client.head("/")
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert source.opened == 0


async def test_head_closes_the_channel_that_it_does_not_read(autojump_clock):
    send, receive = trio.open_memory_channel[str](1)
    async with client_of(receive) as client:
        await client.head("/")
    with pytest.raises(trio.BrokenResourceError):
        send.send_nowait("nobody listens")


async def test_a_stall_is_found_in_time_without_heartbeats(autojump_clock, caplog):
    source = Source(*["x" * 4000] * 100, then="end")
    async with client_of(source, heartbeat_interval=None, send_timeout=20) as client, client.stream_sse("/") as stream:
        stream.stall()
        await trio.sleep(20.1)
        assert endings(caplog) == ["stalled"]


async def test_a_stall_that_begins_late_is_found_in_time_without_heartbeats(autojump_clock, caplog):
    async def source():
        await trio.sleep(33)
        while True:
            yield "x" * 4000

    async with client_of(source, heartbeat_interval=None, send_timeout=20) as client, client.stream_sse("/") as stream:
        await trio.sleep(1)  # so that it has read what is there at the beginning
        stream.stall()
        await trio.sleep(32 + 19.9)
        assert endings(caplog) == []
        await trio.sleep(0.2)
        assert endings(caplog) == ["stalled"]


@pytest.mark.parametrize("then", ["end", "wait", "raise"])
async def test_without_a_lifespan_streams_end_just_so_and_the_log_says_it_once(autojump_clock, caplog, then):
    source = Source("a", then=then)
    before = tasks()
    async with TestClient(raw_app(source), raise_stream_errors=False) as client:
        for _ in range(2):
            await client.sse("/", max_events=1 if then == "wait" else None)
    assert tasks() == before
    assert (source.opened, source.closed) == (2, 2)
    warnings = [message for message in logged(caplog, logging.WARNING) if "lifespan" in message]
    assert len(warnings) == 1


async def test_a_handler_that_makes_a_stream_and_does_not_return_it_leaves_nothing_open(autojump_clock):
    source = Source("a")
    EventStream(source)
    EventStream(source())
    assert source.opened == 0
