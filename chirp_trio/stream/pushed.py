"""Sources that bring their bytes along, so that an event for a thousand streams wakes none of their tasks."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .client import ClientKind
from .items import Render


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
    """

    put_nowait: Callable[[bytes], bool]
    put_joined_nowait: Callable[[bytes, int], bool]
    wait_for_space: Callable[[], Awaitable[None]]
    accept: Callable[[object], bool]
    kind: ClientKind
    event_type: str | None
    render: Render | None


class PushSource(ABC):
    """A source that puts encoded events into a stream by itself, from whatever task has them."""

    __slots__ = ()

    @abstractmethod
    async def push(self, sink: Sink) -> None:
        """Put events into the sink until there will be no more. Runs in the source's task; cancelling it is the end."""
