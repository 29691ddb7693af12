"""Options of sockets, and what the system knows about them."""

import functools
import socket
import struct
from contextlib import suppress

try:
    import fcntl
    import termios
except ImportError:  # on Windows, where a slow client looks like one that does not read at all
    fcntl = None  # type: ignore[assignment]

# Address and port; for a Unix socket its path and None; None for the client of a Unix socket.
type Address = tuple[str, int | None] | None

_INTERNET = {socket.AF_INET, socket.AF_INET6}
# The system takes no more bytes while it holds so many unsent ones: more of them would only be sent later, and use memory.
_LOW_WATER = 16 * 1024


def peer_address(connection: socket.socket) -> Address:
    """The client's address, as ASGI has it. Raises `OSError` if the client has left."""
    name = connection.getpeername()
    return name[:2] if isinstance(name, tuple) else None


def local_address(connection: socket.socket) -> Address:
    """The address that the client has connected to, as ASGI has it."""
    name = connection.getsockname()
    return _shared(name[:2] if isinstance(name, tuple) else (str(name), None))


@functools.lru_cache(maxsize=64)
def _shared(address: Address) -> Address:
    """The same object for equal addresses: all open streams keep theirs, and most have been made to one."""
    return address


def reset_when_closed(connection: socket.socket) -> None:
    """Let closing the socket drop bytes that have not been delivered."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def count_in_flight(connection: socket.socket) -> int:
    """The number of bytes that the system has taken and the client has not acknowledged; 0 if the system cannot tell."""
    if fcntl is None:
        return 0
    try:
        return int(struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0\0\0\0"))[0])
    except OSError, ValueError:
        return 0


def prepare_for_streams(listening: socket.socket, timeout: float) -> None:
    """Let the system send bytes without delay, and close connections whose client has vanished.

    Accepted connections inherit these options from the listening socket. `TCP_USER_TIMEOUT` (RFC 5482) finds vanished clients
    if something was sent to them, keepalive if nothing was.

    Args:
        listening: The listening socket.
        timeout: Seconds after which a client that does not answer counts as vanished.
    """
    if listening.family not in _INTERNET:
        return
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    seconds = max(1, round(timeout))
    for option, value in (
        ("TCP_NODELAY", 1),
        ("TCP_NOTSENT_LOWAT", _LOW_WATER),
        ("TCP_USER_TIMEOUT", seconds * 1000),
        ("TCP_KEEPIDLE", max(1, seconds // 2)),
        ("TCP_KEEPINTVL", max(1, seconds // 6)),
        ("TCP_KEEPCNT", 3),
    ):
        if hasattr(socket, option):
            listening.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
