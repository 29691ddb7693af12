"""What takes a time that grows with its size, and not with the square of that.

Work is done in two sizes, one four times the other. Time is compared with time, the shortest of several runs, so that
neither the machine nor what else it does matters: what is linear takes four times as long, what is quadratic sixteen.
"""

import gc
import time
from collections.abc import Callable
from contextlib import suppress

from chirp_trio.errors import HTTPError

TOO_SHORT = 0.002  # seconds that cannot be measured; what takes less for the large size is not quadratic


def assert_linear(make: Callable[[int], Callable[[], object]], size: int = 4096) -> None:
    """Assert that the work which `make` gives for a size is linear in it. It may raise an `HTTPError`."""
    small, large = make(size), make(4 * size)
    shortest_small = shortest_large = float("inf")
    gc.disable()
    try:
        for _ in range(25):  # what else is at work on a machine makes any of these longer, and none shorter
            shortest_large = min(shortest_large, _seconds(large))
            if shortest_large < TOO_SHORT:
                return
            shortest_small = min(shortest_small, *(_seconds(small) for _ in range(3)))
            if shortest_large < 9 * shortest_small:
                return
    finally:
        gc.enable()
    times = shortest_large / shortest_small
    raise AssertionError(
        f"four times as much took {times:.0f} times as long: {shortest_small:.5f} s, then {shortest_large:.5f} s"
    )


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    with suppress(HTTPError):  # refused, which took its time as well
        work()
    return time.process_time() - began
