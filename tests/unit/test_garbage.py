"""The garbage collector while a server runs, and afterwards."""

import gc
import weakref

import pytest

from chirp_trio.server import garbage
from chirp_trio.server.garbage import calm_garbage_collector


@pytest.fixture(autouse=True)
def thresholds():
    before = gc.get_threshold()
    gc.freeze()  # or each test would look through whatever the others have made
    yield
    gc.set_threshold(*before)


@pytest.fixture
def without_collecting(monkeypatch):
    """Nothing is collected: where nothing is left out, that looks at all that the tests have made, and takes long."""
    monkeypatch.setattr(gc, "collect", lambda *_: 0)


@pytest.fixture
def unfrozen(without_collecting):
    """A process that leaves nothing out of collections, which the tests do."""
    gc.unfreeze()
    yield
    gc.freeze()


def test_what_is_there_at_the_start_is_left_out_until_the_end(unfrozen):
    setup = [[] for _ in range(1000)]
    with calm_garbage_collector():
        assert gc.get_freeze_count() >= len(setup)
    assert gc.get_freeze_count() == 0


def test_what_was_left_out_before_stays_so():
    there = [[]]
    gc.freeze()
    with calm_garbage_collector(), calm_garbage_collector():
        pass
    assert not any(one is there for one in gc.get_objects())  # which are those that the collector would look at


def test_what_was_left_out_before_the_servers_were_imported_stays_so(monkeypatch):
    there = [[]]
    gc.freeze()
    monkeypatch.setattr(garbage, "_before", [])  # which is made when they are
    with calm_garbage_collector():
        pass
    assert not any(one is there for one in gc.get_objects())


def test_a_process_that_leaves_nothing_out_any_more_does_not_after_its_next_server(without_collecting):
    gc.freeze()
    with calm_garbage_collector():
        pass
    gc.unfreeze()
    with calm_garbage_collector():
        pass
    assert gc.get_freeze_count() == 0


@pytest.mark.parametrize(("before", "during"), [((700, 10, 10), (10_000, 50, 10)), ((20_000, 60, 10), (20_000, 60, 10))])
def test_thresholds_are_raised_and_put_back(before, during):
    gc.set_threshold(*before)
    before = gc.get_threshold()
    with calm_garbage_collector():
        assert gc.get_threshold()[:2] == during[:2]
    assert gc.get_threshold() == before


def test_servers_of_one_process_may_stop_in_any_order(unfrozen):
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


class Cycle:
    """Garbage that only the collector finds."""

    def __init__(self):
        self.itself = self


def take_connections(collector, number, held):
    """So many come, one after the other, of which so many are open at a time at most."""
    for count in range(1, number + 1):
        collector.note_connection(min(count, held))


def test_what_many_connections_hold_is_not_looked_at_again_for_each_few():
    with calm_garbage_collector() as collector:
        held = {id(cycle): cycle for cycle in [Cycle() for _ in range(100)]}
        assert held.keys() <= set(map(id, gc.get_objects()))
        take_connections(collector, 1000, held=1000)
        assert held.keys().isdisjoint(map(id, gc.get_objects()))


def test_garbage_that_was_left_out_is_found_once_the_connections_have_been_replaced_a_few_times():
    with calm_garbage_collector() as collector:
        cycle = Cycle()
        is_freed = []
        weakref.finalize(cycle, is_freed.append, True)
        take_connections(collector, 1000, held=2000)
        del cycle
        take_connections(collector, 7000, held=2000)
        assert not is_freed
        take_connections(collector, 1000, held=2000)
        assert is_freed


@pytest.mark.parametrize("switch_off", [gc.disable, lambda: gc.set_threshold(0)], ids=["disable", "threshold"])
def test_a_collector_that_is_switched_off_while_the_server_runs_collects_nothing(switch_off):
    with calm_garbage_collector() as collector:
        switch_off()
        try:
            before = [generation["collections"] for generation in gc.get_stats()]
            take_connections(collector, 9000, held=10)
            assert [generation["collections"] for generation in gc.get_stats()] == before
        finally:
            gc.enable()
