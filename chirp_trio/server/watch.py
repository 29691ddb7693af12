"""One task that watches all connections from which no task reads: those that wait for a request, and open streams."""

import selectors
from types import TracebackType
from typing import Protocol, Self

import trio

# The number of connections that are handled in one turn of the event loop: all open streams wait meanwhile.
PER_TURN = 16


class Watcher(Protocol):
    """An object that is told when bytes come from a client."""

    def take_in(self) -> None:
        """Read the bytes that have come, or notice that the client has left. Never blocks, and raises nothing."""


class Watched(Watcher, Protocol):
    """A connection, which one watcher after another may watch."""

    def fileno(self) -> int:
        """The descriptor of its socket."""


class Watch:
    """All watched connections. A context manager, which is left when none is left."""

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
            OSError: The system cannot watch another connection.
        """
        self._selector.register(connection, selectors.EVENT_READ, connection)

    def remove(self, connection: Watched) -> None:
        """Stop watching a connection. Its socket must not be closed yet."""
        self._selector.unregister(connection)

    async def run(self) -> None:
        """Tell the watchers of connections on which bytes come, a few in each turn, until cancelled."""
        while True:
            await trio.lowlevel.wait_readable(self._selector.fileno())
            for number, (key, _) in enumerate(self._selector.select(0), 1):
                key.data.take_in()
                if not number % PER_TURN:
                    await trio.lowlevel.checkpoint()
