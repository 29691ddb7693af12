"""One client's connection as bytes: in as they come, out in the order in which they were given, each with a deadline.

What is written goes to the system at once, without a task, a lock or a cancel scope; only what the system does not take
waits. TLS is a step on the way, not a stream around another, so it can do the same: see tls_transport.py.
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
# Seconds for the last bytes of a connection: a server that is about to stop does not wait for clients that do not read.
LAST_WRITE_TIMEOUT = 0.5
# How much a client may still send, and for how many seconds, that has been told that its connection is over.
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
        # What is to be written and has not been taken yet. It stays, if whoever brought it is cancelled: half a message may
        # be on the wire.
        self._ready: bytes | memoryview = b""  # for the system: encrypted, if that is asked for
        self._unsent: list[memoryview] = []
        self._taken = 0
        self._draining: trio.Lock | None = None
        self._patience: trio.CancelScope | None = None  # around the wait for the client to read
        self.is_closing = False

    # -- TLS, which there is none of here ---------------------------------------------------------------------------------

    is_encrypted = False

    @property
    def is_established(self) -> bool:
        """Whether there is no handshake, or it is over."""
        return True

    @property
    def protocol(self) -> str | None:
        """The protocol that was settled on in the handshake (ALPN), if any was."""
        return None

    def handshake_nowait(self) -> bool:
        """Go on with the handshake, with what has come; whether it is over.

        Raises:
            trio.BrokenResourceError: The client has left, or speaks no TLS.
        """
        return True

    # -- out ------------------------------------------------------------------------------------------------------------

    def write_nowait(self, data: bytes | memoryview) -> bool:
        """Hand bytes to the system, and keep what it does not take; whether it has taken all.

        Raises:
            trio.BrokenResourceError: The client is gone, or the connection is about to be closed.
        """
        if self.is_closing:
            raise trio.BrokenResourceError("the connection is about to be closed")
        if self._ready or self._unsent:
            self._unsent.append(memoryview(data))
            return False
        try:
            taken = self._socket.send(data)  # an event that the system takes shall not pay for a further call
            self._taken += taken
        except OSError:
            taken = self._write(data)  # which knows what it means
        if taken < len(data):
            self._ready = memoryview(data)[taken:]
        return taken == len(data)

    async def drain(self) -> None:
        """Wait until all that was kept has been taken. Can be cancelled: what is left goes out with the next bytes.

        Raises:
            trio.BrokenResourceError: The client is gone, or has taken nothing for too long.
        """
        if not self._ready and not self._unsent:
            return
        self._draining = draining = self._draining or trio.Lock()  # made late: an idle connection needs none
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
            # A slow client may need longer than that until the system says that there is room again.
            if self.progress == progress:
                self.reset()
                raise trio.BrokenResourceError("the client does not read")

    @property
    def progress(self) -> int:
        """A number that grows whenever the client has taken bytes."""
        return self._taken - count_in_flight(self._socket)

    @property
    def backlog(self) -> bool:
        """Whether something waits until the client reads."""
        return bool(self._ready or self._unsent)

    def hurry(self, write_timeout: float) -> None:
        """Have less patience from now on with a client that does not read, in seconds: the server is about to stop."""
        self._write_timeout = min(self._write_timeout, write_timeout)
        if self._patience is not None:
            self._patience.deadline = min(self._patience.deadline, trio.current_time() + self._write_timeout)

    def _write_some(self) -> bool:
        """Write what the system takes; whether that is all."""
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
        """What is to be written next; it is kept no longer."""
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
        """Close with a reset: otherwise the system would go on for minutes to offer the client what it does not read."""
        reset_when_closed(self._socket)

    def reset(self) -> None:
        """Close at once, and drop what has not been delivered."""
        self.reset_when_closed()
        self._close_socket()

    async def close(self, *, linger: bool = False) -> None:
        """Write what is left, say good-bye, and close. Takes a moment at most, whatever the client does.

        Args:
            linger: Take in for a moment what the client still sends: otherwise the system may reset the connection before the
                client has read the response (RFC 9112, 9.6).
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
        """Say good-bye, if nothing else is left to be said, and close."""
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
