"""Whose task is it? Tasks of an app are those that the server runs it in, and all that these start, wherever they do."""

from typing import override

import trio


class AppTasks(trio.abc.Instrument):
    """The tasks of an app that are alive; an instrument of trio's, for as long as the app runs."""

    def __init__(self) -> None:
        self._owners: dict[trio.lowlevel.Task, str] = {}

    def adopt(self, owner: str) -> None:
        """Count the current task among the app's, and what it starts from now on.

        Args:
            owner: What the app runs for in it.
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
