"""Settings of the garbage collector that keep its pauses short while many streams are open."""

import gc
from collections.abc import Generator
from contextlib import contextmanager

# The number of new objects after which the young ones are collected, and of such collections before an older one; Python's
# own are smaller. A thousand open streams are fifty thousand objects, which the collector would examine each time in vain.
_YOUNG, _OLD = 10_000, 50
# After so many accepted connections, the objects that exist are left out of later collections (`gc.freeze`): a connection has
# fifty objects or more, and to examine those of a hundred takes a few milliseconds.
_PER_FREEZE = 100
_FEW = 1_000
# Connections may all have been replaced by others so many times before every object is examined again.
_GENERATIONS = 4

# For each running server of this process, since servers may start and stop in any order: the thresholds before the first of
# them, and whether objects were left out of collections already.
_before: list[tuple[tuple[int, int, int], bool]] = []


class CalmCollector:
    """The collector while a server runs: it does not examine the objects of open connections again and again."""

    def __init__(self) -> None:
        self._taken = 0  # connections, since every object was examined
        self._most = 0  # of them that were open at the same time since then

    def note_connection(self, number: int) -> None:
        """Note that one more connection was accepted.

        Args:
            number: The number of open connections.
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
    """Leave the objects that exist out of collections, and collect less often, until the block is left.

    With a thousand streams, a full collection delays every event by a tenth of a second. The whole process shares the
    collector: thresholds that are higher already stay, and all are restored when the last server of the process has stopped.
    In a process that had left objects out before, all that is left out stays so after the last server, for as long as the
    process lasts or until it calls `gc.unfreeze()`.
    """
    before = gc.get_threshold()
    _before.append(_before[0] if _before else (before, _has_left_out()))
    gc.collect()
    gc.freeze()
    if before[0]:  # zero means that the collector is switched off
        gc.set_threshold(max(before[0], _YOUNG), max(before[1], _OLD), before[2])
    try:
        yield CalmCollector()
    finally:
        thresholds, has_left_out = _before.pop()
        if not _before:
            gc.set_threshold(*thresholds)
            if not has_left_out:
                gc.unfreeze()


def _has_left_out() -> bool:
    """Whether the process leaves objects out of collections.

    To count them takes long where they are many. So the list above, which is one of them unless it was made later, is looked
    for among the other objects first, which are few then.
    """
    return id(_before) not in map(id, gc.get_objects()) or gc.get_freeze_count() > 0
