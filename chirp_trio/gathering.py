"""Gathering what several streams write to one connection, so that it is sent in one piece.

The task that writes for all streams does so in turns. In a turn, a connection that several streams share keeps what each of
them writes, and sends it when the turn ends. A stream that is written outside of a turn is sent at once.
"""

from typing import Protocol

import trio


class Gathered(Protocol):
    """A connection that keeps what is written to it."""

    def turn_ends(self) -> None:
        """Send it. Never blocks, and raises nothing."""


# The connections that the flusher tells when its turn ends; None: no turn goes on.
turn: trio.lowlevel.RunVar[dict[Gathered, None] | None] = trio.lowlevel.RunVar("turn", None)


def gather(connection: Gathered) -> bool:
    """Have a connection told when the turn ends, once; return False if no turn goes on, so that it will not be told."""
    connections = turn.get()
    if connections is None:
        return False
    connections[connection] = None
    return True
