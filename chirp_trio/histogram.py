"""How long things took: how many of them took no longer than each of some bounds, and all of them together."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Self


class Histogram:
    """Times, counted by bounds.

    Args:
        bounds: Seconds, in ascending order.

    Attributes:
        bounds: See above.
        seconds: The sum of all times.
    """

    __slots__ = ("_counts", "bounds", "seconds")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.seconds = 0.0
        self._counts = [0] * (
            len(bounds) + 1
        )  # of those up to each bound, and beyond the one before; the last is without one

    def count(self, seconds: float, times: int = 1) -> None:
        """Count something that took so long, or several things."""
        self._counts[bisect_left(self.bounds, seconds)] += times
        self.seconds += seconds * times

    def copy(self) -> Self:
        """Another one that has counted the same."""
        other = type(self)(self.bounds)
        other._counts[:] = self._counts
        other.seconds = self.seconds
        return other

    @property
    def cumulated(self) -> list[int]:
        """How many took no longer than each bound, and how many there are."""
        return list(accumulate(self._counts))
