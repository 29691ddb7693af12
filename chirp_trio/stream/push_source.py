"""Sources of the library's own, which put encoded events into a stream by themselves, from whatever task has them."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable
from typing import Protocol

from ..wire import Render
from .client import ClientKind
from .waiting import Flusher, Outbox


class Outlet(Protocol):
    """Takes encoded events one by one."""

    def put(self, event: bytes, /) -> bool:
        """Take one encoded event; return whether there is room for another one. Never blocks, and never refuses."""


class EventWriter(Outlet, Protocol):
    """Takes the encoded events of one stream.

    Attributes:
        outbox: Where they wait.
        flusher: What has a turn for writing.
    """

    outbox: Outbox
    flusher: Flusher

    def put_joined(self, events: bytes, count: int, /) -> bool:
        """Take several in one piece, and their number; whether there is room for more."""

    def write(self, events: bytes, count: int, now: float, /) -> bool:
        """As `put_joined()`, in the flusher's turn; the time is that on trio's clock."""

    def wait_for_space(self) -> Awaitable[None]:
        """Wait until there is room."""

    def flush(self, now: float, /) -> None:
        """Write what waits, as far as that is possible without blocking."""


class Gate(Protocol):
    """The check before each event, if the application is asked whether a stream may go on."""

    @property
    def is_open(self) -> bool:
        """Whether its last answer still holds."""

    async def ask(self) -> None:
        """Return once events may be put, and ask for that if need be. A checkpoint only if somebody is asked."""


class Sink(Protocol):
    """One stream, as a `PushSource` sees it.

    Attributes:
        event_type: The stream's event name.
        kind: How its client is told of its place.
        render: The dialect of its client.
    """

    event_type: str | None
    kind: ClientKind
    render: Render

    @property
    def writer(self) -> EventWriter:
        """Where encoded events go."""

    @property
    def gate(self) -> Gate | None:
        """What an event has to pass before it is put; None where nothing is asked."""

    def put(self, item: object) -> bool:
        """Put an item that has to be encoded first; whether there is room for more."""

    async def send(self, item: object) -> None:
        """As `put()`, and wait until there is room for more."""

    def end(self, error: Exception | None) -> None:
        """For a `Feed`, which is no task that comes to its end: there will be no more; with what has failed, if it has."""


class Feed(Protocol):
    """What puts the events of a `PushSource` into a stream without a task, whenever there are some."""

    def close(self) -> None:
        """Put no more. Never blocks, and may be called again."""


class PushSource(ABC):
    """A source that puts encoded events into a stream, from whatever task has them.

    An event for a thousand streams so wakes none of their tasks; and a stream needs no task for its source, if that can
    always go on without waiting for anything but room.
    """

    __slots__ = ()

    @abstractmethod
    def _push(self, sink: Sink) -> Awaitable[None]:
        """See `push_source`."""

    def _feed(self, sink: Sink) -> Feed | None:  # noqa: ARG002 - for those that can
        """See `feed_from`."""
        return None


def push_source(source: PushSource, sink: Sink) -> Awaitable[None]:
    """Let the source put events into the sink until there will be no more. Cancelling this is the end of it."""
    return source._push(sink)  # not async itself: an idle stream keeps the frame of every function that waits for it


def feed_from(source: PushSource, sink: Sink) -> Feed | None:
    """Have the source put events into the sink without a task, from now on; None where it needs one, and nothing is done.

    What fails in it now is raised here, and later given to `Sink.end()`.
    """
    return source._feed(sink)
