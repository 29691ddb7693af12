"""The view of a stream from outside: `StreamSnapshot`, and `Ending`, how it ended."""

import enum
from dataclasses import dataclass


class Ending(enum.StrEnum):
    """How a stream ended.

    Attributes:
        COMPLETED: The source is exhausted.
        DISCONNECTED: The client left.
        STALLED: The client did not read for longer than `send_timeout`.
        FAILED: The source raised.
        SHUTDOWN: The server is about to stop.
        EXPIRED: Its time limit was reached: `expires_at`, or the app's `max_age`.
        CLOSED: The application ended it, or cancelled the handler.

    Example:
        >>> app = App()
        >>> app.streams.ended[Ending.STALLED]
        0
        >>> Ending.STALLED == "stalled"
        True
    """

    COMPLETED = "completed"
    DISCONNECTED = "disconnected"
    STALLED = "stalled"
    FAILED = "failed"
    SHUTDOWN = "shutdown"
    EXPIRED = "expired"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class StreamSnapshot:
    """A stream as it was when it was looked at. From `App.streams`, and for the hooks `App.on_open` and `App.on_close`.

    Attributes:
        path: The path of the request.
        route: The pattern of the route that answered it, such as `"/rooms/{name}"`; None outside of an `App`, and for
            streams of apps that are mounted in the one that shows it.
        client: The client's address, without the port, as the server saw it; None where the server knows none.
        label: What the `EventStream` was given as its `label`.
        opened_at: When it began, on trio's clock: `trio.current_time() - opened_at` seconds ago.
        events: How many events there have been: its source's, and reports of errors.
        bytes: How many bytes they are, encoded.
        backlog: How many bytes wait to be sent.
        sent_at: When something was last sent, on trio's clock; `opened_at`, before anything was.
        first_event_at: When the first event was sent, on trio's clock; None before that.
        ending: How it ended; None while it is open.

    Example:
        >>> app = App()
        >>> [stream.path for stream in app.streams if stream.backlog > 100_000]
        []
    """

    path: str
    route: str | None
    client: str | None
    label: object
    opened_at: float
    events: int
    bytes: int
    backlog: int
    sent_at: float
    first_event_at: float | None
    ending: Ending | None
