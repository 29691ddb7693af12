"""How many streams there may be, and for how long."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
import trio

from chirp_trio import App, AppConfig, Ending, EventStream
from chirp_trio.testing import TestClient
from tests.cases import each_case
from tests.lifecycle.scenes import Source, app_of, endings, logged, raw_app, tasks


@pytest.fixture(autouse=True)
def _debug_log(caplog):
    caplog.set_level(logging.DEBUG, logger="chirp_trio")


async def test_one_stream_too_many_is_refused_before_its_source_starts(autojump_clock, caplog):
    source = Source("a")
    app = app_of(source, config=AppConfig(max_streams=2, reconnect_after=(3, 4)))
    async with TestClient(app) as client:
        async with client.stream_sse("/"), client.stream_sse("/"):
            result = await client.sse("/")
            assert (result.status, result.ended) == (503, "refused")
            assert result.headers["retry-after"] == "4"
            assert "as many event streams as it may have" in result.text
            assert source.opened == 2
            assert (app.streams.opened, app.streams.refused) == (2, 1)
        assert (await client.sse("/", max_events=1)).status == 200, "the slots are free again"
    assert endings(caplog) == ["disconnected"] * 3
    assert logged(caplog, logging.INFO) == []


async def test_one_stream_too_many_of_a_client_is_refused_and_others_are_not(autojump_clock):
    app = app_of(Source("a"), config=AppConfig(max_streams_per_client=2))
    async with TestClient(app, client=("192.0.2.1", 1000)) as greedy:
        modest = TestClient(app, client=("192.0.2.2", 1000))
        async with modest, greedy.stream_sse("/"), greedy.stream_sse("/"), modest.stream_sse("/"):
            result = await greedy.sse("/")
            assert result.status == 429
            assert 1 <= int(result.headers["retry-after"]) <= 5
            assert (await modest.sse("/", max_events=1)).status == 200
        async with greedy.stream_sse("/") as first, greedy.stream_sse("/") as second:
            assert (first.status, second.status) == (200, 200), "its slots are free again"


async def test_a_client_that_ends_one_of_its_streams_may_have_one_more(autojump_clock):
    app = app_of(Source("a"), config=AppConfig(max_streams_per_client=2))
    async with TestClient(app) as client, client.stream_sse("/"):
        async with client.stream_sse("/"):
            pass
        async with client.stream_sse("/"):
            assert (await client.sse("/")).status == 429


async def test_clients_without_an_address_are_counted_together(autojump_clock):
    """Nobody knows who they are: where each had no limit, whoever hides would have none."""
    app = app_of(Source("a"), config=AppConfig(max_streams_per_client=1))

    async def without_address(scope, receive, send):
        await app({**scope, "client": None}, receive, send)

    async with TestClient(without_address) as hidden, TestClient(app) as known:
        async with hidden.stream_sse("/"):
            assert (await hidden.sse("/")).status == 429
            assert (await known.sse("/", max_events=1)).status == 200
        assert (await hidden.sse("/", max_events=1)).status == 200, "its slot is free again"


async def test_an_ipv6_network_of_64_bits_is_one_client(autojump_clock):
    app = app_of(Source("a"), config=AppConfig(max_streams_per_client=1))
    async with (
        TestClient(app, client=("2001:db8:0:1::7", 1000)) as first,
        TestClient(app, client=("2001:db8:0:1:ffff::8", 1000)) as second,
        TestClient(app, client=("2001:db8:0:2::7", 1000)) as other,
    ):
        async with first.stream_sse("/"):
            assert (await second.sse("/")).status == 429
            assert (await other.sse("/", max_events=1)).status == 200
        assert (await second.sse("/", max_events=1)).status == 200, "its slot is free again"


async def test_without_an_advice_for_clients_a_refusal_says_one_second(autojump_clock):
    app = app_of(Source("a"), config=AppConfig(max_streams=1, reconnect_after=None))
    async with TestClient(app) as client, client.stream_sse("/"):
        assert (await client.sse("/")).headers["retry-after"] == "1"


async def test_an_error_handler_may_answer_for_a_refusal(autojump_clock):
    app = app_of(Source("a"), config=AppConfig(max_streams=1))

    @app.error(503)
    async def full():
        return "Come back later."

    async with TestClient(app) as client, client.stream_sse("/"):
        result = await client.sse("/")
    assert (result.status, result.text) == (503, "Come back later.")


async def test_whoever_feeds_a_refused_stream_learns_of_it(autojump_clock):
    app = App(AppConfig(max_streams=1))
    senders = []

    @app.route("/")
    async def feed():
        send, receive = trio.open_memory_channel[str](1)
        senders.append(send)
        return EventStream(receive)

    async with TestClient(app) as client, client.stream_sse("/"):
        await client.sse("/")
        senders[0].send_nowait("somebody listens")
        with pytest.raises(trio.BrokenResourceError):
            senders[1].send_nowait("nobody listens")


async def test_a_head_request_needs_no_slot(autojump_clock):
    app = app_of(Source("a"), config=AppConfig(max_streams=1))
    async with TestClient(app) as client, client.stream_sse("/"):
        assert (await client.head("/")).status_code == 200


@each_case("then", ["end", "raise", "wait"])
@each_case("lifespan", [True, False])
async def test_a_slot_comes_back_however_a_stream_ends(autojump_clock, then, lifespan):
    app = app_of(Source(then=then), config=AppConfig(max_streams=1, max_streams_per_client=1))

    async def maybe(scope, receive, send):
        if scope["type"] != "http" and not lifespan:
            raise NotImplementedError
        await app(scope, receive, send)

    async with TestClient(maybe) as client:
        for _ in range(3):
            result = await client.sse("/", disconnect_after=1)
            assert result.status == (500 if then == "raise" else 200)
            assert len(app.streams) == 0
    assert app.streams.opened == sum(app.streams.ended.values()) == 3
    assert app.streams.refused == 0


async def test_the_limits_of_an_app_hold_for_apps_that_are_mounted_in_it(autojump_clock):
    source = Source("a")
    app = App(AppConfig(max_streams=1))
    app.mount("/inner", raw_app(source))
    async with TestClient(app) as client, client.stream_sse("/inner/"):
        assert (await client.sse("/inner/")).status == 503
    assert source.opened == 1


# -- age ------------------------------------------------------------------------------------------------------------------


async def test_a_stream_that_is_too_old_ends_cleanly(autojump_clock, caplog):
    source = Source(*range(1000), pause=1)
    app = app_of(source, config=AppConfig(max_age=100))
    before = tasks()
    async with TestClient(app) as client:
        result = await client.sse("/", timeout=200)
    assert tasks() == before
    assert result.ended == "completed"
    assert 90 <= result.duration <= 110
    assert len(result.events) >= 90
    assert (source.ended_by, source.closed) == (["Cancelled"], 1)
    assert endings(caplog) == ["expired"]
    assert logged(caplog, logging.INFO) == []


async def test_an_idle_stream_without_heartbeats_ends_in_time_as_well(autojump_clock):
    app = app_of(Source(), config=AppConfig(max_age=10), heartbeat_interval=None)
    async with TestClient(app) as client:
        result = await client.sse("/")
    assert 9 <= result.duration <= 11


async def test_streams_that_began_together_do_not_end_together(autojump_clock):
    app = app_of(Source(), config=AppConfig(max_age=1000))
    ended = []
    async with TestClient(app) as client, trio.open_nursery() as nursery:

        async def listen():
            ended.append((await client.sse("/", timeout=2000)).duration)

        for _ in range(25):
            nursery.start_soon(listen)
    assert len({round(time) for time in ended}) > 10
    assert min(ended) >= 900
    assert max(ended) <= 1101


async def test_what_waits_for_a_slow_client_is_still_sent_when_its_stream_expires(autojump_clock):
    app = app_of(Source(*["x" * 4000] * 5), config=AppConfig(max_age=10))
    async with TestClient(app) as client, client.stream_sse("/") as stream:
        stream.stall()
        await trio.sleep(15)
        [seen] = app.streams
        assert seen.ending is Ending.EXPIRED
        stream.resume()
        received = [event async for event in stream]
    assert len(received) == seen.events


async def test_a_stalled_client_whose_stream_expires_is_given_up_after_send_timeout(autojump_clock):
    app = app_of(Source(*["x" * 4000] * 5), config=AppConfig(max_age=10), send_timeout=20)
    async with TestClient(app) as client, client.stream_sse("/") as stream:
        stream.stall()
        await trio.sleep(11 + 19.9 - 2)
        assert len(app.streams) == 1
        await trio.sleep(2.2)
        assert len(app.streams) == 0


async def test_a_stream_ends_when_its_permission_expires(autojump_clock, caplog):
    source = Source("a")
    app = App()

    @app.route("/")
    async def stream():
        return EventStream(source, expires_at=datetime.now(UTC) + timedelta(hours=1))

    async with TestClient(app) as client:
        result = await client.sse("/", timeout=4000)
    assert result.ended == "completed"
    assert result.duration == pytest.approx(3600, abs=5)
    assert source.closed == 1
    assert endings(caplog) == ["expired"]


async def test_whichever_comes_first_ends_the_stream(autojump_clock):
    soon = datetime.now(UTC) + timedelta(seconds=60)
    app = app_of(Source("a"), config=AppConfig(max_age=100), expires_at=soon)
    async with TestClient(app) as client:
        assert (await client.sse("/", timeout=200)).duration == pytest.approx(60, abs=5)


async def test_a_stream_that_has_expired_already_ends_before_its_source_starts(autojump_clock, caplog):
    source = Source("a")
    async with TestClient(app_of(source, expires_at=datetime(2020, 1, 1, tzinfo=UTC))) as client:
        result = await client.sse("/", timeout=1)
    assert (result.status, result.events, result.ended) == (200, (), "completed")
    assert source.opened == 0
    assert endings(caplog) == ["expired"]
