"""Those who are subscribed to a topic."""

from collections import Counter
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from .history import History
from .presence import Observers, Presence
from .published import Published

if TYPE_CHECKING:
    from .subscription import Subscription


class Audience:
    """The part of a topic that its subscriptions know: who is there, and who waits for the next event.

    Args:
        history: What the topic remembers.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._open: dict[Subscription, None] = {}
        self._buffers: Counter[int] = Counter()  # of those
        self._waiting: dict[Subscription, None] = {}  # those who have had everything
        self._observers = Observers()

    @property
    def subscribers(self) -> int:
        """How many subscriptions are being read now."""
        return len(self._open)

    def presence(self) -> AsyncGenerator[Presence]:
        """Who comes and who leaves, from now on. One who does not read them all misses the oldest ones.

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

    def enter(self, subscription: Subscription) -> None:
        """Count a subscription among those that are being read."""
        self._open[subscription] = None
        self._buffers[subscription.buffer] += 1
        self._keep()
        self._observers.tell(Presence("join", len(self._open)))

    def leave(self, subscription: Subscription) -> None:
        """Forget a subscription."""
        del self._open[subscription]
        self._buffers[subscription.buffer] -= 1
        if not self._buffers[subscription.buffer]:
            del self._buffers[subscription.buffer]
        self._keep()
        self._observers.tell(Presence("leave", len(self._open)))

    def wait(self, subscription: Subscription) -> None:
        """Give the subscription the next event when it comes: it has had all others."""
        self._waiting[subscription] = None

    def stop_waiting(self, subscription: Subscription) -> None:
        """Do not: it is leaving, or has been woken."""
        self._waiting.pop(subscription, None)

    def is_behind(self, subscription: Subscription) -> bool:
        """Whether it is being read, and has events that it has not had."""
        return subscription in self._open and subscription not in self._waiting

    def _keep(self) -> None:
        # Who is behind reads from the log, so it has to go back as far as anybody may be.
        self._history.reach_back(max(self._buffers, default=0))
