"""The end of a turn of the event loop: what many tasks have written in it for one client is sent there in one piece."""

from typing import Protocol

import trio


class Flushable(Protocol):
    """An object with bytes that are to be sent."""

    def turn_ends(self) -> None:
        """Send them. Never blocks, and raises nothing."""


_due: trio.lowlevel.RunVar[dict[Flushable, None]] = trio.lowlevel.RunVar("_due")


def flush_at_end_of_turn(connection: Flushable) -> None:
    """Call its `turn_ends()` once, after the tasks that are running now have had their turn."""
    due = _due.get({})
    if not due:
        _due.set(due)
        trio.lowlevel.current_trio_token().run_sync_soon(_flush)
    due[connection] = None


def _flush() -> None:
    due = _due.get()
    _due.set({})
    for connection in due:
        connection.turn_ends()
