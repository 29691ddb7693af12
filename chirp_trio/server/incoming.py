"""The bytes that come from one client: a task reads them, or a watcher does when it is told that there are some."""

import socket
from collections.abc import Awaitable, Callable

import trio

from .sockets import Address, local_address, peer_address
from .turns import Turns
from .watch import Watch, Watcher

# The most bytes that are read in one go: a limit for the time that one client may occupy the event loop.
READ_SIZE = 16 * 1024


class Incoming:
    """One direction of a connection. One task at a time reads, or a watcher does.

    Args:
        connection: The accepted socket, in non-blocking mode.
        turns: A limit for the connections that are ended in one turn of the event loop; default: none. Thousands of clients
            may leave at once, and to end each connection takes time, for which all others would wait.
        watch: Tells of bytes that come while no task waits for them; without it, `watch()` cannot be called.
    """

    __slots__ = ("_has_waited", "_is_closed", "_is_watched", "_socket", "_turns", "_watch", "_watcher")

    def __init__(self, connection: socket.socket, turns: Turns | None, watch: Watch | None) -> None:
        self._socket = connection
        self._turns = turns
        self._watch = watch
        self._watcher: Watcher | None = None
        self._is_watched = False  # may stay longer than the watcher
        self._has_waited = False  # whether a task has ever waited
        self._is_closed = False

    @property
    def addresses(self) -> tuple[Address, Address]:
        """The client's address, and the address that it has connected to.

        Raises:
            trio.BrokenResourceError: The client has left already.
        """
        try:
            return peer_address(self._socket), local_address(self._socket)
        except OSError as error:
            raise trio.BrokenResourceError("the client has left already") from error

    def fileno(self) -> int:
        """The socket's descriptor, for waiting for many sockets at once."""
        return self._socket.fileno()

    # -- without a task -------------------------------------------------------------------------------------------------

    def watch(self, watcher: Watcher) -> None:
        """Tell a watcher whenever bytes have come, or the client has left, until `unwatch()`.

        Raises:
            OSError: The system cannot watch another connection.
        """
        assert self._watch is not None
        self._watcher = watcher
        if not self._is_watched:
            self._watch.add(self)
            self._is_watched = True

    def unwatch(self, watcher: Watcher) -> None:
        """Stop telling a watcher. The system is told so only when bytes come: mostly there is another watcher by then."""
        if self._watcher is watcher:
            self._watcher = None

    def take_in(self) -> None:
        """Tell the watcher that bytes have come."""
        if self._watcher is not None:
            self._watcher.take_in()
        else:
            self._leave_watch()

    def _leave_watch(self) -> None:
        if self._is_watched and self._watch is not None:
            self._is_watched = False
            self._watch.remove(self)

    # -- by a task ------------------------------------------------------------------------------------------------------

    async def receive(self) -> bytes:
        """Wait for bytes of the client, and return them; empty if the client sends no more.

        Raises:
            trio.BrokenResourceError: The connection is gone.
        """
        data = None
        try:
            while data is None:
                await self._wait(trio.lowlevel.wait_readable)
                data = self.receive_nowait()
        except trio.BrokenResourceError:
            await self._take_turn()
            raise
        if not data:
            await self._take_turn()
        return data

    def receive_nowait(self) -> bytes | None:
        """The bytes that have come from the client; empty if it sends no more; None if none have come yet.

        Raises:
            trio.BrokenResourceError: The connection is gone.
        """
        return self._read()

    def _read(self) -> bytes | None:
        try:
            return self._socket.recv(READ_SIZE)
        except BlockingIOError:
            return None
        except OSError as error:
            raise trio.BrokenResourceError(str(error)) from error

    async def _take_turn(self) -> None:
        if self._turns is not None:
            await self._turns.take()

    async def _wait(self, until: Callable[[socket.socket], Awaitable[None]]) -> None:
        if self._is_closed:
            raise trio.BrokenResourceError("the connection is closed")
        self._has_waited = True
        try:
            await until(self._socket)
        except trio.ClosedResourceError as error:
            raise trio.BrokenResourceError("the connection was closed meanwhile") from error

    def _close_socket(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._watcher = None
            self._leave_watch()
            if self._has_waited:  # otherwise trio would look for it in vain
                trio.lowlevel.notify_closing(self._socket)
            self._socket.close()
