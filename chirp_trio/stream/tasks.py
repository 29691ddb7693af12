"""A few tasks that send for the streams whose sending may block, one stream after the other."""

from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Protocol

import trio

from ..contexts import run_in
from .waiting import Flusher

# How many send at a time, of those that are not stuck. The tasks that publish have a turn whenever each of these has had one:
# so there is more to send together, where sending takes long.
_AT_ONCE = 16
# After so many turns in which none of them has come to an end, they count as stuck.
_PATIENCE = 20

type Job = Callable[[], Coroutine[object, object, None]]


class SendingTasks:
    """Runs the jobs of writers. A new task for each event would cost a third of the time that sending takes.

    A server's `send()` may take as long as a client does not read, and nobody can tell before. So where none of the tasks
    comes to an end for some turns, others take their place, and those that are stuck go on beside them.

    Args:
        nursery: Where the tasks live.
    """

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._jobs: deque[tuple[Context, Job]] = deque()
        self._crew = _Crew()  # those that are not stuck
        self._is_watched = False

    def start(self, context: Context, job: Job) -> None:
        """Run a job in this context, which nothing else uses meanwhile. If the host is closed, the job is cancelled."""
        self._jobs.append((context, job))
        if self._crew.size < _AT_ONCE:
            self._add_task()
        elif not self._is_watched:
            self._is_watched = True
            self._nursery.start_soon(self._watch)

    def _add_task(self) -> None:
        self._crew.size += 1
        self._nursery.start_soon(self._work, self._crew)

    async def _work(self, crew: _Crew) -> None:
        try:
            while self._jobs:
                await run_in(*self._jobs.popleft())
                crew.done += 1
        finally:
            crew.size -= 1
            if self._jobs and not crew.size:  # it was cancelled, and so is each that comes after it
                self._add_task()

    async def _watch(self) -> None:
        try:
            while self._jobs:
                done = self._crew.done
                for _ in range(_PATIENCE):
                    await trio.lowlevel.checkpoint()
                if self._crew.done == done:
                    self._crew = _Crew()
                    for _ in range(max(_AT_ONCE, len(self._jobs) // 2)):
                        self._add_task()
        finally:
            self._is_watched = False


class WriterHost(Protocol):
    """The part of a stream's host that a writer uses."""

    is_open: bool
    flusher: Flusher
    tasks: SendingTasks  # which may outlive a request


class _Crew:
    """Some tasks.

    Attributes:
        size: How many they are.
        done: How many jobs they have done.
    """

    __slots__ = ("done", "size")

    def __init__(self) -> None:
        self.size = 0
        self.done = 0
