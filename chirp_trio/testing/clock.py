"""Virtual time and threads: trio's clock must not jump while a thread works, though every task waits for it."""

import math
from collections.abc import Generator
from contextlib import contextmanager

import trio
import trio.testing

from ..threads import handler_threads, own_threads


@contextmanager
def clock_held_for_threads() -> Generator[None]:
    """Keep an autojumping clock where it is while a worker thread runs; with any other clock, do nothing.

    trio's clock jumps when all tasks are blocked, and a task that waits for a thread is blocked. Without this, a handler
    that is a plain function would make every timeout of its test expire.
    """
    clock = trio.lowlevel.current_clock()
    if not isinstance(clock, trio.testing.MockClock):
        yield
        return
    holder = _Holder(clock)
    trio.lowlevel.add_instrument(holder)
    try:
        yield
    finally:
        trio.lowlevel.remove_instrument(holder)
        holder.release()


class _Holder(trio.abc.Instrument):
    """Looks after each step of each task, since it is in these that threads are begun and heard of again."""

    def __init__(self, clock: trio.testing.MockClock) -> None:
        self._clock = clock
        self._threads = (trio.to_thread.current_default_thread_limiter(), handler_threads(), own_threads())
        self._threshold = math.inf  # what the clock had, while it is held

    def after_task_step(self, _task: trio.lowlevel.Task) -> None:
        for threads in self._threads:
            if threads.borrowed_tokens:
                if self._clock.autojump_threshold != math.inf:
                    self._threshold, self._clock.autojump_threshold = self._clock.autojump_threshold, math.inf
                return
        if self._threshold != math.inf:
            self.release()

    def release(self) -> None:
        """Let the clock jump again, if it is this one that holds it."""
        if self._threshold != math.inf:
            self._clock.autojump_threshold, self._threshold = self._threshold, math.inf
