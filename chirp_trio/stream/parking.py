"""A place where one task waits until another one, or a callback, wakes it."""

from typing import Any

import trio
from trio.lowlevel import Abort


class ParkingSpot:
    """Room for one task. `trio.lowlevel.ParkingLot` for a single car: a tenth of its memory, and every stream has three.

    A wake-up is not remembered: the task looks at its condition, parks if that does not hold yet, and looks again.
    Nothing is lost, because no other task runs between looking and parking.
    """

    __slots__ = ("_task",)

    def __init__(self) -> None:
        self._task: trio.lowlevel.Task | None = None

    async def park(self) -> None:
        """Wait for the next `wake()`. A checkpoint, and it can be cancelled."""
        if self._task is not None:
            raise trio.BusyResourceError("another task is parked here already")
        self._task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._leave)

    def wake(self) -> None:
        """Let the parked task run, if there is one. Never blocks."""
        if self._task is not None:
            trio.lowlevel.reschedule(self._task)  # raises outside of trio; then the task is still parked here
            self._task = None

    def _leave(self, _raise_cancel: Any) -> Abort:
        self._task = None
        return Abort.SUCCEEDED
