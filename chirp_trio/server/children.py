"""Worker processes as their parent sees them, and the lines that it prints about them."""

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
    """Print a line to standard error, with the name of the library."""
    with suppress(OSError, ValueError):  # nobody reads it
        print(f"chirp_trio: {harmless(text)}", file=sys.stderr, flush=True)


class WorkerProcess:
    """One worker process, from its start to its end. In the worker, `Parent` is the other end.

    Args:
        command: The command that it runs.
        number: The number of workers.
        listeners: The listening sockets that it inherits.

    Attributes:
        ended: Set once the process has ended.
        exit_status: Its exit status; 0 until it has ended.
        is_ready: Whether it serves, or has served.
        lived: The seconds for which it has served, once it has ended.
        app: The app's name, as the worker tells it.
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
            # In a session of its own, so that a terminal sends Ctrl-C to the parent alone, which passes it on.
            self._process = subprocess.Popen(  # noqa: S603 - the command is our own
                command,
                env=environment_of_worker(number, theirs.fileno(), descriptors),
                pass_fds=[theirs.fileno(), *descriptors],
                start_new_session=True,
            )

    def __str__(self) -> str:
        return f"the worker {self._process.pid}"

    async def start(self) -> None:
        """Wait until the worker serves, or has ended."""
        if self.is_ready or self.ended.is_set():
            return
        with suppress(OSError, trio.ClosedResourceError):  # the process has ended
            await trio.lowlevel.wait_readable(self._channel)
            self.app = self._channel.recv(_LONGEST_NAME).decode()
        self.is_ready = bool(self.app)
        self._ready_at = trio.current_time()
        if not self.is_ready:
            await self.ended.wait()

    def look(self) -> None:
        """Check whether the process has ended."""
        status = self._process.poll()
        if status is not None:
            trio.lowlevel.notify_closing(self._channel)
            self._channel.close()
            self.exit_status = status
            self.lived = trio.current_time() - self._ready_at if self.is_ready else 0.0
            self.ended.set()

    def let_go(self) -> None:
        """Ask the worker to stop without a drain delay, because another one serves in its place."""
        with suppress(OSError):  # the process has ended
            self._channel.shutdown(socket.SHUT_WR)

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """Kill the process."""
        self._process.kill()

    def close(self) -> None:
        """Kill the process, and wait for its end. Blocks, so it is for use outside of trio."""
        with self._process, self._channel:
            self.kill()
