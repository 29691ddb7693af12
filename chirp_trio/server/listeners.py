"""Where the server listens: addresses as text, and the sockets that are opened for them.

hypercorn's configuration can open sockets too. It takes a socket file away from a server that is alive, though, lets child
processes inherit what it opens, and leaves sockets open when one of several cannot be.
"""

import errno
import os
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import trio
from hypercorn.utils import repr_socket_addr

from ..errors import ConfigurationError

type Listener = trio.SocketListener | trio.SSLListener[trio.SocketStream]

_BACKLOG = 1024  # connections that wait to be accepted; the system has a bound of its own
_TCP = re.compile(r"(?:\[(?P<ipv6>[^\[\]/\s]+)\]|(?P<host>[^\[\]:/\s]+)):(?P<port>[0-9]{1,5})")


def tcp_address(host: str, port: int) -> str:
    """A host and a port in one text: `"127.0.0.1:8000"`, `"[::1]:8000"`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def check_address(address: object) -> None:
    """Raise `ConfigurationError` unless this is an address that `open_listeners()` understands."""
    if isinstance(address, str):
        found = _TCP.fullmatch(address)
        if found and int(found["port"]) <= 65535:
            return
        if re.fullmatch(r"unix:[^\0]+", address) and hasattr(socket, "AF_UNIX"):
            return
        if re.fullmatch(r"fd://[0-9]{1,9}", address):
            return
    raise ConfigurationError(
        f"bind has {address!r}; it must be like '127.0.0.1:8000', '[::1]:8000', 'unix:/run/app.sock' or 'fd://3'"
    )


@contextmanager
def open_listeners(
    addresses: Sequence[str], *, tls: ssl.SSLContext | None, reuse_port: bool, timeout: float
) -> Iterator[tuple[list[Listener], list[str]]]:
    """Listen on all addresses, or on none; stop when the block is left.

    Args:
        addresses: What `check_address()` has let pass.
        tls: Speak TLS with this context; None means clear text.
        reuse_port: Let other processes listen on the same TCP ports.
        timeout: Seconds after which a client is given up from which nothing comes any more.

    Returns:
        The listeners, and the URL of each.

    Raises:
        OSError: An address cannot be listened on; the message says which.
    """
    listeners: list[Listener] = []
    urls = []
    with ExitStack() as opened:
        for address in addresses:
            try:
                listening = opened.enter_context(_open(address, reuse_port))
                _find_vanished_clients(listening, timeout)
                listening.listen(_BACKLOG)
                listening.setblocking(False)
            except OSError as error:
                why = error.strerror or error
                raise OSError(error.errno, f"cannot listen on {address}: {why}") from error
            plain = trio.SocketListener(trio.socket.from_stdlib_socket(listening))
            # Not `https_compatible`, which leaves out the last word of a TLS connection (RFC 8446, 6.1): without it a client
            # cannot tell the end of a response that has no length from its being cut off.
            listeners.append(plain if tls is None else trio.SSLListener(plain, tls))
            where = repr_socket_addr(listening.family, listening.getsockname())
            urls.append(f"{'http' if tls is None else 'https'}://{where}")
        yield listeners, urls


@contextmanager
def _open(address: str, reuse_port: bool) -> Iterator[socket.socket]:
    if address.startswith("unix:"):
        with _open_file(Path(address.removeprefix("unix:"))) as listening:
            yield listening
    elif address.startswith("fd://"):
        with socket.socket(fileno=int(address.removeprefix("fd://"))) as listening:
            listening.set_inheritable(False)  # child processes of ours would keep it open
            if not listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                raise OSError(errno.EINVAL, "it is no listening socket")
            yield listening
    else:
        found = _TCP.fullmatch(address)
        assert found is not None
        with socket.socket(socket.AF_INET6 if found["ipv6"] else socket.AF_INET) as listening:
            if os.name == "posix":  # elsewhere this option means something else, and is not needed
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if reuse_port:
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listening.bind((found["ipv6"] or found["host"], int(found["port"])))
            yield listening


@contextmanager
def _open_file(path: Path) -> Iterator[socket.socket]:
    """A Unix socket. Its file goes when the server stops listening, unless it is another server's by then."""
    _remove_stale(path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        ours = path.stat()
        try:
            yield listening
        finally:
            with suppress(FileNotFoundError):
                if os.path.samestat(path.stat(), ours):
                    path.unlink()


def _remove_stale(path: Path) -> None:
    """Remove the socket file of a server that has not removed it itself, because it was killed."""
    if not path.exists():
        return
    if not path.is_socket():
        raise OSError(errno.EEXIST, "there is a file of that name that is no socket")
    with socket.socket(socket.AF_UNIX) as client:
        client.setblocking(False)
        try:
            client.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        except BlockingIOError:
            pass  # somebody listens who has not accepted others yet


def _find_vanished_clients(listening: socket.socket, timeout: float) -> None:
    """Let the system give up a client from which nothing comes any more. Accepted connections inherit these options.

    `TCP_USER_TIMEOUT` (RFC 5482) is for those to whom something has been sent, keepalive for those to whom nothing has.
    """
    if listening.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    seconds = max(1, round(timeout))
    for option, value in (
        ("TCP_USER_TIMEOUT", seconds * 1000),
        ("TCP_KEEPIDLE", max(1, seconds // 2)),
        ("TCP_KEEPINTVL", max(1, seconds // 6)),
        ("TCP_KEEPCNT", 3),
    ):
        if hasattr(socket, option):
            listening.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
