"""Heartbeats: when nothing was sent for a while, exactly then, and only then."""

import math

import pytest
import trio

from chirp_trio import EventStream
from tests.cases import each_case
from tests.lifecycle.scenes import Source, client_of


@pytest.mark.parametrize("interval", [15.0, 0.5, 40])
async def test_an_idle_stream_beats_at_its_interval_exactly(autojump_clock, interval):
    async with client_of(Source(), heartbeat_interval=interval) as client:
        result = await client.sse("/", disconnect_after=interval * 3.5)
    assert result.heartbeat_times == pytest.approx([interval, 2 * interval, 3 * interval])


async def test_an_hour_of_heartbeats_takes_no_time(autojump_clock):
    async with client_of(Source()) as client:
        result = await client.sse("/", disconnect_after=3600.5)
    assert result.heartbeats == 240


async def test_any_event_counts_as_life(autojump_clock):
    async with client_of(Source(*range(100), pause=10), heartbeat_interval=15) as client:
        result = await client.sse("/", disconnect_after=595)
    assert result.heartbeats == 0
    assert len(result.events) == 60


async def test_the_interval_begins_anew_with_an_event(autojump_clock):
    async def source():
        await trio.sleep(10)
        yield "at 10"
        await trio.sleep_forever()

    async with client_of(source, heartbeat_interval=15) as client:
        assert (await client.sse("/", disconnect_after=24.9)).heartbeats == 0
        assert (await client.sse("/", disconnect_after=25.1)).heartbeats == 1


async def test_none_switches_heartbeats_off(autojump_clock):
    async with client_of(Source(), heartbeat_interval=None) as client:
        result = await client.sse("/", disconnect_after=3600)
    assert result.comments == ()


async def test_a_client_that_does_not_read_gets_no_pile_of_heartbeats(autojump_clock):
    async with client_of(Source("a"), heartbeat_interval=1, send_timeout=50) as client, client.stream_sse("/") as stream:
        stream.stall()
        await trio.sleep(40)
        stream.resume()
        await stream.next_event()
        with pytest.raises(AssertionError):
            await stream.next_event(timeout=0.5)
        assert len(stream.comments) <= 1


async def test_heartbeats_detect_a_client_that_stalled(autojump_clock):
    source = Source("a")
    async with client_of(source, heartbeat_interval=15, send_timeout=20) as client, client.stream_sse("/") as stream:
        await stream.next_event()
        stream.stall()
        await trio.sleep(14.9 + 20)  # the first heartbeat is the first thing that cannot be sent
        assert source.closed == 0
        await trio.sleep(0.2)
        assert source.closed == 1


async def test_streams_with_different_intervals_share_one_timer(autojump_clock):
    async with client_of(Source(), heartbeat_interval=7) as often, client_of(Source(), heartbeat_interval=11) as seldom:
        results = {}

        async def read(name, client):
            results[name] = await client.sse("/", disconnect_after=100)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read, "often", often)
            nursery.start_soon(read, "seldom", seldom)
    assert (results["often"].heartbeats, results["seldom"].heartbeats) == (14, 9)


async def test_streams_that_are_due_one_soon_after_the_other_beat_together_and_none_is_late(autojump_clock):
    async with client_of(Source(), heartbeat_interval=15) as client, trio.open_nursery() as nursery:
        beats = []  # when, on the clock of all, each stream has beaten

        async def read():
            began = trio.current_time()
            result = await client.sse("/", disconnect_after=50)
            assert max(result.heartbeat_times) <= 45.001
            beats.append([began + time for time in result.heartbeat_times])

        for _ in range(40):
            nursery.start_soon(read)
            await trio.sleep(0.01)
    assert len(beats) == 40
    moments = sorted({round(time, 6) for times in beats for time in times})
    assert len(moments) == 9  # in three turns, each time: of 0.4 s, each takes in 0.15
    assert [moments[place] - moments[0] for place in (3, 6)] == pytest.approx([15, 30])


async def test_one_that_is_due_much_later_does_not_beat_with_the_others(autojump_clock):
    async with client_of(Source(), heartbeat_interval=15) as client, trio.open_nursery() as nursery:

        async def read():
            assert (await client.sse("/", disconnect_after=31)).heartbeat_times == pytest.approx([15, 30])

        nursery.start_soon(read)
        await trio.sleep(0.2)
        nursery.start_soon(read)


@each_case("option", ["heartbeat_interval", "send_timeout", "cleanup_timeout", "start_grace"])
@each_case("value", [0, -1, 0.0, -0.5, math.nan, math.inf, -math.inf])
def test_an_interval_that_is_no_time_is_refused(option, value):
    with pytest.raises(ValueError, match=rf"{option} is {value!r}; it must be a number of seconds, more than zero"):
        EventStream(Source(), **{option: value})


@each_case("option", ["heartbeat_interval", "send_timeout", "cleanup_timeout", "start_grace"])
@each_case("value", ["15", True, False, [15], b"15", 15j])
def test_an_interval_that_is_no_number_is_refused(option, value):
    with pytest.raises(TypeError, match=rf"{option} is .*; it must be a number of seconds"):
        EventStream(Source(), **{option: value})


@each_case("option", ["send_timeout", "cleanup_timeout", "start_grace"])
def test_only_heartbeats_can_be_switched_off(option):
    with pytest.raises(TypeError, match=f"{option} is None"):
        EventStream(Source(), **{option: None})


def test_the_refusal_says_how_to_switch_heartbeats_off():
    with pytest.raises(ValueError, match="None switches heartbeats off"):
        EventStream(Source(), heartbeat_interval=0)
