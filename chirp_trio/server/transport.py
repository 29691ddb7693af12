"""The bytes of one client's connection: read as they come, and written in order, with a deadline for a client that stalls.

Written bytes go to the system at once, without a task, a lock or a cancel scope; only bytes that the system does not take
wait. TLS is a conversion on the way, not a stream around another one, so it works in the same way: see tls_transport.py.
"""

import socket
from typing import override

import trio

from .incoming import Incoming
from .sockets import count_in_flight, reset_when_closed
from .turns import Turns
from .watch import Watch

# The most that is encrypted at once: a bound for how long one client may have the event loop.
WRITE_SIZE = 64 * 1024
# Seconds for the last bytes of a connection: a server that stops does not wait longer for clients that do not read.
LAST_WRITE_TIMEOUT = 0.5
# The bytes that a client may still send, and the seconds for them, after it was told that its connection is over.
_LINGER_BYTES = 1024 * 1024
_LINGER_TIMEOUT = 1.0


class Transport(Incoming):
    """The bytes of one connection. Any task may write; one at a time reads.

    Args:
        connection: See `Incoming`. The transport closes it.
        write_timeout: Seconds that the client may take no bytes before it is given up.
        turns: See `Incoming`.
        watch: See `Incoming`.
    """

    __slots__ = ("_draining", "_patience", "_ready", "_taken", "_unsent", "_write_timeout", "is_closing")

    def __init__(
        self, connection: socket.socket, write_timeout: float, turns: Turns | None = None, watch: Watch | None = None
    ) -> None:
        super().__init__(connection, turns, watch)
        self._write_timeout = write_timeout
        # Bytes that the system has not taken yet. They stay even if the task that wrote them is cancelled: half of a message
        # may be on the wire.
        self._ready: bytes | memoryview = b""  # ready for the system: encrypted, if there is TLS
        self._unsent: list[memoryview] = []
        self._taken = 0  # by the system, except for what it has taken at once and as a whole
        self._draining: trio.Lock | None = None
        self._patience: trio.CancelScope | None = None  # around the wait for the client to read
        self.is_closing = False

    # -- TLS, of which this class has none ------------------------------------------------------------------------------

    is_encrypted = False

    @property
    def is_established(self) -> bool:
        """Whether the handshake is complete; True without TLS."""
        return True

    @property
    def protocol(self) -> str | None:
        """The protocol that was agreed on in the handshake (ALPN); None if none was."""
        return None

    def handshake_nowait(self) -> bool:
        """Continue the handshake with the bytes that have come; return whether it is complete.

        Raises:
            trio.BrokenResourceError: The client has left, or does not speak TLS.
        """
        return True

    # -- out ------------------------------------------------------------------------------------------------------------

    def write_nowait(self, data: bytes | memoryview) -> bool:
        """Hand bytes to the system, and keep those that it does not take; return whether it has taken all.

        Raises:
            trio.BrokenResourceError: The client is gone, or the connection is about to be closed.
        """
        if self.is_closing:
            raise trio.BrokenResourceError("the connection is about to be closed")
        if self._ready:  # the others wait behind it
            self._unsent.append(memoryview(data))
            return False
        try:
            taken = self._socket.send(data)  # an event that the system takes shall not pay for a further call, nor a count
        except OSError:
            taken = self._write(data)  # which knows what it means
        if taken == len(data):
            return True
        self._taken += taken
        self._ready = memoryview(data)[taken:]
        return False

    async def drain(self) -> None:
        """Wait until the system has taken all kept bytes. If it is cancelled, the rest is written before any later bytes.

        Raises:
            trio.BrokenResourceError: The client is gone, or has taken no bytes for too long.
        """
        if not self._ready and not self._unsent:
            return
        self._draining = draining = self._draining or trio.Lock()  # made when it is needed: idle connections have none
        async with draining:
            while not self._write_some():
                await self._wait_until_writable()

    async def _wait_until_writable(self) -> None:
        while True:
            progress = self.progress
            with trio.move_on_after(self._write_timeout) as self._patience:
                await self._wait(trio.lowlevel.wait_writable)
            if not self._patience.cancelled_caught:
                return
            # While a slow client reads, the system may take longer than that to report room again.
            if self.progress == progress:
                self.reset()
                raise trio.BrokenResourceError("the client does not read")

    @property
    def progress(self) -> int:
        """A number that grows when the client takes bytes, from the moment on in which bytes begin to wait for it."""
        return self._taken - count_in_flight(self._socket)

    @property
    def backlog(self) -> bool:
        """Whether bytes wait until the client reads."""
        return bool(self._ready or self._unsent)

    def hurry(self, write_timeout: float) -> None:
        """Shorten the write timeout, in seconds, because the server is about to stop."""
        self._write_timeout = min(self._write_timeout, write_timeout)
        if self._patience is not None:
            self._patience.deadline = min(self._patience.deadline, trio.current_time() + self._write_timeout)

    def _write_some(self) -> bool:
        """Write as many bytes as the system takes; return whether these were all."""
        while True:
            if not self._ready:
                if not self._unsent:
                    return True
                self._ready = self._prepare(self._next_piece())
            taken = self._write(self._ready)
            if taken < len(self._ready):
                self._ready = memoryview(self._ready)[taken:]
                return False
            self._ready = b""

    def _next_piece(self) -> memoryview:
        """Remove the next piece from the kept bytes, and return it."""
        first = self._unsent[0]
        if len(first) <= WRITE_SIZE:
            return self._unsent.pop(0)
        self._unsent[0] = first[WRITE_SIZE:]
        return first[:WRITE_SIZE]

    def _prepare(self, piece: memoryview) -> bytes | memoryview:
        return piece

    def _write(self, data: bytes | memoryview) -> int:
        try:
            taken = self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise trio.BrokenResourceError(str(error)) from error
        self._taken += taken
        return taken

    # -- its end --------------------------------------------------------------------------------------------------------

    def reset_when_closed(self) -> None:
        """Let closing reset the connection: otherwise the system would offer unread bytes to the client for minutes."""
        reset_when_closed(self._socket)

    def reset(self) -> None:
        """Close at once, and drop bytes that have not been delivered."""
        self.reset_when_closed()
        self._close_socket()

    async def close(self, *, linger: bool = False) -> None:
        """Write the kept bytes, end the connection in order, and close. Takes two seconds at most, whatever the client does.

        Args:
            linger: Whether to read for a moment what the client still sends: otherwise the system may reset the connection
                before the client has read the response (RFC 9112, 9.6).
        """
        if not self.backlog and not linger:
            self.close_nowait()
            return
        try:
            if not self._is_closed:
                with trio.move_on_after(LAST_WRITE_TIMEOUT, shield=True) as patience:
                    await self.drain()
                    self._say_good_bye()
                if patience.cancelled_caught:
                    self.reset_when_closed()
                elif linger:
                    with trio.move_on_after(_LINGER_TIMEOUT):
                        await self._take_in_the_rest()
        except trio.BrokenResourceError, OSError:
            pass  # it is gone
        finally:
            self._close_socket()

    def close_nowait(self) -> None:
        """End the connection in order if no bytes are kept, and close it."""
        try:
            if not self.backlog:
                self._say_good_bye()
        except trio.BrokenResourceError, OSError:
            pass  # it is gone
        finally:
            self._close_socket()

    def _say_good_bye(self) -> None:
        self.is_closing = True
        self._socket.shutdown(socket.SHUT_WR)

    async def _take_in_the_rest(self) -> None:
        left = _LINGER_BYTES
        while left > 0:
            await self._wait(trio.lowlevel.wait_readable)
            data = self._read()
            if data == b"":
                return
            left -= len(data or b"")

    @override
    def _close_socket(self) -> None:
        self.is_closing = True
        super()._close_socket()
