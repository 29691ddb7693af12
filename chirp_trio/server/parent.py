"""What a process knows of the one that has started it: what it is given by it, and that it does not outlive it."""

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
        channel: This end of a pair of sockets. The other one is closed when the worker is to leave.
        listeners: The descriptors of the sockets that all workers listen on.

    Attributes:
        has_let_go: Whether this worker is to leave without delay: another one has taken its place, or the parent has ended.
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
        """The sockets to listen on, as from `open_listeners()`; the parent tells their URLs."""
        with ExitStack() as opened:
            yield [opened.enter_context(socket.socket(fileno=descriptor)) for descriptor in self._listeners], []

    def tell_ready(self, name: str) -> None:
        """Tell that this worker serves, and what it calls the app."""
        with suppress(OSError):  # there is nobody any more, which is noticed elsewhere
            self._channel.send(name.encode(errors="replace") or b"app")


def find_parent() -> Parent | None:
    """The parent of a worker; None where this process is none. To be asked once, before the app is imported."""
    given = os.environ.pop(_VARIABLE, "")
    if not given:
        return None
    number, channel, *listeners = map(int, given.split(","))
    set_workers(number)
    return Parent(channel, listeners)


def environment_of_worker(number: int, channel: int, listeners: Sequence[int]) -> dict[str, str]:
    """The environment that makes a process one of so many workers. It has to inherit these descriptors."""
    return {**os.environ, _VARIABLE: ",".join(map(str, (number, channel, *listeners)))}


def stop_at_end_of_file(descriptor: int, tell: Callable[[], object] = bool) -> None:
    """Have this process asked to stop once nobody holds the other end of a pipe, or of a pair of sockets.

    A thread waits for that, because the event loop may be what hangs.

    Args:
        descriptor: Our end.
        tell: Called in that thread before; default: nothing is.
    """
    os.set_inheritable(descriptor, False)

    def wait() -> None:
        os.read(descriptor, 1)  # nobody writes
        tell()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="chirp_trio parent", daemon=True).start()
