"""`Topic`: one publisher or many, any number of subscribers, and a memory of what was published."""

from collections.abc import AsyncGenerator, Callable, Mapping
from types import TracebackType
from typing import Any, Self

import trio

from ..arguments import check_function
from ..errors import ConfigurationError
from ..wire import JSONDefault, json_encoder
from .audience import Audience
from .history import History
from .opening import Opening
from .overflow import Overflow
from .presence import Presence
from .published import Prepare, Published, prepare
from .storage import Delivery, Store
from .storage.record import record_of
from .storage.sharing import check_store_of
from .subscriber import Subscriber
from .subscribing import SubscribeOptions
from .subscription import Subscription, subscriber_of

_PUBLISH = "in a thread, such as that of a plain handler, call topic.publish_from_thread(value)"


class Topic:
    """Sends each published value to every subscriber, in order. The publisher waits for none of them.

    A client that may subscribe to a topic may see all of its events, also those of its history. A topic lives in one process,
    and belongs to one trio run. `app.topic()` makes one that can render fragments.

    With a `store` the history survives a restart: an event is written first, and then reaches the subscribers. Such a topic
    has to be open: `async with topic:` reads the history, and at the end writes what still waits, within ten seconds. An app
    opens the topics that `app.topic()` has made before the app starts.

    Args:
        name: The topic's name, for the log and for messages.
        history: How many events are kept for clients that come back, at least; default 1000. While a subscription has a
            larger `buffer`, as many as that are kept. With 0, none are kept while there are no subscriptions.
        history_bytes: How many bytes these events may have together; default 16 MiB.
        max_age: Seconds after which an event is forgotten; default: never.
        store: Keeps the history; default: it is kept in memory.
        json_default: Called with a value of a type that JSON does not know; it returns one that JSON knows, or raises
            `TypeError`; default: such values are refused. `app.topic()` sets it to the app's.
        prepare: Renders a fragment when it is published; default: fragments are refused. `app.topic()` sets it.

    Raises:
        TypeError: An argument has a wrong type.
        ConfigurationError: An argument has a value that cannot work; the message names what is allowed. Or this process is
            one of several (`chirp-trio run --workers`), and the store is not one that they share.
        StoreError: The topic is being opened, and its store cannot be used.
        RuntimeError: The topic has a store, and is used before it is open; or it is opened twice.

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
        store: Store | None = None,
        json_default: JSONDefault | None = None,
        prepare: Prepare | None = None,
    ) -> None:
        if not isinstance(name, str) or not name:
            kind = ConfigurationError if name == "" else TypeError
            raise kind(f"the name of a topic is {name!r:.200}; it must be text, and not empty")
        check_store_of(name, store)
        check_function("prepare", prepare)
        self._history = History(history, history_bytes, max_age)
        self._audience = Audience(name, self._history)
        self._opening = Opening(f"the topic {name!r}")
        self._prepare = prepare
        self._encode_json = json_encoder(json_default)
        self._journal = store.journal(Delivery(self._audience, self._history)) if store is not None else None
        self._audience.journal = self._journal
        self._audience.is_ready = store is None

    # -- publishing -----------------------------------------------------------------------------------------------------

    def publish_nowait(self, value: object) -> str:
        """Publish a value: any item that a source may yield. Never blocks.

        The value is taken as it is now, and a fragment is rendered with its variables as they are now. With a store,
        subscribers get the event when it is written; if that fails, the log says so, and they get a `chirp:gap`.

        Returns:
            The event's id.

        Raises:
            TypeError: The value cannot be sent. Nothing is published then.
            ValueError: It holds text that cannot be sent, or is an event with an id.
            ConfigurationError: It is a fragment, and the topic is none of an app.
            TemplateError: It is a fragment that cannot be rendered.
            trio.ClosedResourceError: The topic is closed.
            trio.WouldBlock: With a store: too many events wait to be written.
            RuntimeError: It was called in a thread that is not trio's; there is `publish_from_thread()`.
        """
        self._check_here("publish_nowait()", _PUBLISH)
        audience, history = self._audience, self._history
        if audience.is_closed:
            raise trio.ClosedResourceError(f"the topic {audience.name!r} is closed")
        content = prepare(value, self._prepare, self._encode_json)  # first, because a template may publish as well
        if self._journal is not None:
            audience.check_ready()
            return self._journal.publish_nowait(record_of(value, content))
        number = history.log.last + 1
        event = Published(value, content, audience.name, history.epochs.id_of(number), number, history.now())
        history.log.append(event)
        audience.seats.deliver(event)
        return event.id

    async def publish(self, value: object, *, wait: Subscription | None = None) -> str:
        """As `publish_nowait()`, and a checkpoint; it returns the event's id too.

        With a store it waits for room, and then until the event is written and on its way to the subscribers. If the call is
        cancelled in that time, the event may have been published or not.

        Args:
            value: Any item that a source may yield.
            wait: A subscription to this topic that must not lose events: wait first while it is as far behind as its
                `buffer` allows. There is no wait while it is not being read. Default: no wait.

        Raises:
            TypeError: See `publish_nowait()`.
            ValueError: See `publish_nowait()`.
            TemplateError: See `publish_nowait()`.
            ConfigurationError: See `publish_nowait()`. Or `wait` is a subscription to another topic.
            trio.ClosedResourceError: The topic is closed.
            StoreError: The event could not be written, so no subscriber gets it.
        """
        waited_for = subscriber_of(wait) if wait is not None else None
        if waited_for is not None and waited_for.audience is not self._audience:
            raise ConfigurationError(
                f"wait is a subscription to {waited_for.audience.name!r}; it must be one to {self.name!r}"
            )
        self._audience.run.check("Topic.publish()", _PUBLISH, is_bound=True)
        await trio.lowlevel.checkpoint()
        if waited_for is not None:
            await self._audience.wait_for_room(waited_for.seat)
        if self._journal is None:
            return self.publish_nowait(value)
        if self.is_closed:
            raise trio.ClosedResourceError(f"the topic {self.name!r} is closed")
        content = prepare(value, self._prepare, self._encode_json)
        self._audience.check_ready()
        return await self._journal.publish(record_of(value, content))

    def publish_from_thread(self, value: object) -> str:
        """As `publish_nowait()`, from a thread: that of a plain handler, or any other, such as one of another library.

        It waits until trio's thread has published the value, and returns the event's id.

        Raises:
            RuntimeError: It was called in trio's own thread; or in a thread that trio has not started, before the topic was
                used in trio.
            trio.RunFinishedError: Trio has come to its end.
        """
        if trio.lowlevel.in_trio_run():
            raise RuntimeError(
                "Topic.publish_from_thread() was called in trio's own thread, for which it would wait; call "
                "topic.publish_nowait(value) there"
            )
        if not self._audience.run.is_known:
            raise RuntimeError(
                f"the topic {self.name!r} has not been used in trio yet, so a thread that trio has not started does not find "
                "the way there; call trio.from_thread.run_sync(topic.publish_nowait, value, trio_token=token) with the "
                "token that trio.lowlevel.current_trio_token() gives in trio"
            )
        return self._audience.run.enter(self.publish_nowait, value)

    # -- subscribing ----------------------------------------------------------------------------------------------------

    def subscribe(
        self,
        last_event_id: str | None = None,
        *,
        replay: int = 0,
        buffer: int = 1000,
        overflow: Overflow = "disconnect",
        key: Callable[[Any], object] | None = None,
        filter: Callable[[Any], bool] | None = None,
        member: str | None = None,
    ) -> Subscription:
        """A source for an `EventStream`, or for `async for`: the events that are published from now on.

        For a client that comes back, it begins with the events that the client has missed. If these are no longer known, or
        the id is unknown, an event named `chirp:gap` comes first, and the page can load itself again.

        Args:
            last_event_id: The id of the client's last event, `request.last_event_id`; default: a new client, without one.
            replay: How many events of the history a new client gets first; default 0.
            buffer: How many events a subscriber may be behind; default 1000.
            overflow: What happens to a subscriber that is further behind. `"disconnect"` (the default): its stream ends; a
                browser connects again, and goes on where it was, as far as the history goes. `"drop-oldest"`: it loses the
                oldest. `"latest"`: it gets the newest event for each key. A `chirp:gap` tells how many were lost.
            key: For `"latest"`: a function of a value that tells what the value is about.
            filter: A function of a value that tells whether this subscriber gets it; default: it gets all.
            member: The subscriber's name, such as a user's, for `members` and `presence()`; default: none.

        Raises:
            ConfigurationError: An argument has a value that cannot work.
            TypeError: An argument that must be text, or a function, is not.
            ValueError: `member` holds text that cannot be sent.
        """
        options = SubscribeOptions(last_event_id, replay, buffer, overflow, key, filter, member)
        self._audience.check_ready()

        def make() -> Subscription:
            self._check_here("subscribe()", "events with a max_age need trio's clock")
            return Subscription(Subscriber(self._audience, options))

        return self._audience.run.enter(make)

    @property
    def cursor(self) -> str:
        """The id of the newest event. In a page's URL of the stream, it makes the stream begin where the page ends."""
        self._audience.check_ready()
        return self._audience.run.enter(lambda: self._history.id_of(self._history.log.last))

    def close(self) -> None:
        """Take no more events; each subscription ends when it has had all events. Never blocks.

        Raises:
            RuntimeError: It was called in a thread that is not trio's; `trio.from_thread.run_sync(topic.close)` leads back.
        """
        self._audience.run.check("Topic.close()", "in a thread, call trio.from_thread.run_sync(topic.close)")
        self._audience.close()

    async def __aenter__(self) -> Self:
        self._check_thread()
        await self._opening.enter(self._audience.opened())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        self._check_thread()
        return await self._opening.leave(kind, error, traceback)

    # -- its state ------------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The topic's name."""
        return self._audience.name

    @property
    def is_closed(self) -> bool:
        """Whether the topic takes no more events."""
        return self._audience.is_closed

    @property
    def subscribers(self) -> int:
        """How many subscriptions are being read now, in all processes that the store joins."""
        return self._audience.attendance.count

    @property
    def members(self) -> Mapping[str, int]:
        """For each `member`, how many of its subscriptions are being read now, in all processes that the store joins."""
        return self._audience.attendance.members

    def presence(self) -> AsyncGenerator[Presence]:
        """A `Presence` for each subscription that comes or goes, from the first `await` on; the newest thousand wait.

        Example:
            >>> async def watch(topic):
            ...     async for change in topic.presence():
            ...         print(change.kind, change.subscribers)
        """
        return self._audience.presence()

    # -- where it may be used -------------------------------------------------------------------------------------------

    def _check_here(self, call: str, cure: str) -> None:
        run = self._audience.run
        if trio.lowlevel.in_trio_run() and trio.lowlevel.current_trio_token() is run.token:
            return
        # A topic without an age of events and without a store may be used before trio runs.
        run.check(f"Topic.{call}", cure, is_bound=self._history.needs_clock or self._journal is not None)

    def _check_thread(self) -> None:
        self._audience.run.check("async with topic", "use it in a task of trio's", is_bound=self._journal is not None)


def audience_of(topic: Topic) -> Audience:
    """The audience of a topic, for the rest of the library."""
    return topic._audience
