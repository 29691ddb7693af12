"""`Topic`: one publisher or many, any number of subscribers, and a memory of what was published."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, override

import trio

from ..errors import ConfigurationError
from ..wire import JSONDefault, json_encoder
from .audience import Audience
from .checks import check_count, check_function
from .epochs import Ids
from .history import History, Place
from .log import Log
from .opening import Openable, closed_at_last
from .published import Prepare, Published, prepare
from .storage import Delivery, Record, Store
from .subscription import OVERFLOW, Overflow, Subscription

_PUBLISH = "in a thread, such as that of a plain handler, call topic.publish_from_thread(value)"


class Topic(Audience, Openable):
    """What is published here reaches every subscriber, in order, without the publisher waiting for any of them.

    A topic is one audience: whoever may subscribe to it may see all of it, its history too. It lives in one process, and
    belongs to one trio run. `app.topic()` makes one that can render fragments.

    With a `store` its history survives the process: an event is written first, and reaches the subscribers then. Such a
    topic has to be open: `async with topic:` reads the history, and in the end writes what is left, within ten seconds.
    An app opens what `app.topic()` has made before it started.

    Args:
        name: What to call it, in the log and in messages.
        history: How many events are remembered for those who reconnect, at least; default 1000. While somebody is subscribed,
            they are as many as its `buffer` allows it to be behind, and 0 remembers none only while nobody is.
        history_bytes: How many bytes they may have together; default 16 MiB.
        max_age: Seconds after which an event is forgotten; default: never.
        store: Where the history is kept; default: in memory.
        json_default: A function of a value that JSON has not, which returns one that it has, or raises `TypeError`;
            default: such values are refused. `app.topic()` sets it to the app's.
        prepare: Renders a fragment when it is published; default: fragments are refused. `app.topic()` sets it.

    Raises:
        ConfigurationError: An argument that cannot work; the message names what is allowed.
        StoreError: It is being opened, and the store cannot be used.
        RuntimeError: It has a store, and is used before it is open; or it is opened twice.

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
            raise ConfigurationError(f"the name of a topic is {name!r}; it must be text")
        if store is not None and not isinstance(store, Store):
            raise TypeError(f"store is {store!r}; it must be a Store, such as a SQLiteStore, or None")
        check_function("prepare", prepare)
        Openable.__init__(self, f"the topic {name!r}")
        Audience.__init__(self, name, History(history, history_bytes, max_age))
        self.is_closed = False
        self._prepare = prepare
        self._encode_json = json_encoder(json_default)
        self._journal = store.journal(Delivery(self, self._history)) if store is not None else None
        self._is_ready = store is None  # whether the history is what it should be

    # -- publishing -----------------------------------------------------------------------------------------------------

    def publish_nowait(self, value: object) -> str:
        """Publish a value: whatever an `EventStream` may yield. Never blocks, and waits for nobody.

        It is taken as it is now, a fragment with the variables that it has now. With a store, subscribers get it once it is
        written; should that fail, the log says so, and they get a `chirp:gap`.

        Returns:
            The event's id.

        Raises:
            TypeError: The value can neither be sent nor rendered. Nobody gets anything then.
            ValueError: It holds what cannot be carried, or has an id of its own.
            trio.ClosedResourceError: The topic is closed.
            trio.WouldBlock: With a store: too much waits to be written.
            RuntimeError: It was called in a thread that is not trio's; there is `publish_from_thread()`.
        """
        self._check_here("publish_nowait()", _PUBLISH)
        if self.is_closed:
            raise trio.ClosedResourceError(f"the topic {self.name!r} is closed")
        content = prepare(value, self._prepare, self._encode_json)  # first, because a template may publish as well
        if self._journal is not None:
            self._check_ready()
            return self._journal.publish_nowait(Record.of(value, content))
        history = self._history
        number = history.log.last + 1
        event = Published(value, content, self.name, history.epochs.id_of(number), number, history.now())
        self.deliver(event)
        return event.id

    async def publish(self, value: object, *, wait: Subscription | None = None) -> str:
        """As `publish_nowait()`, and a checkpoint.

        With a store it waits for room, and then until the event is written and on its way to the subscribers. Whoever is
        cancelled in that time may have published it or not.

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
            StoreError: It could not be written, so nobody gets it.
        """
        if wait is not None and wait.topic is not self:
            raise ConfigurationError(f"wait is a subscription to {wait.topic.name!r}; it must be one to {self.name!r}")
        self.trio_run.check("Topic.publish()", _PUBLISH, is_bound=True)
        await trio.lowlevel.checkpoint()
        if wait is not None:
            await wait.wait_for_room()
        if self._journal is None:
            return self.publish_nowait(value)
        if self.is_closed:
            raise trio.ClosedResourceError(f"the topic {self.name!r} is closed")
        content = prepare(value, self._prepare, self._encode_json)
        self._check_ready()
        return await self._journal.publish(Record.of(value, content))

    def publish_from_thread(self, value: object) -> str:
        """As `publish_nowait()`, from a thread: that of a plain handler, or any other, such as one of another library's.

        It waits until trio's thread has published it.

        Returns:
            The event's id.

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
        if not self.trio_run.is_known:
            raise RuntimeError(
                f"the topic {self.name!r} has not been used in trio yet, so a thread that trio has not started does not find "
                "the way there; call trio.from_thread.run_sync(topic.publish_nowait, value, trio_token=token) with the "
                "token that trio.lowlevel.current_trio_token() gives in trio"
            )
        return self.trio_run.enter(self.publish_nowait, value)

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
            TypeError: One that is no text or no function where it must be.
        """
        check_count("replay", replay, least=0)
        check_count("buffer", buffer, least=1)
        if overflow not in OVERFLOW:
            raise ConfigurationError(f"overflow is {overflow!r}; it must be one of {', '.join(map(repr, OVERFLOW))}")
        if (overflow == "latest") != (key is not None):
            raise ConfigurationError("overflow='latest' needs key, a function of a value, and nothing else takes it")
        check_function("filter", filter)
        check_function("key", key)
        if last_event_id is not None and not isinstance(last_event_id, str):
            raise TypeError(f"last_event_id is {last_event_id!r}; it must be text, such as request.last_event_id, or None")
        self._check_ready()
        options = {"buffer": buffer, "overflow": overflow, "key": key, "filter": filter}
        return self.trio_run.enter(lambda: self._subscription(last_event_id, replay, options))

    @property
    def cursor(self) -> str:
        """The id of the newest event: put it into a page, and nothing is lost between rendering and subscribing."""
        self._check_ready()
        return self.trio_run.enter(lambda: self.id_of(self.log.last))

    def close(self) -> None:
        """Take no more events; every subscription ends when it has had what there is. Never blocks.

        Raises:
            RuntimeError: It was called in a thread that is not trio's; `trio.from_thread.run_sync(topic.close)` leads back.
        """
        self.trio_run.check("Topic.close()", "in a thread, call trio.from_thread.run_sync(topic.close)")
        self.is_closed = True
        if self._journal is not None:
            self._journal.end()
        self.wake()
        self._observers.close()

    @override
    def opened(self) -> AbstractAsyncContextManager[None]:
        """See `Openable`. With a store there may be several owners, and the last one who leaves closes the topic."""
        return self._journal.opened() if self._journal is not None else closed_at_last(self)

    @override
    def check_thread(self) -> None:
        self.trio_run.check("async with topic", "use it in a task of trio's", is_bound=self._journal is not None)

    # -- for its journal ------------------------------------------------------------------------------------------------

    def begin(self, log: Log, ids: Ids) -> None:
        """Go on with this history."""
        self._history.begin(log, ids)
        self._is_ready = True
        self.is_closed = False
        self._observers.open()

    # -- for subscriptions ----------------------------------------------------------------------------------------------

    @property
    @override
    def is_over(self) -> bool:
        return self.is_closed and (self._journal is None or self._journal.is_empty)

    def _subscription(self, last_event_id: str | None, replay: int, options: dict[str, Any]) -> Subscription:
        self._check_here("subscribe()", "events with a max_age need trio's clock")
        place = self._history.find(last_event_id, replay)
        is_sought = place.missed is None and self._journal is not None
        find = partial(self._seek, last_event_id or "", replay) if is_sought else None
        return Subscription(self, place, find=find, **options)

    async def _seek(self, last_event_id: str, replay: int) -> Place:
        """The place of a client with an id that is not known here: it may be ahead of this process."""
        assert self._journal is not None
        await self._journal.find(last_event_id)
        return self._history.find(last_event_id, replay)

    def _check_here(self, call: str, cure: str) -> None:
        # What has no age, and is not written, may be used before trio runs.
        self.trio_run.check(f"Topic.{call}", cure, is_bound=self._history.needs_clock or self._journal is not None)

    def _check_ready(self) -> None:
        if not self._is_ready:
            raise RuntimeError(
                f"the topic {self.name!r} has a store, and is not open: use `async with topic:`, or make it with "
                "app.topic(...) before the app starts, which opens it then; for a mounted one, `app.running()` does"
            )
