"""Keeping the garbage collector out of the way of events."""

import gc
from collections.abc import Generator
from contextlib import contextmanager

# Objects that are made, less those that are freed, between two collections of the young ones; Python's own are fewer.
# A thousand open streams are fifty thousand objects that the collector would look at again and again, to find nothing.
_YOUNG, _OLD = 10_000, 50
# Connections that are taken between two times that what is there is left out of collections: each is fifty objects, or more,
# and to look at those of a hundred takes a few milliseconds.
_PER_FREEZE = 100
_FEW = 1_000
# How often connections may all have been replaced by others before everything is looked at.
_GENERATIONS = 4

# The thresholds as they were, once for each server of this process: they may start and stop in any order.
_before: list[tuple[int, int, int]] = []


class CalmCollector:
    """The collector while a server runs: it does not look again and again at what open connections hold."""

    def __init__(self) -> None:
        self._taken = 0  # since everything was looked at
        self._most = 0  # that have been open at a time since then

    def note_connection(self, number: int) -> None:
        """Note that one more connection is taken.

        Args:
            number: How many are open.
        """
        self._taken += 1
        self._most = max(self._most, number)
        if self._taken % _PER_FREEZE or not gc.isenabled() or not gc.get_threshold()[0]:
            return
        if self._taken > _GENERATIONS * max(self._most, _FEW):
            gc.unfreeze()
            gc.collect()
            self._taken, self._most = 0, number
        else:
            gc.collect(0)
        gc.freeze()


@contextmanager
def calm_garbage_collector() -> Generator[CalmCollector]:
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
        yield CalmCollector()
    finally:
        original = _before.pop()
        if not _before:
            gc.set_threshold(*original)
            gc.unfreeze()
