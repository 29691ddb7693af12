"""To-do lists, and what is published when one changes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count

from chirp_trio import Fragment, Topic

LONGEST_TEXT = 100  # characters of a to-do
LONGEST_LIST = 100  # to-dos


class Mistake(Exception):
    """What was asked for cannot be done. Its text is shown to the user."""


@dataclass(frozen=True, slots=True)
class Todo:
    """Something to do."""

    number: int
    text: str
    is_done: bool = False


class TodoList:
    """The to-dos of one user. Each change is published in the moment in which it is made.

    Args:
        topic: Reaches all pages of this user, and nobody else.
    """

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self._todos: dict[int, Todo] = {}
        self._numbers = count(1)

    def __iter__(self) -> Iterator[Todo]:
        return iter(self._todos.values())

    def __len__(self) -> int:
        return len(self._todos)

    @property
    def left(self) -> int:
        """How many are not done."""
        return sum(not todo.is_done for todo in self)

    def find(self, number: str) -> Todo | None:
        """The to-do with that number, as a form has it."""
        return self._todos.get(int(number)) if number.isdecimal() and len(number) < 10 else None

    def add(self, text: str) -> Todo:
        """Add a to-do.

        Raises:
            Mistake: There is no text, or too much; or the list is full.
        """
        text = " ".join(text.split())
        if not text:
            raise Mistake("Say what there is to do.")
        if len(text) > LONGEST_TEXT:
            raise Mistake(f"Say it in {LONGEST_TEXT} characters: these are {len(text)}.")
        if len(self) >= LONGEST_LIST:
            raise Mistake(f"{LONGEST_LIST} to-dos are enough. Do one of them first.")
        todo = Todo(next(self._numbers), text)
        self._todos[todo.number] = todo
        self.topic.publish_nowait(Fragment("todo.html", event="added", swap="beforeend", todo=todo))
        self._publish_count()
        return todo

    def toggle(self, todo: Todo) -> None:
        """Mark a to-do as done, or as not done."""
        changed = self._todos[todo.number] = replace(todo, is_done=not todo.is_done)
        self.topic.publish_nowait(Fragment("todo.html", event=f"todo-{todo.number}", swap="outerHTML", todo=changed))
        self._publish_count()

    def remove(self, todo: Todo) -> None:
        del self._todos[todo.number]
        self.topic.publish_nowait(Fragment("removed.html", event=f"todo-{todo.number}", swap="outerHTML"))
        self._publish_count()

    def _publish_count(self) -> None:
        self.topic.publish_nowait(Fragment("list.html", "count", event="count", todos=self))
