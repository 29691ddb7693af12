"""A budget for useless frames of one HTTP/2 client: an amount at once, and a rate by which it grows again."""

import trio
from h2.exceptions import DenialOfServiceError

# The costs of useless frames, in points; those that are not listed cost one.
RESET_POINTS, SETTINGS_POINTS = 3.0, 5.0
# Bytes: a frame of a body with fewer counts as small.
SMALL_DATA = 128
# In points.
_MOST = 1_000.0
_EACH_SECOND = 100.0
# A client with fewer points left than this sends many useless frames.
_MODEST = 0.95 * _MOST
# A client may acknowledge each frame of a body twice: for the stream, and for the connection.
_FOR_DATA = 2.0
# Small frames of a body: so many at once, and so many each second. Clients that send more are read more slowly.
_MOST_SMALL_DATA = 4_000.0
_SMALL_DATA_EACH_SECOND = 400.0


class Budget:
    """The budget of one connection."""

    def __init__(self) -> None:
        self._left = _MOST
        self._small_data_left = _MOST_SMALL_DATA
        self._counted = trio.current_time()

    @property
    def is_strained(self) -> bool:
        """Whether the client has lately spent more of it than clients with real requests do."""
        return self._left < _MODEST

    @property
    def pause(self) -> float:
        """Seconds until more should be read from the client."""
        return max(0.0, -self._small_data_left / _SMALL_DATA_EACH_SECOND)

    def refill(self) -> None:
        """Add the points that have become free with time."""
        now = trio.current_time()
        passed = now - self._counted
        self._left = min(_MOST, self._left + passed * _EACH_SECOND)
        self._small_data_left = min(_MOST_SMALL_DATA, self._small_data_left + passed * _SMALL_DATA_EACH_SECOND)
        self._counted = now

    def charge(self, points: float) -> None:
        """Count a useless frame.

        Raises:
            DenialOfServiceError: There were too many lately.
        """
        self._left -= points
        if self._left < 0:
            raise DenialOfServiceError("the client sends too much that is of no use")

    def charge_for_small_data(self, size: int) -> None:
        """Count a small frame of a body; one without any bytes is useless.

        Raises:
            DenialOfServiceError: There were too many useless ones lately.
        """
        if size:
            self._small_data_left -= 1
        else:
            self.charge(1)

    def forgive_for_data(self) -> None:
        """Note that a frame of a body is sent, which the client may acknowledge."""
        self._left = min(_MOST, self._left + _FOR_DATA)
