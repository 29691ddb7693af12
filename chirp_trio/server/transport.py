"""One client's connection as bytes: in as they come, out in the order in which they were given, each with a deadline.

What is written goes to the system at once, without a task, a lock or a cancel scope; only what the system does not take
waits. TLS is a step on the way, not a stream around another: so it can do the same.
"""

import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable

import trio

from .sockets import Address, count_in_flight, local_address, peer_address, reset_when_closed
from .tls import READ_SIZE, TLS

# The most that is encrypted at once: a bound for how long one client may have the event loop.
WRITE_SIZE = 64 * 1024
# Seconds for the last bytes of a connection: a server that is about to stop does not wait for clients that do not read.
LAST_WRITE_TIMEOUT = 0.5
# How much a client may still send, and for how many seconds, that has been told that its connection is over.
_LINGER_BYTES = 1024 * 1024
_LINGER_TIMEOUT = 1.0


class Transport:
    """The bytes of one connection. Any task may write; one at a time reads.

    Args:
        connection: The accepted connection: a socket that does not block. The transport closes it.
        tls: Speak TLS with this context; None means clear text.
        write_timeout: Seconds that the client may take no bytes before it is given up.
        turns: How many connections may be found to be at their end in one turn of the event loop; default: all. Thousands may
            leave at once, and what each leaves behind takes time, which the others would wait for.
    """

    __slots__ = (
        "_draining", "_is_closed", "_patience", "_ready", "_socket", "_taken", "_tls", "_turns", "_unsent", "_write_timeout",
        "is_closing",
    )  # fmt: skip

    def __init__(
        self, connection: socket.socket, tls: ssl.SSLContext | None, write_timeout: float,
        turns: trio.CapacityLimiter | None = None,
    ) -> None:  # fmt: skip
        self._socket = connection
        self._tls = None if tls is None else TLS(tls)
        self._write_timeout = write_timeout
        self._turns = turns
        # What is to be written and has not been taken yet. It stays, if whoever brought it is cancelled: half a message may
        # be on the wire.
        self._ready: bytes | memoryview = b""  # for the system: encrypted, if that is asked for
        self._unsent: deque[memoryview] = deque()
        self._taken = 0
        self._draining = trio.Lock()
        self._patience: trio.CancelScope | None = None  # around the wait for the client to read
        self._is_closed = False
        self.is_closing = False

    @property
    def is_encrypted(self) -> bool:
        """Whether this is TLS."""
        return self._tls is not None

    @property
    def addresses(self) -> tuple[Address, Address]:
        """The client's address, and that which it has connected to.

        Raises:
            trio.BrokenResourceError: The client has left already.
        """
        try:
            return peer_address(self._socket), local_address(self._socket)
        except OSError as error:
            raise trio.BrokenResourceError("the client has left already") from error

    async def handshake(self) -> str | None:
        """Begin TLS, if this is TLS; the protocol that was settled on (ALPN), if any was.

        Raises:
            trio.BrokenResourceError: The client has left, or speaks no TLS.
        """
        if self._tls is None:
            return None
        while data := await self._receive_some():
            try:
                if self._tls.advance(data):
                    return self._tls.protocol
            finally:
                self._write_protocol_bytes()  # an alert too, if it failed
        raise trio.BrokenResourceError("the client has left in the middle of its handshake")

    # -- in -------------------------------------------------------------------------------------------------------------

    async def receive(self) -> bytes:
        """What comes next from the client; empty when nothing will.

        Raises:
            trio.BrokenResourceError: The connection is gone.
        """
        if self._tls is None:
            return await self._receive_some()
        while (data := self._tls.decrypt()) is None:
            self._write_protocol_bytes()
            if not await self._feed():
                return b""
        return data

    async def _feed(self) -> bool:
        """Take in more of what TLS needs; whether there was any."""
        assert self._tls is not None
        data = await self._receive_some()
        self._tls.take(data)
        return bool(data)

    async def _receive_some(self) -> bytes:
        while True:
            await self._wait(trio.lowlevel.wait_readable)
            try:
                data = self._socket.recv(READ_SIZE)
            except BlockingIOError:
                continue
            except OSError as error:
                await self._take_turn()
                raise trio.BrokenResourceError(str(error)) from error
            if not data:
                await self._take_turn()
            return data

    async def _take_turn(self) -> None:
        if self._turns is not None:
            async with self._turns:
                pass

    async def _wait(self, until: Callable[[socket.socket], Awaitable[None]]) -> None:
        if self._is_closed:
            raise trio.BrokenResourceError("the connection is closed")
        try:
            await until(self._socket)
        except trio.ClosedResourceError as error:
            raise trio.BrokenResourceError("the connection was closed meanwhile") from error

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
        if self._tls is None:
            taken = self._write(data)
            if taken == len(data):
                return True
            self._ready = memoryview(data)[taken:]
            return False
        self._unsent.append(memoryview(data))
        return self._write_some()

    async def drain(self) -> None:
        """Wait until all that was kept has been taken. Can be cancelled: what is left goes out with the next bytes.

        Raises:
            trio.BrokenResourceError: The client is gone, or has taken nothing for too long.
        """
        if not self._ready and not self._unsent:
            return
        async with self._draining:
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
                self._ready = self._prepare_piece()
            taken = self._write(self._ready)
            if taken < len(self._ready):
                self._ready = memoryview(self._ready)[taken:]
                return False
            self._ready = b""

    def _prepare_piece(self) -> bytes | memoryview:
        first = self._unsent.popleft()
        if len(first) > WRITE_SIZE:
            self._unsent.appendleft(first[WRITE_SIZE:])
            first = first[:WRITE_SIZE]
        return first if self._tls is None else self._tls.encrypt(first)

    def _write_protocol_bytes(self) -> None:
        """Write what TLS itself has to say: in the order of its making, which is before what has not been encrypted yet."""
        assert self._tls is not None
        if said := self._tls.said():
            self._ready = bytes(self._ready) + said
            self._write_some()

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
        try:
            if not self._is_closed:
                with trio.move_on_after(LAST_WRITE_TIMEOUT, shield=True) as patience:
                    await self._say_good_bye()
                if patience.cancelled_caught:
                    self.reset_when_closed()
                elif linger:
                    with trio.move_on_after(_LINGER_TIMEOUT):
                        await self._take_in_the_rest()
        except trio.BrokenResourceError, OSError:
            pass  # it is gone
        finally:
            self._close_socket()

    async def _say_good_bye(self) -> None:
        await self.drain()
        if not self.is_closing and self._tls is not None and self._tls.is_established:
            # Without it a client cannot tell the end of a response that has no length from its being cut off (RFC 8446, 6.1).
            self._tls.close()
            self._write_protocol_bytes()
        self.is_closing = True
        self._socket.shutdown(socket.SHUT_WR)

    async def _take_in_the_rest(self) -> None:
        left = _LINGER_BYTES
        while left > 0 and (data := await self._receive_some()):
            left -= len(data)

    def _close_socket(self) -> None:
        if not self._is_closed:
            self.is_closing = self._is_closed = True
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()
