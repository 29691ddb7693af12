"""The pauses of a client before it connects again."""

import random
from collections.abc import Callable

# Seconds. The standard leaves the first to the client, "probably in the region of a few seconds".
FIRST = 3.0
SHORTEST = 0.5  # even if a stream asks for less: `retry: 0` would mean hundreds of connections a second
LONGEST = 60.0  # the longest pause, unless the server asks for more
LONGEST_ASKED = 3600.0  # the longest that a server can ask for


class Pauses:
    """The reconnection time of a stream, which grows while attempts fail (WHATWG HTML, 9.2.3).

    After an attempt that brought something, the pause is what the stream asked for with `retry`, but half a second at least
    and an hour at most. It doubles with each attempt in a row that brought nothing, up to a minute, or to what the stream
    asked for if that is longer. Such a pause is shortened by up to a half at random, so that clients which were disconnected
    together do not come back together.

    Args:
        draw: Returns a number between its two arguments; default: a random one.

    Attributes:
        base: The pause that the stream asks for, in seconds.
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
        return self._asked()

    def after_failure(self) -> float:
        """The pause after an attempt that brought nothing, in seconds."""
        self.failures += 1
        base = self._asked()
        doublings = min(self.failures, 10)  # more would change nothing, and the number must not overflow
        longest = max(LONGEST, base)
        return self._draw(min(base * 2 ** (doublings - 1), longest), min(base * 2**doublings, longest))

    def _asked(self) -> float:
        return min(max(self.base, SHORTEST), LONGEST_ASKED)
