"""Alarms: each stream has one at most, they go off in order, and they take as much memory as there are streams."""

import math

from hypothesis import given
from hypothesis import strategies as st

from chirp_trio.stream.host import Alarms, Due

STREAMS = range(5)
TIMES = st.integers(0, 20)
EARLY = st.sampled_from([0, 1, 5])  # how much earlier it may be
STEPS = st.one_of(
    st.tuples(st.just("set"), st.sampled_from(STREAMS), TIMES, EARLY),
    st.tuples(st.just("cancel"), st.sampled_from(STREAMS), st.just(0), st.just(0)),
    st.tuples(st.just("pop"), st.just(0), TIMES, st.just(0)),
)


@given(st.lists(STEPS, max_size=200))
def test_alarms_go_off_as_in_a_plain_dict(steps):
    alarms, model, since = Alarms(), {}, {}
    for step, stream, time, early in steps:
        if step == "set":
            is_next = alarms.set(stream, Due(time, time - early))
            model[stream], since[stream] = time, time - early
            assert is_next <= (time == min(model.values()))
        elif step == "cancel":
            alarms.cancel(stream)
            model.pop(stream, None)
        else:
            next_one = min(model.values(), default=math.inf)
            popped = alarms.pop(time)
            if popped is None:  # none is late, and not each of those that are next may be early
                assert next_one > time
                assert not model or any(since[name] > time for name in model if model[name] == next_one)
            else:
                assert model.pop(popped) == next_one
                assert since[popped] <= time
        assert alarms.next_due() <= min(model.values(), default=math.inf)
        assert alarms.next_due() < math.inf or not model
        assert len(alarms) <= 2 * len(model) + 16


def test_an_alarm_that_may_be_early_goes_off_with_one_that_is_due_and_not_by_itself():
    alarms = Alarms()
    for stream in range(3):
        alarms.set(stream, Due(10.0 + stream, 10.0 + stream - 1.5))
    alarms.set("punctual", Due(11.5))
    assert alarms.next_due() == 10.0
    assert [alarms.pop(10.0) for _ in range(3)] == [0, 1, None]
    assert alarms.next_due() == 11.5
    assert [alarms.pop(11.5) for _ in range(3)] == ["punctual", 2, None]
    assert alarms.next_due() == math.inf


def test_they_go_off_in_order_also_after_those_that_are_over_have_been_forgotten():
    alarms = Alarms()
    for time in (0, 10, 1, 11, 12, 2, 3):  # two branches of the heap, of which one is early
        alarms.set(time, Due(time))
    for late in range(100, 140):
        alarms.set(late, Due(late))
    for over in (0, *range(100, 140)):
        alarms.cancel(over)
    assert len(alarms) < 30
    assert [alarms.pop(50) for _ in range(7)] == [1, 2, 3, 10, 11, 12, None]


def test_what_is_over_is_forgotten_however_late_its_alarm():
    alarms = Alarms()
    alarms.set("lives on", Due(1.0))
    for number in range(2000):
        alarms.set(number, Due(86400.0))
        alarms.cancel(number)
    assert len(alarms) < 25


def test_a_stream_that_changes_its_mind_has_one_alarm():
    alarms = Alarms()
    for time in range(2000):
        alarms.set("undecided", Due(86400.0 - time))
    assert len(alarms) < 25
    assert alarms.pop(86400.0) == "undecided"
    assert alarms.pop(86400.0) is None


def test_the_next_one_of_all_is_told():
    alarms = Alarms()
    assert alarms.set("a", Due(5))
    assert not alarms.set("b", Due(6))
    assert alarms.set("b", Due(4))
