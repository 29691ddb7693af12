"""The last deadline of a test: an app that no cancellation ends must fail its test, and not hang it.

trio waits for every task, for ever: no nursery and no run ends while one of its tasks goes on. So the whole run is broken
off, as trio does after an internal error. The test's fixtures are not torn down then.
"""

import ctypes
import math
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import NoReturn

import trio
import trio.testing

# Real seconds, because virtual time stands still for a task that never waits, or a thread that never returns.
_REAL_SECONDS = 20.0


class AppStillRunning(AssertionError):
    """The app did not end a request after its client had left, or did not end at all, or left a task behind.

    Example:
        >>> from chirp_trio.testing import TestClient
        >>> async def test_it(app):
        ...     async with TestClient(app) as client:  # raises it when the block is left, if a task of the app goes on
        ...         await client.sse("/events", max_events=1)
    """


class _RunBrokenOff(AppStillRunning, trio.TrioInternalError):
    """A kind of `TrioInternalError`, because such an error ends a trio run at once, and comes out of it unchanged."""


@asynccontextmanager
async def last_deadline(seconds: float, describe: Callable[[], str]) -> AsyncGenerator[None]:
    """Break the trio run off if the block takes too long.

    Args:
        seconds: How long the block may take. On a virtual clock it may take 20 real seconds instead, because virtual
            seconds pass at once, even while the block is about to end.
        describe: Tells what still runs, for the message.
    """
    waiting = trio.CancelScope()

    def break_off(_raise_cancel: object = None) -> NoReturn:
        # A task that goes on whatever is raised in it would do so when it is garbage-collected, too, and hang the process.
        # So no task is ever collected.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(trio.lowlevel.current_root_task()))
        # Threads that return later have to be told that the run is over; trio does that only at an orderly end.
        trio.lowlevel.current_trio_token()._reentry_queue.done = True
        raise _RunBrokenOff(f"the test was broken off, because nothing ends its app:\n{describe()}")

    is_virtual = isinstance(trio.lowlevel.current_clock(), trio.testing.MockClock)

    async def wait() -> None:
        with waiting:
            await trio.sleep(math.inf if is_virtual else seconds)
        if not is_over:
            # trio ends the run if the function that aborts a task raises.
            with trio.CancelScope() as scope:
                scope.cancel()
                await trio.lowlevel.wait_task_rescheduled(break_off)
        has_ended.set()

    is_over = False
    has_ended = trio.Event()
    trio.lowlevel.spawn_system_task(wait)
    if is_virtual:
        _watch.begin(waiting, _REAL_SECONDS)
    try:
        yield
    finally:
        is_over = True
        waiting.cancel()
        _watch.end(waiting)
        with trio.move_on_after(1, shield=True):  # it takes one step
            await has_ended.wait()


class _Watch:
    """Cancels trio scopes after a real time: one thread does so for all of them, and ends when there are none.

    A client needs this, and so does each of its streams; a thread for each would take longer than many tests do.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: dict[trio.CancelScope, tuple[float, trio.lowlevel.TrioToken]] = {}
        self._thread: threading.Thread | None = None
        self._sleeps_until = math.inf

    def begin(self, scope: trio.CancelScope, seconds: float) -> None:
        """Cancel a scope of this trio run after so many seconds."""
        due = time.monotonic() + seconds
        with self._changed:
            self._due[scope] = due, trio.lowlevel.current_trio_token()
            if self._thread is None or not self._thread.is_alive():  # after a fork it is not
                self._thread = threading.Thread(target=self._run, name="chirp_trio test deadline", daemon=True)
                self._thread.start()
            elif due < self._sleeps_until:
                self._changed.notify()

    def end(self, scope: trio.CancelScope) -> None:
        """Leave the scope alone from now on. It may have been cancelled already, or never been given to `begin()`."""
        with self._changed:
            self._due.pop(scope, None)

    def _run(self) -> None:
        with self._changed:
            while self._due:
                now = time.monotonic()
                for scope, (due, token) in list(self._due.items()):
                    if due <= now:
                        del self._due[scope]
                        with suppress(trio.RunFinishedError):
                            token.run_sync_soon(scope.cancel)
                self._sleeps_until = min((due for due, _ in self._due.values()), default=now)
                self._changed.wait(self._sleeps_until - now)
            self._thread = None


_watch = _Watch()
