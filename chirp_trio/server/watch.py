"""Connections of which no task reads, watched in one task: those that wait for a request, and those of open streams."""

import selectors
from types import TracebackType
from typing import Protocol, Self

import trio

# How many connections are looked at in one turn of the event loop: the streams that are open wait for it.
PER_TURN = 16


class Watcher(Protocol):
    """What wants to know when something comes from a client."""

    def take_in(self) -> None:
        """Take in what has come, or that the client has left. Never blocks, and raises nothing."""


class Watched(Watcher, Protocol):
    """A connection, for one watcher after the other."""

    def fileno(self) -> int:
        """The number of its socket."""


class Watch:
    """All connections that are watched. A context manager, which is left when there are none any more."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._selector.close()

    def add(self, connection: Watched) -> None:
        """Watch a connection from now on.

        Raises:
            OSError: The system cannot watch another one.
        """
        self._selector.register(connection, selectors.EVENT_READ, connection)

    def remove(self, connection: Watched) -> None:
        """Watch it no longer. Its socket must not have been closed yet."""
        self._selector.unregister(connection)

    async def run(self) -> None:
        """Tell the connections on which something comes, a few in each turn, until cancelled."""
        while True:
            await trio.lowlevel.wait_readable(self._selector.fileno())
            for number, (key, _) in enumerate(self._selector.select(0), 1):
                key.data.take_in()
                if not number % PER_TURN:
                    await trio.lowlevel.checkpoint()
