"""How a stream can end."""

import enum


class Ending(enum.StrEnum):
    """How a stream ended."""

    COMPLETED = "completed"  # the source is exhausted
    DISCONNECTED = "disconnected"  # the client left
    STALLED = "stalled"  # the client did not read for longer than send_timeout
    FAILED = "failed"  # the source raised
    SHUTDOWN = "shutdown"  # the server is about to stop
    EXPIRED = "expired"  # its time was over: expires_at, or max_age
    CLOSED = "closed"  # the application, or whoever cancelled the handler, wanted it
