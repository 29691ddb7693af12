"""The parent process as a worker sees it: the sockets that it passes on, and the signal that it has ended."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from ..processes import set_workers

_VARIABLE = "CHIRP_TRIO_PARENT"  # in the environment of a worker: numbers, see `environment_of_worker()`


class Parent:
    """The process that has started this one as one of several workers.

    Args:
        channel: The descriptor of one end of a socket pair. The parent closes the other end when the worker has to stop.
        listeners: The descriptors of the sockets that all workers listen on.

    Attributes:
        has_let_go: Whether this worker has to stop without a delay: another one serves in its place, or the parent has ended.
    """

    def __init__(self, channel: int, listeners: Sequence[int]) -> None:
        self._channel = socket.socket(fileno=channel)
        self._listeners = listeners
        self.has_let_go = False
        for descriptor in listeners:
            os.set_inheritable(descriptor, False)

        def let_go() -> None:
            self.has_let_go = True

        stop_at_end_of_file(channel, let_go)

    @contextmanager
    def inherit_listeners(self) -> Iterator[tuple[list[socket.socket], list[str]]]:
        """The listening sockets, as from `open_listeners()`, without URLs: the parent prints those."""
        with ExitStack() as opened:
            yield [opened.enter_context(socket.socket(fileno=descriptor)) for descriptor in self._listeners], []

    def tell_ready(self, name: str) -> None:
        """Tell the parent that this worker serves, and the name of the app."""
        with suppress(OSError):  # the parent has ended, which is noticed elsewhere
            self._channel.send(name.encode(errors="replace") or b"app")


def find_parent() -> Parent | None:
    """The parent, if this process is a worker; otherwise None. To be called once, before the app is imported."""
    given = os.environ.pop(_VARIABLE, "")
    if not given:
        return None
    number, channel, *listeners = map(int, given.split(","))
    set_workers(number)
    return Parent(channel, listeners)


def environment_of_worker(number: int, channel: int, listeners: Sequence[int]) -> dict[str, str]:
    """The environment that makes a process one of several workers. The process has to inherit these descriptors."""
    return {**os.environ, _VARIABLE: ",".join(map(str, (number, channel, *listeners)))}


def stop_at_end_of_file(descriptor: int, tell: Callable[[], object] = bool) -> None:
    """Send this process a SIGTERM once the other end of a pipe, or of a socket pair, is closed.

    A thread waits for that, because the event loop may hang.

    Args:
        descriptor: This end.
        tell: Called in that thread before the signal is sent; default: nothing.
    """
    os.set_inheritable(descriptor, False)

    def wait() -> None:
        os.read(descriptor, 1)  # returns at the end of file: nothing is ever written
        tell()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="chirp_trio parent", daemon=True).start()
