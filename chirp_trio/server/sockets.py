"""What the server asks of the system about its sockets, and what it tells it."""

import functools
import socket
import struct
from contextlib import suppress

try:
    import fcntl
    import termios
except ImportError:  # Windows, where a slow client cannot be told from one that stands still
    fcntl = None  # type: ignore[assignment]

# Address and port; of a Unix socket its path and nothing, and nothing at all of whoever connects to one.
type Address = tuple[str, int | None] | None

_INTERNET = {socket.AF_INET, socket.AF_INET6}
# Bytes that the system has taken and not sent, from which on it takes no more: they are late, and held for nothing.
_LOW_WATER = 16 * 1024


def peer_address(connection: socket.socket) -> Address:
    """Who is at the other end, as ASGI has it. Raises `OSError` where nobody is any more."""
    name = connection.getpeername()
    return name[:2] if isinstance(name, tuple) else None


def local_address(connection: socket.socket) -> Address:
    """What the other end has connected to, as ASGI has it."""
    name = connection.getsockname()
    return _shared(name[:2] if isinstance(name, tuple) else (str(name), None))


@functools.lru_cache(maxsize=64)
def _shared(address: Address) -> Address:
    """The same object for equal addresses: all open streams keep theirs, and most have been made to one."""
    return address


def reset_when_closed(connection: socket.socket) -> None:
    """Let closing drop what has not been delivered."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def count_in_flight(connection: socket.socket) -> int:
    """How many bytes the system has taken of which the other end has not told that it has them; 0 where it cannot say."""
    if fcntl is None:
        return 0
    try:
        return int(struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0\0\0\0"))[0])
    except OSError, ValueError:
        return 0


def prepare_for_streams(listening: socket.socket, timeout: float) -> None:
    """Let the system send at once what it gets, and give up a client from which nothing comes any more.

    Accepted connections inherit these options from the listening socket. `TCP_USER_TIMEOUT` (RFC 5482) is for clients to whom
    something has been sent, keepalive for those to whom nothing has.

    Args:
        listening: The listening socket.
        timeout: Seconds after which a client is given up.
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
