"""The lag of events: the time from publication until a subscriber's connection has the event."""

from collections.abc import Iterable

import trio

from ..histogram import Histogram
from .published import Published

# Seconds: from the lag of an event that is written at once to one that is too long for any purpose.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Lag:
    """The lags of a topic's events, for each event and each subscriber that gets it.

    Attributes:
        is_counted: Whether lags are counted, because metrics ask for them.
        times: The lags so far.
    """

    __slots__ = ("_after", "is_counted", "times")

    def __init__(self) -> None:
        self.is_counted = False
        self.times = Histogram(BOUNDS)
        self._after = 0

    def begin(self, after: int) -> None:
        """Count from now on. Only events after this number have the time at which they were published."""
        self.is_counted = True
        self._after = after

    def count(self, events: Iterable[Published], subscribers: int) -> None:
        """Count the lags of these events, which the connections of so many subscribers have now."""
        now = trio.current_time()
        for event in events:
            if event.number > self._after and event.at <= now:
                self.times.count(now - event.at, subscribers)
