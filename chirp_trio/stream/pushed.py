"""Sources that bring their bytes along, so that an event for a thousand streams wakes none of their tasks."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from .client import ClientKind
from .items import Render


class Gate(Protocol):
    """What events have to pass where the application is asked whether a stream may go on."""

    @property
    def is_open(self) -> bool:
        """Whether its last answer still holds."""

    async def ask(self) -> None:
        """Return once events may be put, and ask for that if need be. No checkpoint, unless somebody is asked."""


@dataclass(frozen=True, slots=True)
class Sink:
    """Where a `PushSource` puts its bytes: one stream.

    Args:
        put_nowait: Takes encoded events; returns whether there is room for more. Never blocks.
        put_joined_nowait: Takes several in one piece, and their number; returns the same.
        wait_for_space: Waits until there is.
        accept: Takes an item that has to be encoded first; one that cannot be costs only itself. Returns as `put_nowait`.
        kind: How its client is told of its place.
        event_type: The stream's event name.
        render: The dialect of its client.
        gate: What an event has to pass before it is put; default: nothing.
    """

    put_nowait: Callable[[bytes], bool]
    put_joined_nowait: Callable[[bytes, int], bool]
    wait_for_space: Callable[[], Awaitable[None]]
    accept: Callable[[object], bool]
    kind: ClientKind
    event_type: str | None
    render: Render | None
    gate: Gate | None = None

    async def send(self, item: object) -> None:
        """Put an item that has to be encoded first, and wait until there is room for more."""
        if self.gate is not None:
            await self.gate.ask()
        if not self.accept(item):
            await self.wait_for_space()


class Reading(Protocol):
    """What reads events that have ids, for a source that may yield them."""

    @property
    def has_begun(self) -> bool:
        """Whether the source has got any."""


# In the tasks of a source: takes the id after which what it has begun to read goes on.
place_listener: ContextVar[Callable[[str, Reading], None]] = ContextVar("place_listener")


class PushSource(ABC):
    """A source that puts encoded events into a stream by itself, from whatever task has them."""

    __slots__ = ()

    @abstractmethod
    async def push(self, sink: Sink) -> None:
        """Put events into the sink until there will be no more. Runs in the source's task; cancelling it is the end."""
