"""Where the client of a stream goes on whose source is a generator that reads something with ids, such as a topic."""

from collections.abc import Callable

import trio

from ..wire import encode_id
from .client import ClientKind
from .pushed import Reading, place_listener


class ClientPlace:
    """What a client is told of its place besides the ids of the events that it gets.

    A source that yields what it reads gives its client an id with each event, and this gives it one before the first. But
    nobody knows yet what the source will yield. If its first item has no id, then the ids of what it reads are not its
    client's: to come back with the first one would be to get everything again. So the client is told to forget it.

    Args:
        kind: How the client is told.
        tell: Takes what the client is to be told. That must not begin the response: the source may still raise an error.
    """

    __slots__ = ("_is_settled", "_kind", "_reading", "_task", "_tell")

    def __init__(self, kind: ClientKind, tell: Callable[[bytes], object]) -> None:
        self._kind = kind
        self._tell = tell
        self._task = trio.lowlevel.current_task()
        self._reading: Reading | None = None  # that of which the client knows the place
        self._is_settled = False  # its items say everything from here on
        place_listener.set(self._begin)

    def mark(self, event: bytes) -> bytes:
        """An encoded item, with what has to be said of the client's place in front of it."""
        if self._is_settled or (self._reading is None and event.startswith(b"data")) or event.startswith(b":"):
            return event
        if _has_id(event):
            self._settle()
        elif self._reading is not None and self._reading.has_begun:
            self._settle()
            return encode_id("", is_block=False) + event
        return event

    def _begin(self, id: str, reading: Reading) -> None:
        if self._is_settled or not self._is_ours(trio.lowlevel.current_task()):
            return
        if self._reading is not None:  # of two things that are read there is no one place
            self._settle()
            id = ""
        else:
            self._reading = reading
        self._tell(self._kind.encode_place(id))

    def _settle(self) -> None:
        self._is_settled = True
        self._reading = None  # whoever has read it lets go of it, which is the end of it

    def _is_ours(self, task: trio.lowlevel.Task | None) -> bool:
        """Whether it is the source's task, or one that the source waits for: its context is inherited by others too."""
        while task is not None and task is not self._task:
            nursery = task.parent_nursery
            task = nursery.parent_task if nursery is not None else None
        return task is not None


def _has_id(event: bytes) -> bool:
    # Only the event's name may stand in front of it.
    return event.startswith(b"id: ", event.index(b"\n") + 1 if event.startswith(b"event: ") else 0)
