"""The time that a server waits for the body of a request."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio

# The least average rate of a request's body, in bytes a second: slower clients may only want to hold a connection.
MIN_BODY_RATE = 240


class BodyPatience:
    """The time limits of one request's body.

    Args:
        timeout: Seconds that the app waits for a piece, and for a whole body that comes more slowly than `MIN_BODY_RATE`.
    """

    __slots__ = ("_timeout", "_waited", "is_over", "received")

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._waited = 0.0
        self.received = 0  # bytes
        self.is_over = False  # whether the app has been told that the body is complete

    @contextmanager
    def wait(self) -> Iterator[trio.CancelScope]:
        """Wait for a piece in the block; the scope is cancelled when the piece takes too long."""
        began = trio.current_time()
        allowed = self._timeout + self.received / MIN_BODY_RATE - self._waited
        try:
            with trio.move_on_after(max(0, min(self._timeout, allowed))) as scope:
                yield scope
        finally:
            self._waited += trio.current_time() - began
