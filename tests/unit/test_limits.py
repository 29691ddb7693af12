"""Limits on streams: what can be asked for, and what a stream is told of its time."""

import math
from datetime import UTC, datetime, timedelta, timezone
from random import Random

import pytest
import trio

from chirp_trio import AppConfig, ConfigurationError, EventStream
from chirp_trio.stream import Limits, StreamRegistry
from chirp_trio.stream.client import BYTE_READER, EVENT_SOURCE
from chirp_trio.stream.description import deadline
from tests.cases import each_case


async def source():
    yield "a"


@each_case("option", ["max_streams", "max_streams_per_client"])
@each_case("value", [0, -1, 1.0, "10", True, math.inf])
def test_a_number_of_streams_is_one_or_more(option, value):
    with pytest.raises(
        (TypeError, ConfigurationError), match=rf"^{option} is {value!r}; it must be a number of streams, one or more, or"
    ):
        AppConfig(**{option: value})


@each_case("value", [0, -1, "10", True, math.inf, math.nan, (1, 2)])
def test_an_age_is_a_time(value):
    error = ConfigurationError if type(value) in (int, float) else TypeError
    with pytest.raises(error, match=r"^max_age is .*; it must be a number of seconds, more than zero, or None"):
        AppConfig(max_age=value)


@each_case("value", [-1, "10", True, math.inf, math.nan, None])
def test_a_delay_of_writing_is_a_time(value):
    error = ConfigurationError if type(value) in (int, float) else TypeError
    with pytest.raises(error, match=r"^max_write_delay is .*; it must be a number of seconds, zero or more"):
        AppConfig(max_write_delay=value)


@each_case("value", [3, (1,), (1, 2, 3), (5, 1), (-1, 5), (1, math.inf), ("1", "5"), [1, 5], (True, 2)])
def test_a_pause_is_a_range_of_times(value):
    with pytest.raises(
        (TypeError, ConfigurationError), match=r"^reconnect_after is .*; it must be a tuple of two times in seconds"
    ):
        AppConfig(reconnect_after=value)


@each_case("value", [None, (0, 0), (0.5, 0.5), (1, 30)])
def test_what_a_pause_may_be(value):
    assert AppConfig(reconnect_after=value).reconnect_after == value


async def test_ages_are_spread_over_a_tenth_on_either_side(autojump_clock):
    registry = StreamRegistry(Limits(max_age=100), chance=Random(1))
    ages = [registry.deadline() - trio.current_time() for _ in range(200)]
    assert 90 <= min(ages) < 91
    assert 109 < max(ages) <= 110


async def test_without_a_limit_a_stream_never_gets_too_old(autojump_clock):
    assert StreamRegistry().deadline() == math.inf
    assert deadline(EventStream(source)) == math.inf


def test_what_the_registry_draws_can_be_repeated():
    one, other = (StreamRegistry(chance=Random(7)) for _ in range(2))
    assert [one.farewell(BYTE_READER) for _ in range(5)] == [other.farewell(BYTE_READER) for _ in range(5)]


def test_a_client_is_told_nothing_if_nothing_is_configured():
    assert StreamRegistry(Limits(reconnect_after=None)).farewell(EVENT_SOURCE) == b""


@each_case("value", [-1, "3", True, math.inf, math.nan, (1, 2)])
def test_a_reconnection_time_is_a_time(value):
    with pytest.raises(
        (TypeError, ConfigurationError), match=r"^reconnection_time is .*; it must be a time in seconds, or None"
    ):
        AppConfig(reconnection_time=value)


@each_case("value", [None, 0, 0.25, 60])
def test_what_a_reconnection_time_may_be(value):
    assert AppConfig(reconnection_time=value).reconnection_time == value


@each_case(
    ("limits", "greeting"),
    [
        pytest.param(Limits(), b"retry: 3000\n\n", id="default"),
        pytest.param(Limits(reconnection_time=0.25), b"retry: 250\n\n", id="configured"),
        pytest.param(Limits(reconnection_time=0), b"retry: 0\n\n", id="at once"),
        pytest.param(Limits(reconnection_time=None), b"", id="none"),
        pytest.param(Limits(reconnect_after=None), b"", id="there is no farewell that could be taken back"),
    ],
)
def test_what_a_client_is_told_when_its_stream_begins(limits, greeting):
    assert StreamRegistry(limits).greeting(EVENT_SOURCE) == greeting


@each_case("value", [1764000000, 3600.0, "2030-01-01", timedelta(hours=1), math.inf])
def test_what_is_no_datetime_is_no_expiry(value):
    with pytest.raises(TypeError, match=r"^expires_at is .*; it must be a datetime with a time zone, or None"):
        EventStream(source, expires_at=value)


def test_an_expiry_without_a_time_zone_is_refused():
    with pytest.raises(ValueError, match=r"^expires_at is .*; it must have a time zone, such as datetime.now\(UTC\) has"):
        EventStream(source, expires_at=datetime(2030, 1, 1))


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-7))])
async def test_an_expiry_is_a_point_in_time_whatever_its_zone(autojump_clock, zone):
    stream = EventStream(source, expires_at=datetime.now(zone) + timedelta(minutes=10))
    assert deadline(stream) - trio.current_time() == pytest.approx(600, abs=5)


@each_case("value", [True, "user.may_read", 5])
def test_a_question_must_be_callable(value):
    with pytest.raises(TypeError, match=r"^revalidate is .*; it must be an async function without parameters, or None"):
        EventStream(source, revalidate=value)
