"""The part of a topic that its subscriptions know."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Protocol

from ..threads import TrioRun
from ..wire import Render
from .history import History
from .log import Log
from .presence import Observers, Presence
from .published import Gap, Published


class Subscriber(Protocol):
    """What a topic knows of a subscription."""

    buffer: int

    def take(self, event: Published) -> bool:
        """Have the next event, if nothing else is waited for; whether the one after that is wanted in the same way."""

    def wake(self) -> None:
        """Look again: the topic is closed."""


class Audience(ABC):
    """Who is subscribed to a topic, who of them waits for the next event, and what they may read.

    Args:
        name: The topic's name.
        history: What the topic remembers.

    Attributes:
        trio_run: The trio run that it belongs to.
    """

    def __init__(self, name: str, history: History) -> None:
        self.name = name
        self.trio_run = TrioRun()
        self._history = history
        self._open: dict[Subscriber, None] = {}
        self._buffers: Counter[int] = Counter()  # of those
        self._waiting: dict[Subscriber, None] = {}  # those who have had everything
        self._observers = Observers(self.trio_run)

    @property
    def subscribers(self) -> int:
        """How many subscriptions are being read now."""
        return len(self._open)

    def presence(self) -> AsyncGenerator[Presence]:
        """Who comes and who leaves, from the first `await` on. One who does not read them all misses the oldest ones.

        Example:
            >>> async def watch(topic):
            ...     async for change in topic.presence():
            ...         print(change.kind, change.subscribers)
        """
        return self._observers.changes()

    def deliver(self, event: Published) -> None:
        """Give everybody the next event."""
        self._history.log.append(event)
        if self._waiting:  # a dict that has become empty still costs by what has been in it
            for subscription in [subscription for subscription in self._waiting if not subscription.take(event)]:
                del self._waiting[subscription]

    def wake(self) -> None:
        """Let all subscriptions look whether it is over."""
        for subscription in tuple(self._open):
            subscription.wake()

    def enter(self, subscription: Subscriber) -> None:
        """Count a subscription among those that are being read."""
        self._open[subscription] = None
        self._buffers[subscription.buffer] += 1
        self._keep()
        self._observers.tell(Presence("join", len(self._open)))

    def leave(self, subscription: Subscriber) -> None:
        """Forget a subscription."""
        del self._open[subscription]
        self._buffers[subscription.buffer] -= 1
        if not self._buffers[subscription.buffer]:
            del self._buffers[subscription.buffer]
        self._keep()
        self._observers.tell(Presence("leave", len(self._open)))

    def wait(self, subscription: Subscriber) -> None:
        """Give the subscription the next event when it comes: it has had all others."""
        self._waiting[subscription] = None

    def stop_waiting(self, subscription: Subscriber) -> None:
        """Do not: it is leaving, or has been woken."""
        self._waiting.pop(subscription, None)

    def is_behind(self, subscription: Subscriber) -> bool:
        """Whether it is being read, and has events that it has not had."""
        return subscription in self._open and subscription not in self._waiting

    # -- what they read -------------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def is_over(self) -> bool:
        """Whether there will be no more events than are in the log."""

    @property
    def log(self) -> Log:
        """The events that are remembered."""
        return self._history.log

    def encoded_since(self, number: int, event_type: str | None, render: Render | None) -> tuple[bytes, int]:
        """Events after that number as bytes, some kilobytes at most, and the number of the last of them."""
        return self._history.encoded_since(number, event_type, render)

    def id_of(self, number: int) -> str:
        """The id of the event with that number."""
        return self._history.id_of(number)

    def gap(self, missed: int | None, number: int) -> Gap:
        """What tells a client that events are missing before this one; how many, if that is known."""
        return Gap(self.name, missed, self.id_of(number), number, self._history.now())

    def _keep(self) -> None:
        # Who is behind reads from the log, so it has to go back as far as anybody may be.
        self._history.reach_back(max(self._buffers, default=0))
