"""How late events come: from when each was published until a subscriber's connection has it."""

from collections.abc import Iterable

import trio

from ..histogram import Histogram
from .published import Published

# Seconds: from an event that is written in the turn in which it was published to one that comes too late for anybody.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Lag:
    """How late the events of a topic come, for each event and each subscriber that gets it.

    Attributes:
        is_counted: Whether somebody wants to know. Before that, nothing is counted.
        times: What was counted.
    """

    __slots__ = ("_after", "is_counted", "times")

    def __init__(self) -> None:
        self.is_counted = False
        self.times = Histogram(BOUNDS)
        self._after = 0

    def begin(self, after: int) -> None:
        """Count from now on those events that have the time at which they were published: those after this number."""
        self.is_counted = True
        self._after = after

    def count(self, events: Iterable[Published], subscribers: int) -> None:
        """So many subscribers' connections have these events now."""
        now = trio.current_time()
        for event in events:
            if event.number > self._after and event.at <= now:
                self.times.count(now - event.at, subscribers)
