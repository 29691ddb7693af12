"""The state of one stream: whether it has ended, why, and what went wrong.

Its tasks, its writer and its host share this object, so that none of them has to know the others.
"""

from collections.abc import Callable

import trio

from ..asgi import ErrorListener
from ..errors import text_of
from ..habits import note_habit
from ..logs import logger_of, new_reference
from ..wire import encode_event
from .snapshot import Ending

logger = logger_of("stream")


class Outcome:
    """The state of one stream.

    Args:
        path: The path of the request, which log lines begin with.
        now: The time, on trio's clock.
        debug: Whether the client is told what went wrong.
        listener: A function that every error is reported to as well, such as a test client's; default: none.

    Attributes:
        path: See above.
        ending: How the stream ended; None while it is open.
        since: When it was opened, and once it has ended, when that was; on trio's clock.
        has_failed: Whether its source raised.
        error: What the source raised before the response had begun: the request's handler raises it.
        is_source_closed: Whether the source has come to its end, its cleanup included.
    """

    __slots__ = ("_debug", "_ended", "_listener", "ending", "error", "has_failed", "is_source_closed", "path", "since")

    def __init__(self, path: str, now: float, *, debug: bool = False, listener: ErrorListener | None = None) -> None:
        self.path = path
        self._debug = debug
        self._listener = listener
        self._ended: Callable[[], None] | None = None
        self.ending: Ending | None = None
        self.since = now
        self.has_failed = False
        self.error: Exception | None = None
        self.is_source_closed = False

    def end(self, ending: Ending) -> bool:
        """End the stream, from any task. Only the first ending counts; return whether this was the first. Never blocks."""
        if self.ending is not None:
            return False
        self.ending = ending
        self.since = trio.current_time()
        if self._ended is not None:
            ended, self._ended = self._ended, None
            ended()
        return True

    def complete(self) -> None:
        """End the stream because all that its source yielded is sent."""
        self.end(Ending.FAILED if self.has_failed else Ending.COMPLETED)

    def call_when_ended(self, function: Callable[[], None]) -> None:
        """Call a function, which must not block, once the stream ends; at once, if it has."""
        if self.ending is None:
            self._ended = function
        else:
            function()

    def report(self, what: str, error: Exception) -> bytes:
        """Tell of an error twice: the log gets all of it, the client a reference to the log.

        Args:
            what: What went wrong, in a few words.
            error: The error.

        Returns:
            The event for the client. In debug mode it has the error itself.
        """
        note_habit(error)
        reference = new_reference()
        logger.error("%s: %s (reference %s)", self.path, what, reference, exc_info=error)
        self.tell_listener(what, error)
        told = {"reference": reference}
        if self._debug:
            told["error"] = "\n".join([f"{type(error).__name__}: {text_of(error)}", *getattr(error, "__notes__", ())])
        return encode_event(told, "chirp:error", None, None)

    def tell_listener(self, what: str, error: Exception) -> None:
        """Tell a test client, if there is one, of an error that otherwise goes no further than the log."""
        if self._listener is not None:
            self._listener(what, error)
