"""Processes that this one has started to serve, and what is said of them."""

import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

import trio

from ..logs import harmless
from .parent import environment_of_worker

_LONGEST_NAME = 4096  # bytes


def ending(code: int) -> str:
    """How a process has ended, by its exit status as `subprocess` has it."""
    if code < 0:
        with suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    return f"with the exit code {code}"


def say(text: str) -> None:
    """Print a line of ours."""
    with suppress(OSError, ValueError):  # nobody reads it
        print(f"chirp_trio: {harmless(text)}", file=sys.stderr, flush=True)


class WorkerProcess:
    """One of several that serve an app, from its start to its end; what `Parent` is there.

    Args:
        command: What it runs.
        number: How many workers there are.
        listeners: The sockets that it inherits.

    Attributes:
        ended: Set once it has.
        exit_status: What it has ended with; 0 until then.
        is_ready: Whether it serves, or did.
        lived: For how many seconds it has served, once it has ended.
        app: What it calls the app.
    """

    def __init__(self, command: Sequence[str], number: int, listeners: Sequence[socket.socket]) -> None:
        self.ended = trio.Event()
        self.exit_status = 0
        self.is_ready = False
        self.app = ""
        self.lived = 0.0
        self._ready_at = trio.current_time()
        self._channel, theirs = socket.socketpair()
        self._channel.setblocking(False)
        with theirs:
            descriptors = [listening.fileno() for listening in listeners]
            # In a session of its own: a terminal's Ctrl-C is for the parent, which hands it on.
            self._process = subprocess.Popen(  # noqa: S603 - the command is our own
                command,
                env=environment_of_worker(number, theirs.fileno(), descriptors),
                pass_fds=[theirs.fileno(), *descriptors],
                start_new_session=True,
            )

    def __str__(self) -> str:
        return f"the worker {self._process.pid}"

    async def start(self) -> None:
        """Return once it is ready, or has ended."""
        if self.is_ready or self.ended.is_set():
            return
        with suppress(OSError, trio.ClosedResourceError):  # it has ended
            await trio.lowlevel.wait_readable(self._channel)
            self.app = self._channel.recv(_LONGEST_NAME).decode()
        self.is_ready = bool(self.app)
        self._ready_at = trio.current_time()
        if not self.is_ready:
            await self.ended.wait()

    def look(self) -> None:
        """See whether it has ended."""
        status = self._process.poll()
        if status is not None:
            trio.lowlevel.notify_closing(self._channel)
            self._channel.close()
            self.exit_status = status
            self.lived = trio.current_time() - self._ready_at if self.is_ready else 0.0
            self.ended.set()

    def let_go(self) -> None:
        """Have it leave without delay, because another one serves."""
        with suppress(OSError):  # it has ended
            self._channel.shutdown(socket.SHUT_WR)

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def close(self) -> None:
        """Kill it, and wait for that: outside of trio."""
        with self._process, self._channel:
            self.kill()
