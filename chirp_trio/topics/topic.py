"""`Topic`: one publisher or many, any number of subscribers, and a memory of what was published."""

import math
import secrets
from collections import Counter
from collections.abc import AsyncGenerator, Callable

import trio

from ..errors import ConfigurationError
from ..stream.items import Render
from ..wire import SSEEvent
from .chunks import Chunks
from .log import Log
from .presence import Observers, Presence
from .published import Prepare, Published, prepare
from .subscription import OVERFLOW, Overflow, Subscription

# Between the ids of several topics, where a client has one for all of them.
SEPARATOR = ","


class Topic:
    """What is published here reaches every subscriber, in order, without the publisher waiting for any of them.

    A topic is one audience: whoever may subscribe to it may see all of it, its history too. It lives in one process, and
    belongs to one trio run. `app.topic()` makes one that can render fragments.

    Args:
        name: What to call it, in the log and in messages.
        history: How many events are remembered for those who reconnect; default 1000; 0 remembers none.
        history_bytes: How many bytes they may have together; default 16 MiB.
        max_age: Seconds after which an event is forgotten; default: never.
        prepare: Renders a fragment when it is published; default: fragments are refused. `app.topic()` sets it.

    Raises:
        ConfigurationError: An argument that cannot work; the message names what is allowed.

    Example:
        >>> news = Topic("news", history=100)
        >>> async def handler(request):
        ...     return EventStream(news.subscribe(request.last_event_id))
        >>> async def main():
        ...     return news.publish_nowait({"headline": "It works"})
        >>> trio.run(main) == news.cursor
        True
    """

    def __init__(
        self,
        name: str,
        *,
        history: int = 1000,
        history_bytes: int = 16 * 1024 * 1024,
        max_age: float | None = None,
        prepare: Prepare | None = None,
    ) -> None:
        if not isinstance(name, str) or not name:
            raise ConfigurationError(f"the name of a topic is {name!r}; it must be text")
        _check_count("history", history, least=0)
        _check_count("history_bytes", history_bytes, least=1)
        if max_age is not None and not (_is_number(max_age) and 0 < max_age < math.inf):
            raise ConfigurationError(f"max_age is {max_age!r}; it must be a number of seconds, more than zero, or None")
        self.name = name
        self.is_closed = False
        self._prepare = prepare
        self._history = history
        self._max_age = max_age
        # Another one for every topic and every start, so that the id of somebody else's event is never taken for ours.
        self._epoch = secrets.token_hex(6)
        self._log = Log(history, history_bytes, max_age)
        self._chunks = Chunks(self._log)
        self._open: dict[Subscription, None] = {}
        self._buffers: Counter[int] = Counter()  # of those
        self._waiting: dict[Subscription, None] = {}  # those who have had everything
        self._observers = Observers()

    # -- publishing -----------------------------------------------------------------------------------------------------

    def publish_nowait(self, value: object) -> str:
        """Publish a value: whatever an `EventStream` may yield. Never blocks, and waits for nobody.

        It is taken as it is now, a fragment with the variables that it has now.

        Returns:
            The event's id.

        Raises:
            TypeError: The value can neither be sent nor rendered. Nobody gets anything then.
            ValueError: It holds what cannot be carried, or has an id of its own.
            trio.ClosedResourceError: The topic is closed.
        """
        if self.is_closed:
            raise trio.ClosedResourceError(f"the topic {self.name!r} is closed")
        content = prepare(value, self._prepare)  # first, because a template may publish as well
        number = self._log.last + 1
        event = Published(value, content, self.name, self.id_of(number), number, self._now())
        self._log.append(event)
        if self._waiting:  # a dict that has become empty still costs by what has been in it
            for subscription in [subscription for subscription in self._waiting if not subscription.take(event)]:
                del self._waiting[subscription]
        return event.id

    async def publish(self, value: object, *, wait: Subscription | None = None) -> str:
        """As `publish_nowait()`, and a checkpoint: the verb that stays when a topic is moved to where publishing takes time.

        Args:
            value: Whatever an `EventStream` may yield.
            wait: A subscription to this topic that is not to lose anything: while it is as far behind as its `buffer`
                allows, wait. Nothing is waited for when nobody reads it. Default: nobody is waited for.

        Returns:
            The event's id.

        Raises:
            TypeError: See `publish_nowait()`.
            ValueError: See `publish_nowait()`.
            ConfigurationError: `wait` is a subscription to another topic.
            trio.ClosedResourceError: The topic is closed.
        """
        if wait is not None and wait.topic is not self:
            raise ConfigurationError(f"wait is a subscription to {wait.topic.name!r}; it must be one to {self.name!r}")
        await trio.lowlevel.checkpoint()
        if wait is not None:
            await wait.wait_for_room()
        return self.publish_nowait(value)

    def publish_from_thread(self, value: object) -> str:
        """As `publish_nowait()`, from a thread that trio has started (`trio.to_thread.run_sync`).

        Returns:
            The event's id.
        """
        return trio.from_thread.run_sync(self.publish_nowait, value)

    # -- subscribing ----------------------------------------------------------------------------------------------------

    def subscribe(
        self,
        last_event_id: str | None = None,
        *,
        replay: int = 0,
        buffer: int = 1000,
        overflow: Overflow = "disconnect",
        key: Callable[[object], object] | None = None,
        filter: Callable[[object], bool] | None = None,
    ) -> Subscription:
        """A source for an `EventStream`, or for `async for`: what is published from now on.

        Whoever was here before goes on where it was: what it has missed comes first. If that is not known any more, or the
        id is nobody's, an event named `chirp:gap` comes first, so that a page can load itself anew.

        Args:
            last_event_id: The id that the client had last: `request.last_event_id`; default: it is new here.
            replay: How many events of the history somebody new gets first; default 0.
            buffer: How many events a subscriber may be behind; default 1000.
            overflow: What happens to one who is further behind. `"disconnect"` (the default): its stream ends; it comes
                back by itself, and goes on where it was, as far as the history goes. `"drop-oldest"`: it loses the oldest.
                `"latest"`: it gets the newest event for each key. A `chirp:gap` tells of what was lost.
            key: For `"latest"`: a function of a value that tells what it is about.
            filter: A function of a value that tells whether this subscriber gets it; default: it gets all.

        Raises:
            ConfigurationError: An argument that cannot work.
        """
        _check_count("replay", replay, least=0)
        _check_count("buffer", buffer, least=1)
        if overflow not in OVERFLOW:
            raise ConfigurationError(f"overflow is {overflow!r}; it must be one of {', '.join(map(repr, OVERFLOW))}")
        if (overflow == "latest") != (key is not None):
            raise ConfigurationError("overflow='latest' needs key, a function of a value, and nothing else takes it")
        self._log.forget(self._now())
        position, missed = self._position(last_event_id, replay)
        return Subscription(self, position, missed, buffer=buffer, overflow=overflow, key=key, filter=filter)

    @property
    def cursor(self) -> str:
        """The id of the newest event: put it into a page, and nothing is lost between rendering and subscribing."""
        return self.id_of(self._log.last)

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

    def close(self) -> None:
        """Take no more events; every subscription ends when it has had what there is. Never blocks."""
        self.is_closed = True
        for subscription in tuple(self._open):
            subscription.wake()
        self._observers.close()

    # -- for subscriptions ----------------------------------------------------------------------------------------------

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

    def encoded_since(self, number: int, event_type: str | None, render: Render | None) -> tuple[bytes, int]:
        """Events after that number as bytes, some kilobytes at most, and the number of the last of them."""
        return self._chunks.since(number, event_type, render)

    @property
    def log(self) -> Log:
        """The events that are remembered."""
        return self._log

    def id_of(self, number: int) -> str:
        """The id of the event with that number."""
        return f"{self._epoch}-{number}"

    def gap(self, missed: int | None, number: int) -> Published:
        """What tells a client that events are missing before this one; how many, if that is known."""
        value = {"topic": self.name, "missed": missed}
        content = prepare(SSEEvent(value, "chirp:gap"), None)
        return Published(value, content, self.name, self.id_of(number), number, self._now())

    def _keep(self) -> None:
        # Who is behind reads from the log, so it has to go back as far as anybody may be.
        self._log.most = max([self._history, *self._buffers])

    def _now(self) -> float:
        """The time, if events have an age: a topic whose events have none can be used before trio runs."""
        return trio.current_time() if self._max_age is not None else 0.0

    def _position(self, last_event_id: str | None, replay: int) -> tuple[int, int | None]:
        """After which event a subscriber goes on, and how many it has missed before that; None: nobody knows."""
        last, first = self._log.last, self._log.first
        if last_event_id:
            for id in last_event_id.split(SEPARATOR):  # that of several topics, if it comes from a stream of merged ones
                epoch, _, digits = id.rpartition("-")
                if (
                    epoch == self._epoch
                    and digits.isascii()
                    and digits.isdigit()
                    and len(digits) < 20
                    and int(digits) <= last
                ):
                    number = max(int(digits), first - 1)
                    return number, number - int(digits)
        return max(last - replay, first - 1), None if last_event_id else 0


def _check_count(name: str, value: object, *, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigurationError(f"{name} is {value!r}; it must be a whole number, {least} or more")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
