"""How long a server waits for the body of a request."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio

# Bytes a second of a request's body, in the mean: whoever sends fewer is holding a connection for nothing.
MIN_BODY_RATE = 240


class BodyPatience:
    """The patience with one request's body.

    Args:
        timeout: Seconds that the app waits for a piece, and for a body that comes more slowly than `MIN_BODY_RATE` in all.
    """

    __slots__ = ("_timeout", "_waited", "is_over", "received")

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._waited = 0.0
        self.received = 0  # bytes
        self.is_over = False  # whether the app has been told that the body is complete

    @contextmanager
    def wait(self) -> Iterator[trio.CancelScope]:
        """Wait for a piece; the scope is cancelled when it is too long in coming."""
        began = trio.current_time()
        allowed = self._timeout + self.received / MIN_BODY_RATE - self._waited
        try:
            with trio.move_on_after(max(0, min(self._timeout, allowed))) as scope:
                yield scope
        finally:
            self._waited += trio.current_time() - began
