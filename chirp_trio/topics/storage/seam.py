"""The interface between a topic and the store that keeps its history."""

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
        is_shared: Whether topics of the same name in several processes may be open at the same time, so that each gets
            what is published to any of them; default False. Where several processes serve an app
            (`chirp-trio run --workers`), its topics accept only such a store.

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
        """Send a notice to the listeners in all processes that share the store; it may arrive later. Never blocks.

        Args:
            notice: Some text. It may arrive twice.
        """

    def heard(self, hear: Callable[[str], object]) -> AbstractContextManager[None]:  # noqa: ARG002 - see above
        """A context manager: within it `hear` is called with each notice, as long as any topic of the store is open."""
        return nullcontext()

    @abstractmethod
    def journal(self, delivery: Delivery) -> Journal:
        """The journal of one topic. Called once for each topic, before the topic is opened.

        Args:
            delivery: The journal's access to its topic.

        Raises:
            ValueError: The store cannot keep a topic of this name.
        """


class Journal(ABC):
    """Accepts the events that are published to one topic, keeps them, and delivers them to the topic's subscribers.

    The journal of a shared store delivers what other processes publish as well. All methods are called in trio's thread,
    and all but `opened()` only while the topic is open.

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
        """A context manager that opens the topic with its history. Leaving the last one of a topic closes it.

        It calls `Delivery.begin()` first. At the end it still delivers what has been accepted, within a time limit.

        Raises:
            StoreError: The store cannot be used.
        """

    @property
    @abstractmethod
    def is_empty(self) -> bool:
        """Whether every event that was accepted here has been delivered, or is lost."""

    @abstractmethod
    def publish_nowait(self, record: Record) -> str:
        """Accept an event, and never block.

        Returns:
            The event's id; empty text if that is not known yet.

        Raises:
            trio.WouldBlock: Too many events wait to be kept.
            ValueError: The store cannot keep such an event.
        """

    @abstractmethod
    async def publish(self, record: Record) -> str:
        """Accept an event, and return once it is kept.

        Returns:
            The event's id.

        Raises:
            trio.ClosedResourceError: The topic was closed before there was room for the event.
            StoreError: The event was not kept, and no subscriber gets it; or it is not known whether it was kept, which
                the message says.
            ValueError: The store cannot keep such an event.
        """

    async def find(self, last_event_id: str) -> None:  # noqa: B027 - many have nothing to do
        """Wait until this process has received the event with this id, or it is clear that it will not.

        Called for an id that is not known here: the client may have got it from another process. The default returns at
        once, for stores that serve one process.

        Args:
            last_event_id: The id that the client has sent; of merged topics, several ids with commas between them.
        """

    def count_here(self, member: str | None, count: int) -> None:  # noqa: B027 - see above
        """Note how many subscriptions of a member are being read in this process now.

        A shared store passes this on to the other processes, which call `Delivery.count_elsewhere()`.

        Args:
            member: The member, as given to `Topic.subscribe()`; None: subscriptions without a member.
            count: How many subscriptions.
        """

    @property
    def trouble(self) -> str:
        """Why the store cannot be reached now; empty text, the default, if it can be."""
        return ""

    def end(self) -> None:  # noqa: B027 - see above
        """Called when the topic is closed: calls of `publish()` that wait for room have to end."""


class _Attendance(Protocol):
    def set_elsewhere(self, member: str | None, count: int) -> None:
        """Note how many subscriptions of a member are being read in other processes."""


class _Topic(Protocol):
    """The part of a topic that a `Delivery` uses."""

    name: str
    is_closed: bool

    @property
    def attendance(self) -> _Attendance:
        """The members whose subscriptions are being read."""

    def begin(self, log: Log, ids: Ids) -> None:
        """Go on with this history."""

    def deliver(self, event: Published) -> None:
        """Give all subscribers the next event."""

    def wake(self) -> None:
        """Let all subscriptions check whether the topic is over."""

    def close(self) -> None:
        """Take no more events."""


class Delivery:
    """A journal's access to its topic.

    A topic numbers the events that it delivers; these numbers are valid in this process only. Clients know events by their
    ids, which the store assigns: its `Ids` find the id of a number, and the number of an id.

    Example:
        >>> def deliver_all(delivery: Delivery, read):
        ...     for record, published in read():
        ...         delivery.deliver(record, published)
    """

    def __init__(self, topic: _Topic, history: History) -> None:
        # For SQLiteJournal, which makes events before it delivers them.
        self.topic = topic
        self.history = history

    @property
    def name(self) -> str:
        """The topic's name."""
        return self.topic.name

    @property
    def is_closed(self) -> bool:
        """Whether the topic takes no more events."""
        return self.topic.is_closed

    @property
    def capacity(self) -> int:
        """How many events the topic remembers at least: `begin()` can use so many."""
        return self.history.log.most

    @property
    def capacity_bytes(self) -> int:
        """How many bytes these may have together: of what `begin()` is given beyond, only the newest event is remembered."""
        return self.history.most_bytes

    @property
    def first(self) -> int:
        """The number of the oldest event that the topic remembers; one more than `last` if there is none."""
        return self.history.log.first

    @property
    def last(self) -> int:
        """The number of the newest event."""
        return self.history.log.last

    def begin(self, ids: Ids, last: int, records: Iterable[tuple[Record, float]]) -> None:
        """Open the topic with its history.

        Args:
            ids: Finds the ids of numbers, and the numbers of ids.
            last: The number of the newest event, whether it is still kept or not; 0 if there has been none.
            records: The newest events that are kept, the oldest first, each with the time when it was published, in seconds
                of the wall clock.

        Raises:
            TypeError: A record is not that of a published event.
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
        """Give all subscribers the next event. Never blocks.

        Args:
            record: The event; `Record.gap()` in the place of missing events.
            published: When it was published, in seconds of the wall clock.
            is_own: Whether only this process has the event, such as a gap for events that the store did not keep. Its id
                then has two parts, and the second is the id of the event before it. Default: False.

        Returns:
            The event's id. Its number is now `last`.

        Raises:
            TypeError: The record is not that of a published event.
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
        """Note how many subscriptions of a member are being read in other processes now. Never blocks.

        Args:
            member: The member; None: subscriptions without a member.
            count: How many subscriptions.
        """
        self.topic.attendance.set_elsewhere(member, count)

    def wake(self) -> None:
        """Let the topic's subscriptions end. To be called when the topic is closed, and everything is delivered."""
        self.topic.wake()

    def close(self) -> None:
        """Close the topic."""
        self.topic.close()

    def _at(self, published: float) -> float:
        """The time on trio's clock, now at the latest: another machine's wall clock may be ahead."""
        if not self.history.is_timed:
            return 0.0
        now = self.history.now()
        return min(now, published + now - time.time())
