"""`cancel_everywhere`: runs a scenario again and again, and cancels it at its first checkpoint, its second, and so on."""

import inspect
import traceback
from collections.abc import Awaitable, Callable
from typing import override

import trio

from ..arguments import check_type
from .runtime import require_trio_test


async def cancel_everywhere(
    scenario: Callable[[], Awaitable[object]],
    *,
    check: Callable[[], object] | None = None,
    interrupt: Callable[[], object] | None = None,
    max_steps: int = 1000,
) -> int:
    """Prove that a scenario cleans up, wherever it is cancelled.

    It runs the scenario in a cancel scope that is cancelled at the scenario's first checkpoint, runs it anew and cancels
    that at its second checkpoint, and so on, until a run comes to its end before it would have been cancelled. After each
    run, that last one included, it calls `check`.

    A checkpoint is any moment at which a task of the scenario waits or lets other tasks run. The tasks of the scenario are
    the one that calls it, and all tasks in nurseries that it opens. So the tasks of an app count if the scenario opens
    the `TestClient`, and do not count if the client was open before.

    Use a clock that jumps: each run takes the scenario's whole time.

    Args:
        scenario: An async function without arguments. It runs many times, so it has to make anew whatever it changes.
        check: Called after each run: a plain or an async function without arguments, which raises if something is wrong.
        interrupt: A plain function to call in place of cancelling, such as `client.drain`; default: cancel the scenario.
        max_steps: The number of runs after which a scenario that does not end is given up; default 1000.

    Returns:
        How many times the scenario was interrupted.

    Raises:
        AssertionError: The scenario has no checkpoint, or more than `max_steps`; or it swallowed the cancellation: one of
            its tasks got `trio.Cancelled`, and the scenario returned all the same.
        TypeError: `scenario`, `check` or `interrupt` cannot be called.
        ValueError: `max_steps` is less than 1.
        WrongRuntimeError: Under asyncio.
        Exception: What the scenario or `check` raised, with a note that tells the step, and where its task was then.

    Example:
        >>> async def scenario():
        ...     is_open.append(True)
        ...     try:
        ...         await trio.sleep(1)
        ...         await trio.sleep(1)
        ...     finally:
        ...         is_open.pop()
        >>> is_open = []
        >>> def check():
        ...     assert not is_open
        >>> async def test_it_closes_what_it_opens():
        ...     return await cancel_everywhere(scenario, check=check)
        >>> trio.run(test_it_closes_what_it_opens, clock=trio.testing.MockClock(autojump_threshold=0))
        2
    """
    for name, value in {"scenario": scenario, "check": check, "interrupt": interrupt}.items():
        if not callable(value) and (value is not None or name == "scenario"):
            hint = "; give it the function itself, because it is called for every run" if inspect.isawaitable(value) else ""
            if inspect.iscoroutine(value):
                value.close()  # or Python warns that it was never awaited
            raise TypeError(f"cancel_everywhere: {name} is {value!r}; it must be a function without arguments{hint}")
    check_type("cancel_everywhere: max_steps", max_steps, int, "an int of at least 1")
    if max_steps < 1:
        raise ValueError(f"cancel_everywhere: max_steps is {max_steps!r}; it must be an int of at least 1")
    require_trio_test("cancel_everywhere")
    for step in range(1, max_steps + 1):
        interruption = _Interruption(step)
        try:
            await interruption.run(scenario, interrupt)
            if check is not None and inspect.isawaitable(checked := check()):
                await checked
        except Exception as error:
            error.add_note(interruption.describe())
            raise
        if not interruption.happened:
            if step == 1:
                raise AssertionError(
                    "cancel_everywhere: the scenario has no checkpoint, so nothing can be proved; it must await something"
                )
            return step - 1
    raise AssertionError(
        f"cancel_everywhere: the scenario has more than {max_steps} steps; if it does come to an end, give a larger max_steps"
    )


class _Interruption(trio.abc.Instrument):
    """One run of a scenario, which is interrupted once its tasks have taken this many steps.

    trio calls `after_task_step` when a task has reached its next checkpoint, so the interruption happens there.
    """

    def __init__(self, step: int) -> None:
        self.happened = False
        self._step = step
        self._seen = 0
        self._where: tuple[str, traceback.StackSummary] = "", traceback.StackSummary()
        self._task: trio.lowlevel.Task | None = None
        self._others: frozenset[trio.Nursery] = frozenset()  # that its task has opened before the scenario began
        self._scope = trio.CancelScope()
        self._interrupt: Callable[[], object] = self._cancel
        self._is_cancelling = False
        self._delivered = False
        self._error: Exception | None = None

    async def run(self, scenario: Callable[[], Awaitable[object]], interrupt: Callable[[], object] | None) -> None:
        """Run the scenario, once."""
        if interrupt is not None:
            self._interrupt = interrupt
        self._task = trio.lowlevel.current_task()
        self._others = frozenset(self._task.child_nurseries)
        trio.lowlevel.add_instrument(self)
        try:
            with self._scope:
                await scenario()
        finally:
            trio.lowlevel.remove_instrument(self)
        if self._error is not None:
            raise self._error
        if self._delivered and not self._scope.cancelled_caught:
            raise AssertionError(
                "cancel_everywhere: the scenario swallowed its cancellation: a task of it got trio.Cancelled, and it went on "
                "and returned"
            )

    @override
    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        if self.happened or not self._is_ours(task):
            return
        self._seen += 1
        if self._seen < self._step:
            return
        self.happened = True
        self._where = _where(task)
        try:
            self._interrupt()
        except Exception as error:  # trio would log it and go on without us
            self._error = error
            self._scope.cancel()

    @override
    def task_scheduled(self, task: trio.lowlevel.Task) -> None:
        # A waiting task that the scope's cancellation wakes, and nothing else, gets Cancelled.
        if self._is_cancelling:
            self._delivered = True

    def _cancel(self) -> None:
        self._is_cancelling = True
        self._scope.cancel("cancel_everywhere")
        self._is_cancelling = False

    def _is_ours(self, task: trio.lowlevel.Task) -> bool:
        """Whether the task is the scenario's, or descends from it."""
        while task is not self._task:
            nursery = task.parent_nursery
            if nursery is None or nursery in self._others:
                return False
            task = nursery.parent_task
        return True

    def describe(self) -> str:
        """Which run it was, for a note under an error."""
        if not self.happened:
            return f"cancel_everywhere: in the run that was not interrupted, after {self._step - 1} that were"
        name, frames = self._where
        if not frames:
            return f"cancel_everywhere: interrupted at step {self._step}, at the end of its task {name}"
        lines = "".join(frames.format()).rstrip()
        return f"cancel_everywhere: interrupted at step {self._step}, where its task {name} was here:\n{lines}"


def _where(task: trio.lowlevel.Task) -> tuple[str, traceback.StackSummary]:
    """Where a task waits: its name, and its frames from the scenario, or from its beginning, to the call into trio.

    Each run asks for this, and at most one needs the lines of source, so they are not looked up here.
    """
    frames = [(frame, line) for frame, line in task.iter_await_frames() if not _is_of_trio(frame.f_globals)]
    for index, (frame, _) in enumerate(frames):
        if frame.f_code is _Interruption.run.__code__:
            frames = frames[index + 1 :]
            break
    summaries = [
        traceback.FrameSummary(frame.f_code.co_filename, line, frame.f_code.co_name, lookup_line=False)
        for frame, line in frames
    ]
    return task.name, traceback.StackSummary(summaries)


def _is_of_trio(names: dict[str, object]) -> bool:
    return str(names.get("__name__")).partition(".")[0] == "trio"
