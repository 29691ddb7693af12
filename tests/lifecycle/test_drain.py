"""What clients are told when the server is about to stop, and what a health check sees."""

import logging
from contextlib import asynccontextmanager
from random import Random

import pytest
import trio

from chirp_trio import App, AppConfig
from chirp_trio.stream import Limits, StreamRegistry, open_stream_host
from chirp_trio.testing import TestClient
from chirp_trio.wire import Decoder
from tests.lifecycle.scenes import Source, app_of, client_of, endings
from tests.lifecycle.test_servers import Server, serve


async def drained(app, source_path="/"):
    """The stream of a client that was there when the server stopped, read to its end."""
    async with TestClient(app) as client, client.stream_sse(source_path) as stream:
        await stream.next_event()
        told = stream.retry
        client.drain()
        with pytest.raises(StopAsyncIteration):
            await stream.next_event(timeout=1)
        return stream, told


async def test_clients_are_told_when_to_come_back(autojump_clock, caplog):
    caplog.set_level(logging.DEBUG, logger="chirp_trio")
    stream, told = await drained(app_of(Source("a"), config=AppConfig(reconnection_time=0.5)))
    assert told == 500
    assert 1000 <= stream.retry <= 5000
    assert [event.data for event in stream.events] == ["a"], "it is no event"
    assert endings(caplog) == ["shutdown"]


async def test_the_advice_is_not_counted_as_an_event(autojump_clock):
    app = app_of(Source("a"))
    seen = []
    app.on_close(seen.append)
    await drained(app)
    [stream] = seen
    assert (stream.events, app.streams.events) == (1, 1)


async def test_the_range_can_be_configured(autojump_clock):
    stream, told = await drained(app_of(Source("a"), config=AppConfig(reconnect_after=(20, 20.5))))
    assert told == 3000
    assert 20_000 <= stream.retry <= 20_500


async def test_clients_are_told_nothing_if_that_is_configured(autojump_clock):
    stream, told = await drained(app_of(Source("a"), config=AppConfig(reconnect_after=None)))
    assert told is stream.retry is None


async def test_they_are_told_before_the_source_has_cleaned_up(autojump_clock):
    async with TestClient(app_of(Source("a", cleanup=3))) as client, client.stream_sse("/") as stream:
        await stream.next_event()
        client.drain()
        with pytest.raises(AssertionError, match="no event came"):
            await stream.next_event(timeout=1)
        assert stream.retry not in (None, 3000)


async def test_they_are_told_before_the_first_event_as_well(autojump_clock):
    async with TestClient(app_of(Source())) as client, client.stream_sse("/") as stream:
        client.drain()
        with pytest.raises(StopAsyncIteration):
            await stream.next_event(timeout=1)
        assert stream.retry not in (None, 3000)


async def test_whoever_comes_while_the_server_stops_is_told_as_well(autojump_clock):
    async with TestClient(app_of(Source("a"))) as client:
        client.drain()
        await trio.testing.wait_all_tasks_blocked()
        async with client.stream_sse("/") as stream:
            with pytest.raises(StopAsyncIteration):
                await stream.next_event(timeout=1)
            assert stream.retry not in (None, 3000)


@pytest.mark.parametrize("then", ["end", "raise"])
async def test_streams_that_end_for_another_reason_say_nothing_of_it(autojump_clock, then):
    async with client_of(Source("a", then=then), raise_stream_errors=False) as client, client.stream_sse("/") as stream:
        async for _ in stream:
            pass
        assert stream.retry == 3000, "what every stream says when it begins"


async def test_many_clients_are_told_times_that_spread_over_the_range(autojump_clock):
    registry = StreamRegistry(Limits(reconnect_after=(1, 11)), chance=Random(3))
    servers = [Server() for _ in range(500)]
    async with trio.open_nursery() as nursery, open_stream_host() as host:
        for server in servers:
            nursery.start_soon(serve, Source("a"), server, host, registry)
        await trio.sleep(1)
        host.close()
    told = [retry_in(server.body) for server in servers]
    assert min(told) >= 1000
    assert max(told) <= 11_000
    in_each_second = [sum(second * 1000 <= retry < (second + 1) * 1000 for retry in told) for second in range(1, 11)]
    assert min(in_each_second) > 25, "about fifty of them in each second"
    assert max(in_each_second) < 80


def retry_in(body: bytes) -> int:
    decoder = Decoder()
    assert [event.data for event in decoder.feed(body)] == ["a"]
    assert decoder.retry is not None
    return decoder.retry


# -- ready ----------------------------------------------------------------------------------------------------------------


async def test_an_app_is_ready_from_its_start_to_the_moment_when_the_server_is_to_stop(autojump_clock):
    app = App()

    @app.route("/ready")
    async def ready():
        return str(app.ready)

    assert not app.ready
    async with TestClient(app) as client:
        assert app.ready
        assert (await client.get("/ready")).text == "True"
        client.drain()
        await trio.testing.wait_all_tasks_blocked()
        assert not app.ready
        assert (await client.get("/ready")).text == "False", "requests are still answered"
    assert not app.ready


async def test_an_app_is_not_ready_while_its_lifespan_is_being_entered(autojump_clock):
    seen = []

    @asynccontextmanager
    async def lifespan(app):
        seen.append(app.ready)
        yield
        seen.append(app.ready)

    app = App(lifespan=lifespan)
    async with TestClient(app):
        seen.append(app.ready)
    assert seen == [False, True, False]


async def test_an_app_is_ready_while_one_of_its_servers_is(autojump_clock):
    app = App()
    async with TestClient(app):
        async with TestClient(app) as other:
            other.drain()
            await trio.testing.wait_all_tasks_blocked()
            assert app.ready
        assert app.ready
    assert not app.ready
