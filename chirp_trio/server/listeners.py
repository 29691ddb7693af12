"""The addresses that the server listens on, as text, and the sockets that are opened for them."""

import errno
import os
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

from ..errors import ConfigurationError
from .sockets import prepare_for_streams

# Opens the listening sockets, in non-blocking mode, and gives the URL of each.
type Listeners = AbstractContextManager[tuple[list[socket.socket], list[str]]]

BACKLOG = 1024  # connections that may wait to be accepted; the system has a limit of its own
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
    addresses: Sequence[str], *, scheme: str, reuse_port: bool, timeout: float
) -> Iterator[tuple[list[socket.socket], list[str]]]:
    """Open sockets for all addresses, or for none, until the block is left. No client can connect before `listen()`.

    Args:
        addresses: Addresses that `check_address()` accepts.
        scheme: The scheme of the URLs.
        reuse_port: Let other processes listen on the same TCP ports.
        timeout: Seconds after which the system closes the connection of a client that has vanished from the network.

    Returns:
        The sockets, in non-blocking mode, and the URL of each.

    Raises:
        OSError: An address cannot be listened on; the message says which.
    """
    # They are opened before the app starts, which may take a while, so that a wrong address is reported at once.
    listeners: list[socket.socket] = []
    urls = []
    with ExitStack() as opened:
        for address in addresses:
            try:
                taken = opened.enter_context(_open(address, reuse_port))
                for listening in taken:
                    prepare_for_streams(listening, timeout)
                    listening.setblocking(False)
            except OSError as error:
                raise _cannot_listen(address, error) from error
            listeners += taken
            urls += [f"{scheme}://{_written(listening)}" for listening in taken]
        yield listeners, urls


def listen(listeners: Sequence[socket.socket]) -> None:
    """Let clients connect.

    Raises:
        OSError: Another process has begun to listen on one of the addresses meanwhile.
    """
    for listening in listeners:
        try:
            listening.listen(BACKLOG)
        except OSError as error:
            raise _cannot_listen(_written(listening), error) from error


def _cannot_listen(address: str, error: OSError) -> OSError:
    return OSError(error.errno, f"cannot listen on {address}: {error.strerror or error}")


def _written(listening: socket.socket) -> str:
    """A socket's address, as in a URL."""
    name = listening.getsockname()
    if listening.family in {socket.AF_INET, socket.AF_INET6}:
        return tcp_address(name[0], name[1])
    return f"unix:{name}"


@contextmanager
def _open(address: str, reuse_port: bool) -> Iterator[list[socket.socket]]:
    if address.startswith("unix:"):
        with _open_file(Path(address.removeprefix("unix:"))) as listening:
            yield [listening]
    elif address.startswith("fd://"):
        with socket.socket(fileno=int(address.removeprefix("fd://"))) as listening:
            listening.set_inheritable(False)  # otherwise child processes would keep it open
            if not listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                raise OSError(errno.EINVAL, "it is no listening socket")
            yield [listening]
    else:
        found = _TCP.fullmatch(address)
        assert found is not None
        with ExitStack() as opened:
            yield _open_host(found["ipv6"] or found["host"], int(found["port"]), reuse_port, opened)


def _open_host(host: str, port: int, reuse_port: bool, opened: ExitStack) -> list[socket.socket]:
    """A socket for each address that a name has: `localhost` has one of IPv4, and one of IPv6 where there is IPv6."""
    listeners: list[socket.socket] = []
    missing: OSError | None = None
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, name in dict.fromkeys((family, name) for family, _, _, _, name in found):
        try:
            listening = opened.enter_context(socket.socket(family))
            if os.name == "posix":  # on Windows this option means something else, and is not needed
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if reuse_port:
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listening.bind((name[0], port, *name[2:]))
        except OSError as error:
            if error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                raise
            missing = error  # a name may have addresses of other machines
            continue
        port = listening.getsockname()[1]  # the same for all, if the system has chosen it
        listeners.append(listening)
    if missing is not None and not listeners:
        raise missing
    return listeners


@contextmanager
def _open_file(path: Path) -> Iterator[socket.socket]:
    """A Unix socket. Its file is removed when the server stops listening, unless another server has replaced it."""
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
    """Remove the socket file of a server that was killed, and so has not removed it itself."""
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
            pass  # a server listens, and has not accepted earlier connections yet
