"""The garbage collector while a server runs, and afterwards."""

import gc

import pytest

from chirp_trio.server.garbage import calm_garbage_collector


@pytest.fixture(autouse=True)
def thresholds():
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_what_is_there_at_the_start_is_left_out_until_the_end():
    frozen = gc.get_freeze_count()
    with calm_garbage_collector():
        assert gc.get_freeze_count() > frozen + 1000
    assert gc.get_freeze_count() == 0


@pytest.mark.parametrize(("before", "during"), [((700, 10, 10), (10_000, 50, 10)), ((20_000, 60, 10), (20_000, 60, 10))])
def test_thresholds_are_raised_and_put_back(before, during):
    gc.set_threshold(*before)
    before = gc.get_threshold()
    with calm_garbage_collector():
        assert gc.get_threshold()[:2] == during[:2]
    assert gc.get_threshold() == before


def test_servers_of_one_process_may_stop_in_any_order():
    before = gc.get_threshold()
    first, second = calm_garbage_collector(), calm_garbage_collector()
    first.__enter__()
    second.__enter__()
    during = gc.get_threshold()
    first.__exit__(None, None, None)
    assert (gc.get_threshold(), gc.get_freeze_count() > 0) == (during, True)

    second.__exit__(None, None, None)
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)


def test_a_collector_that_is_switched_off_stays_off():
    gc.set_threshold(0)
    before = gc.get_threshold()
    with calm_garbage_collector():
        assert gc.get_threshold() == before
