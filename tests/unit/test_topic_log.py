"""What a topic remembers: its bounds by number, size and age, and what it gives from which place on."""

import time

from chirp_trio.topics.history import Log
from chirp_trio.topics.published import Published
from chirp_trio.wire import SSEEvent
from tests.cases import each_case


def new_log(most=1000, most_bytes=10**9, max_age=None):
    return Log(most, most_bytes, max_age)


def event(number, data="x", at=0.0):
    return Published(data, SSEEvent(data, id=str(number)), "log", str(number), number, at)


def fill(log, numbers):
    for number in numbers:
        log.append(event(number))
    return log


def numbers(events):
    return [event.number for event in events]


# -- bounds -------------------------------------------------------------------------------------------------------------


def test_an_empty_log_has_had_nothing():
    log = new_log()

    assert (len(log), log.first, log.last) == (0, 1, 0)
    assert log.since(0, 10) == []


def test_the_oldest_are_forgotten_beyond_the_number():
    log = fill(new_log(most=3), range(1, 6))

    assert (len(log), log.first, log.last) == (3, 3, 5)
    assert numbers(log.since(0, 10)) == [3, 4, 5]


def test_a_log_of_none_counts_and_keeps_nothing():
    log = fill(new_log(most=0), range(1, 6))

    assert (len(log), log.first, log.last) == (0, 6, 5)
    assert log.since(0, 10) == []


def test_the_oldest_are_forgotten_beyond_the_bytes():
    size = event(1, "x" * 100).size
    log = new_log(most_bytes=3 * size)
    for number in range(1, 6):
        log.append(event(number, "x" * 100))

    assert numbers(log.since(0, 10)) == [3, 4, 5]


def test_one_large_event_pushes_out_as_many_small_ones_as_it_takes_and_stays_itself():
    log = fill(new_log(most_bytes=1000), range(1, 6))
    log.append(event(6, "x" * 5000))

    assert numbers(log.since(0, 10)) == [6]
    log.append(event(7))
    assert numbers(log.since(0, 10)) == [7]


def test_what_was_forgotten_no_longer_counts_among_the_bytes():
    size = event(1).size
    log = fill(new_log(most=2, most_bytes=2 * size), range(1, 10))

    assert numbers(log.since(0, 10)) == [8, 9]


def test_the_oldest_are_forgotten_beyond_the_age_when_the_next_one_comes():
    log = new_log(max_age=10)
    for number, at in [(1, 0.0), (2, 5.0), (3, 10.0)]:
        log.append(event(number, at=at))
    assert numbers(log.since(0, 10)) == [1, 2, 3], "an event of exactly that age is kept"

    log.append(event(4, at=10.5))

    assert numbers(log.since(0, 10)) == [2, 3, 4]


def test_time_alone_can_empty_a_log():
    log = new_log(max_age=10)
    log.append(event(1, at=0.0))

    log.forget(10.0)
    assert len(log) == 1
    log.forget(11.0)

    assert (len(log), log.first, log.last) == (0, 2, 1)
    log.append(event(2, at=11.0))
    assert numbers(log.since(0, 10)) == [2]


def test_a_bound_that_becomes_smaller_holds_from_the_next_event_on():
    log = fill(new_log(most=100), range(1, 101))
    log.most = 2
    log.append(event(101))

    assert numbers(log.since(0, 1000)) == [100, 101]


# -- reading ------------------------------------------------------------------------------------------------------------


@each_case("forgotten", [0, 1, 63, 64, 65, 66, 200])
def test_it_gives_what_came_after_any_place_and_no_more_than_was_asked_for(forgotten):
    log = fill(new_log(most=50), range(1, 51 + forgotten))

    for position in range(forgotten + 52):
        kept = [number for number in range(forgotten + 1, forgotten + 51) if number > position]
        for most in (0, 1, 2, 49, 50, 51):
            assert numbers(log.since(position, most)) == kept[:most]


def test_what_was_read_stays_as_it_was_when_the_log_goes_on():
    log = fill(new_log(most=3), range(1, 4))
    read = log.since(0, 3)
    fill(log, range(4, 300))

    assert numbers(read) == [1, 2, 3]


# -- cost ---------------------------------------------------------------------------------------------------------------


def best_of(times, function):
    """The processor time of the best run: what other programs on the machine do only makes the others worse."""
    costs = []
    for _ in range(times):
        began = time.thread_time()
        function()
        costs.append(time.thread_time() - began)
    return min(costs)


def cost_of_appending(size):
    log = new_log(most=size)
    same = event(1)  # a log looks at the number of the newest only, and making a hundred thousand takes long
    for _ in range(size):
        log.append(same)
    following = [event(number) for number in range(size + 1, size + 5001)]
    rounds = iter(range(5))

    def append_a_thousand():
        for new in following[next(rounds) * 1000 :][:1000]:
            log.append(new)

    return best_of(5, append_a_thousand)


def test_appending_to_a_full_log_of_100_000_costs_as_much_as_to_one_of_100():
    # A log that moved what it keeps would take twenty times as long.
    assert cost_of_appending(100_000) < 8 * cost_of_appending(100)


def test_reading_the_last_100_of_20_000_costs_as_much_as_of_200():
    large = fill(new_log(most=20_000), range(1, 20_001))
    small = fill(new_log(most=200), range(1, 201))

    assert numbers(large.since(19_900, 100)) == list(range(19_901, 20_001))
    assert best_of(9, lambda: large.since(19_900, 100)) < 20 * best_of(9, lambda: small.since(100, 100))


def test_what_is_forgotten_is_let_go_though_its_place_in_the_list_is_cleared_only_now_and_then():
    log = new_log(most=1000)
    for number in range(1, 20_001):
        log.append(event(number))

    places = log._events
    assert sum(place is not None for place in places) == 1000
    assert len(places) <= 2 * 1000 + 66
