"""Keeping the garbage collector out of the way of events."""

import gc
from collections.abc import Generator
from contextlib import contextmanager

# Objects that are made, less those that are freed, between two collections of the young ones; Python's own are fewer.
# A thousand open streams are fifty thousand objects that the collector would look at again and again, to find nothing.
_YOUNG, _OLD = 10_000, 50


# The thresholds as they were, once for each server of this process: they may start and stop in any order.
_before: list[tuple[int, int, int]] = []


@contextmanager
def calm_garbage_collector() -> Generator[None]:
    """Leave what has been imported and set up out of collections, and collect less often, until the block is left.

    With a thousand streams, a full collection holds up every event for a tenth of a second. The collector is the process's,
    so thresholds that are higher already stay, and all is as it was when the last server of the process has stopped.
    """
    before = gc.get_threshold()
    _before.append(_before[0] if _before else before)
    gc.collect()
    gc.freeze()
    if before[0]:  # zero: somebody has switched it off
        gc.set_threshold(max(before[0], _YOUNG), max(before[1], _OLD), before[2])
    try:
        yield
    finally:
        original = _before.pop()
        if not _before:
            gc.set_threshold(*original)
            gc.unfreeze()
