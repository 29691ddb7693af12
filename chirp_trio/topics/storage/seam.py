"""What a topic and whatever keeps its history have to do with each other: the seam behind which each store stands."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from typing import Protocol

from ..history import History, Ids, Log
from ..published import Published
from .record import Record, load_event


class Store(ABC):
    """Where topics keep their histories. Give one to `Topic(store=...)`; several topics may share it.

    To make one of your own, write a `Journal`, and return it from `journal()`. `chirp_trio.testing.check_store()` tells
    whether it keeps what topics promise.

    Attributes:
        is_shared: Whether several topics of one name, in whatever processes, may have the same history open at a time, so
            that each gets what is published to any of them; default false. Where several processes serve an app
            (`chirp-trio run --workers`), no other store is taken.

    Example:
        >>> class NotYet(Store):
        ...     def journal(self, delivery):
        ...         raise StoreError("there is no journal yet")
        >>> NotYet().is_shared
        False
    """

    __slots__ = ()

    is_shared = False

    def tell(self, notice: str) -> None:  # noqa: B027 - a store that serves one process has nobody to tell
        """Tell something to whoever listens, in all processes that share the store, at once or later. Never blocks.

        Args:
            notice: Some text, which may be told twice.
        """

    def heard(self, hear: Callable[[str], object]) -> AbstractContextManager[None]:  # noqa: ARG002 - see above
        """A block in which a function is called with whatever is told, while any topic of the store is open."""
        return nullcontext()

    @abstractmethod
    def journal(self, delivery: Delivery) -> Journal:
        """What accepts and delivers the events of one topic. Called once for each topic, before it is opened.

        Args:
            delivery: What the journal may do to its topic.

        Raises:
            ValueError: The topic's name is one that cannot be kept.
        """


class Journal(ABC):
    """Takes what is published to one topic, and delivers what has been taken: this process's events, or everybody's.

    Everything but `opened()` is called in trio's thread only, and while the topic is open.

    Example:
        >>> from contextlib import asynccontextmanager
        >>> from chirp_trio.topics import Epochs
        >>> class Forgetful(Journal):
        ...     def __init__(self, delivery):
        ...         self.delivery = delivery
        ...     @asynccontextmanager
        ...     async def opened(self):
        ...         self.delivery.begin(Epochs(), 0, [])
        ...         yield
        ...         self.delivery.close()
        ...         self.delivery.wake()
        ...     def publish_nowait(self, record):
        ...         return self.delivery.deliver(record, time.time())
        ...     async def publish(self, record):
        ...         return self.publish_nowait(record)
        ...     is_empty = True
    """

    @abstractmethod
    def opened(self) -> AbstractAsyncContextManager[None]:
        """The topic with its history, until the last of these blocks is left, which closes the topic.

        It calls `Delivery.begin()` first. What has been accepted by the end is delivered, within a time.

        Raises:
            StoreError: The store cannot be used.
        """

    @property
    @abstractmethod
    def is_empty(self) -> bool:
        """Whether everything that was accepted here has been delivered, or is lost."""

    @abstractmethod
    def publish_nowait(self, record: Record) -> str:
        """Accept an event, and never block.

        Returns:
            Its id; empty text where that is not known yet.

        Raises:
            trio.WouldBlock: Too much waits already.
            ValueError: It is one that cannot be kept.
        """

    @abstractmethod
    async def publish(self, record: Record) -> str:
        """Return once the event is kept.

        Returns:
            Its id.

        Raises:
            trio.ClosedResourceError: The topic was closed before there was room.
            StoreError: It is not kept, so nobody gets it; or nobody knows, which the message says.
            ValueError: It is one that cannot be kept.
        """

    async def find(self, last_event_id: str) -> None:  # noqa: B027 - many have nothing to do
        """Return once this process has received the event with that id, or will not: a client brought it from elsewhere.

        Called where the id is not known here. The default is for stores whose events are those of one process.

        Args:
            last_event_id: What the client says; of several topics, if they were merged: some ids with commas between them.
        """

    def count_here(self, member: str | None, count: int) -> None:  # noqa: B027 - see above
        """So many subscriptions of a member are being read here now: what `Delivery.count_elsewhere()` tells other processes.

        Args:
            member: Whose they are; None: nobody's in particular.
            count: How many.
        """

    @property
    def trouble(self) -> str:
        """Why the store cannot be reached now; empty text where it can be, which is the default."""
        return ""

    def end(self) -> None:  # noqa: B027 - see above
        """The topic was closed: whoever waits for room will not get any."""


class _Attendance(Protocol):
    def set_elsewhere(self, member: str | None, count: int) -> None:
        """That member has so many in other processes now."""


class _Topic(Protocol):
    """What a delivery knows of its topic."""

    name: str
    is_closed: bool

    @property
    def attendance(self) -> _Attendance:
        """Whose subscriptions are being read."""

    def begin(self, log: Log, ids: Ids) -> None:
        """Go on with this history."""

    def deliver(self, event: Published) -> None:
        """Give everybody the next event."""

    def wake(self) -> None:
        """Let all subscriptions look whether it is over."""

    def close(self) -> None:
        """Take no more events."""


class Delivery:
    """What a journal may do to its topic.

    A topic counts what it delivers: those are its numbers, which no other process knows. What a client knows are ids, which
    are the store's; its `Ids` tell which belongs to which number.

    Example:
        >>> def deliver_all(delivery: Delivery, read):
        ...     for record, published in read():
        ...         delivery.deliver(record, published)
    """

    def __init__(self, topic: _Topic, history: History) -> None:
        # For our own file, which has events of its own before they are delivered.
        self.topic = topic
        self.history = history

    @property
    def name(self) -> str:
        """The topic's name."""
        return self.topic.name

    @property
    def is_closed(self) -> bool:
        """Whether it takes no more events."""
        return self.topic.is_closed

    @property
    def capacity(self) -> int:
        """How many events it remembers at least, which is how many `begin()` can use."""
        return self.history.log.most

    @property
    def first(self) -> int:
        """The number of the oldest event that it remembers; one more than `last` if there is none."""
        return self.history.log.first

    @property
    def last(self) -> int:
        """The number of the newest event."""
        return self.history.log.last

    def begin(self, ids: Ids, last: int, records: Iterable[tuple[Record, float]]) -> None:
        """Open the topic with what is there.

        Args:
            ids: The ids of all numbers.
            last: The number of the newest event, kept or not; 0 if there has been none.
            records: The newest events that are there, the oldest first, and when each was published, in seconds of the wall
                clock.

        Raises:
            TypeError: A record is none.
            ValueError: The same.
        """
        found = list(records)
        log = self.history.new_log()
        log.last = last - len(found)
        for record, published in found:
            number = log.last + 1
            log.append(load_event(record, self.name, ids.id_of(number), number, self._at(published)))
        self.topic.begin(log, ids)

    def deliver(self, record: Record, published: float, *, is_own: bool = False) -> str:
        """Give everybody the next event. Never blocks.

        Args:
            record: The event; `Record.gap()` in the place of some that are missing.
            published: When it was published, in seconds of the wall clock.
            is_own: Whether only this process knows it, such as the gap in the place of what it could not have kept: its id
                has two parts then, of which the second is that of the event before it; default false.

        Returns:
            Its id: its number, which is now `last`, had one already.

        Raises:
            TypeError: The record is none.
            ValueError: The same.
        """
        number = self.last + 1
        if is_own:
            self.history.hold_id()
        else:
            self.history.release_id()
        id = self.history.id_of(number)
        self.topic.deliver(load_event(record, self.name, id, number, self._at(published)))
        return id

    def count_elsewhere(self, member: str | None, count: int) -> None:
        """So many subscriptions of a member are being read in other processes now. Never blocks.

        Args:
            member: Whose they are; None: nobody's in particular.
            count: How many.
        """
        self.topic.attendance.set_elsewhere(member, count)

    def wake(self) -> None:
        """The topic is closed, and everything is delivered: let its subscriptions end."""
        self.topic.wake()

    def close(self) -> None:
        """Close the topic."""
        self.topic.close()

    def _at(self, published: float) -> float:
        """By trio's clock; another machine's may be wrong, and nothing is younger than it can be."""
        if not self.history.is_timed:
            return 0.0
        now = self.history.now()
        return min(now, published + now - time.time())
