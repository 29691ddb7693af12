"""How long a client waits before it connects again."""

import random
from collections.abc import Callable

# Seconds. The standard leaves the first to the client, "probably in the region of a few seconds".
FIRST = 3.0
SHORTEST_AFTER_A_FAILURE = 0.5
LONGEST = 60.0


class Pauses:
    """The reconnection time of a stream, which grows while attempts fail (WHATWG HTML, 9.2.3).

    After an attempt that brought something, the pause is what the stream asked for with `retry`, exactly. It doubles with
    each attempt in a row that brought nothing, up to a minute, or to what the stream asked for where that is longer. Half of
    it is then drawn by lot, so that clients which were lost together do not come back together.

    Args:
        draw: A number between its two arguments; default: any.

    Attributes:
        base: What the stream asks for, in seconds.
        failures: How many attempts in a row have failed.

    Example:
        >>> pauses = Pauses(draw=max)
        >>> pauses.after_success(), [pauses.after_failure() for _ in range(6)]
        (3.0, [6.0, 12.0, 24.0, 48.0, 60.0, 60.0])
    """

    def __init__(self, draw: Callable[[float, float], float] = random.uniform) -> None:
        self.base = FIRST
        self.failures = 0
        self._draw = draw

    def after_success(self) -> float:
        """The pause after an attempt that brought something, in seconds."""
        self.failures = 0
        return self.base

    def after_failure(self) -> float:
        """The pause after an attempt that brought nothing, in seconds."""
        self.failures += 1
        base = max(self.base, SHORTEST_AFTER_A_FAILURE)
        doublings = min(self.failures, 10)  # more change nothing, and numbers have to stay small
        longest = max(LONGEST, base)
        return self._draw(min(base * 2 ** (doublings - 1), longest), min(base * 2**doublings, longest))
