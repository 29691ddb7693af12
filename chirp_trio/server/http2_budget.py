"""What one client of HTTP/2 may cost without bringing anybody anything: so much at once, and so much more each second."""

import trio
from h2.exceptions import DenialOfServiceError

# In points, of which a frame that says nothing costs one.
_MOST = 1_000.0
_EACH_SECOND = 100.0
# A client has more of them left, unless it does much that is of no use.
_MODEST = 0.95 * _MOST
# A client may tell of each frame of a body that it has taken it: for the stream, and for the connection.
_FOR_DATA = 2.0
# Frames of a body that carry little: so many at once, and so many each second. Clients that have more are read more slowly.
_MOST_SMALL_DATA = 4_000.0
_SMALL_DATA_EACH_SECOND = 400.0


class Budget:
    """One connection's."""

    def __init__(self) -> None:
        self._left = _MOST
        self._small_data_left = _MOST_SMALL_DATA
        self._counted = trio.current_time()

    @property
    def is_strained(self) -> bool:
        """Whether the client has spent more of it lately than clients do that have something to ask for."""
        return self._left < _MODEST

    @property
    def pause(self) -> float:
        """Seconds until more should be read from the client."""
        return max(0.0, -self._small_data_left / _SMALL_DATA_EACH_SECOND)

    def refill(self) -> None:
        """Add what has become free with time."""
        now = trio.current_time()
        passed = now - self._counted
        self._left = min(_MOST, self._left + passed * _EACH_SECOND)
        self._small_data_left = min(_MOST_SMALL_DATA, self._small_data_left + passed * _SMALL_DATA_EACH_SECOND)
        self._counted = now

    def charge(self, points: float) -> None:
        """Count something that is of no use to anybody.

        Raises:
            DenialOfServiceError: There was too much of it lately.
        """
        self._left -= points
        if self._left < 0:
            raise DenialOfServiceError("the client sends too much that is of no use")

    def charge_for_small_data(self, size: int) -> None:
        """Count a frame of a body that is hardly worth its head: not worth anything, if its size is 0.

        Raises:
            DenialOfServiceError: There were too many lately that were not worth anything.
        """
        if size:
            self._small_data_left -= 1
        else:
            self.charge(1)

    def forgive_for_data(self) -> None:
        """Note that a frame of a body is sent, which the client may acknowledge."""
        self._left = min(_MOST, self._left + _FOR_DATA)
