"""Alarms: each stream has one at most, they go off in order, and they take as much memory as there are streams."""

from hypothesis import given
from hypothesis import strategies as st

from chirp_trio.stream.host import Alarms

STREAMS = range(5)
TIMES = st.integers(0, 20)
STEPS = st.one_of(
    st.tuples(st.just("set"), st.sampled_from(STREAMS), TIMES),
    st.tuples(st.just("cancel"), st.sampled_from(STREAMS), st.just(0)),
    st.tuples(st.just("pop"), st.just(0), TIMES),
)


@given(st.lists(STEPS, max_size=200))
def test_alarms_go_off_as_in_a_plain_dict(steps):
    alarms, model = Alarms(), {}
    for step, stream, time in steps:
        if step == "set":
            is_next = alarms.set(stream, time)
            model[stream] = time
            assert is_next <= (time == min(model.values()))
        elif step == "cancel":
            alarms.cancel(stream)
            model.pop(stream, None)
        else:
            due = min(model.values(), default=time + 1)
            popped = alarms.pop(time)
            assert (popped is not None) == (due <= time)
            if popped is not None:
                assert model.pop(popped) == due
        assert (alarms.next_due() is None) <= (not model)
        assert alarms.next_due() is None or alarms.next_due() <= min(model.values(), default=99)
        assert len(alarms) <= 2 * len(model) + 16


def test_what_is_over_is_forgotten_however_late_its_alarm():
    alarms = Alarms()
    alarms.set("lives on", 1.0)
    for number in range(2000):
        alarms.set(number, 86400.0)
        alarms.cancel(number)
    assert len(alarms) < 25


def test_a_stream_that_changes_its_mind_has_one_alarm():
    alarms = Alarms()
    for time in range(2000):
        alarms.set("undecided", 86400.0 - time)
    assert len(alarms) < 25
    assert alarms.pop(86400.0) == "undecided"
    assert alarms.pop(86400.0) is None


def test_the_next_one_of_all_is_told():
    alarms = Alarms()
    assert alarms.set("a", 5)
    assert not alarms.set("b", 6)
    assert alarms.set("b", 4)
