"""The tasks of an app: those in which the server runs it, and all that these start, in whatever nursery."""

from typing import override

import trio


class AppTasks(trio.abc.Instrument):
    """An instrument of trio that knows which tasks of an app are alive, while the app runs."""

    def __init__(self) -> None:
        self._owners: dict[trio.lowlevel.Task, str] = {}

    def adopt(self, owner: str) -> None:
        """Count the current task, and all that it starts from now on, among the app's.

        Args:
            owner: The request, or the lifespan, that the task is for.
        """
        self._owners[trio.lowlevel.current_task()] = owner

    def alive(self) -> list[str]:
        """The tasks that are alive, a line for each."""
        return [f"{owner}: a task of the app still runs: {task.name}" for task, owner in self._owners.items()]

    @override
    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        if trio.lowlevel.in_trio_task():
            owner = self._owners.get(trio.lowlevel.current_task())
            if owner is not None:
                self._owners[task] = owner

    @override
    def task_exited(self, task: trio.lowlevel.Task) -> None:
        self._owners.pop(task, None)
