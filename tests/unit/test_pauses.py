"""How long a client waits before it connects again."""

import math

from chirp_trio.cli.pauses import Pauses
from tests.cases import each_case


def failing(base, draw, times=8):
    pauses = Pauses(draw=draw)
    pauses.base = base
    return [pauses.after_failure() for _ in range(times)]


def test_after_a_success_it_is_what_the_stream_asks_for_and_three_seconds_at_first():
    pauses = Pauses()
    assert [pauses.after_success(), pauses.after_success()] == [3.0, 3.0]


@each_case(
    ("base", "pause"),
    [(0.0, 0.5), (0.001, 0.5), (0.5, 0.5), (7.0, 7.0), (3600.0, 3600.0), (1e12, 3600.0), (math.inf, 3600.0)],
)
def test_what_a_stream_asks_for_has_bounds(base, pause):
    pauses = Pauses()
    pauses.base = base
    assert pauses.after_success() == pause


@each_case(
    ("base", "shortest", "longest"),
    [
        (3.0, [3, 6, 12, 24, 48, 60, 60, 60], [6, 12, 24, 48, 60, 60, 60, 60]),
        (0.0, [0.5, 1, 2, 4, 8, 16, 32, 60], [1, 2, 4, 8, 16, 32, 60, 60]),
        (0.1, [0.5, 1, 2, 4, 8, 16, 32, 60], [1, 2, 4, 8, 16, 32, 60, 60]),
        (300.0, [300] * 8, [300] * 8),
    ],
)
def test_it_doubles_with_every_failure_up_to_a_minute_and_is_drawn_by_lot(base, shortest, longest):
    assert failing(base, min) == shortest
    assert failing(base, max) == longest
    assert all(
        low <= drawn <= high for low, drawn, high in zip(shortest, failing(base, Pauses()._draw), longest, strict=True)
    )


def test_a_success_takes_it_back():
    pauses = Pauses(draw=max)
    first = [pauses.after_failure() for _ in range(4)]
    assert pauses.failures == 4
    assert pauses.after_success() == 3.0
    assert pauses.failures == 0
    assert [pauses.after_failure() for _ in range(4)] == first


def test_any_number_of_failures_and_any_wish_of_a_stream_is_a_number():
    assert failing(1e12, max, 5000)[-1] == 3600
    assert failing(1.0, max, 5000)[-1] == 60
