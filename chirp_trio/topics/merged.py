"""Several topics on one stream, with one id that tells the client's place in all of them."""

from collections import deque
from collections.abc import Awaitable, Iterable, Sequence
from typing import override

import trio

from ..errors import ConfigurationError
from ..stream.push_source import PushSource, Sink
from ..stream.waiting import ParkingSpot
from .history import SEPARATOR
from .published import Placed, Published, with_id
from .subscriber import TELL_AFTER, Subscriber
from .subscription import Reader, Subscription, subscriber_of
from .topic import Topic


def merge(*subscriptions: Subscription) -> Merged:
    """A source for an `EventStream`, or for `async for`: the events of several topics, those of each in order.

    A browser opens no more than six connections to a host over HTTP/1.1, and every page needs one for each stream: so a page
    that shows several topics has one stream of all of them. Its ids tell the place in each of the topics; give the whole of
    what comes back, `request.last_event_id`, to each `subscribe()`, and each finds its own.

    It ends when all the topics are closed, or when one of the subscriptions is too far behind and has the `overflow` policy
    `"disconnect"`. The subscriptions are read by it, and cannot be read elsewhere.

    Args:
        *subscriptions: One for each topic.

    Raises:
        ConfigurationError: No subscription is given, or two to the same topic.
        RuntimeError: One of them is being read already, when the source is opened.

    Example:
        >>> news, sport = Topic("news"), Topic("sport")
        >>> async def handler(request):
        ...     here = request.last_event_id
        ...     return EventStream(merge(news.subscribe(here), sport.subscribe(here)))
    """
    for subscription in subscriptions:
        if not isinstance(subscription, Subscription):
            raise ConfigurationError(f"merge() got {subscription!r}; it takes what Topic.subscribe() returns")
    if not subscriptions:
        raise ConfigurationError("merge() got nothing; it takes a subscription to each of the topics")
    parts = tuple(map(subscriber_of, subscriptions))
    _check_names([part.audience.name for part in parts], [part.audience for part in parts])
    return Merged(_Merged(parts))


def merge_cursors(*topics: Topic) -> str:
    """The cursor of a page that shows several topics: put it into the page, and its stream goes on from there.

    Args:
        *topics: The topics that the page's stream merges, in any order.

    Raises:
        ConfigurationError: No topic is given, or the same one twice.

    Example:
        >>> news, sport = Topic("news"), Topic("sport")
        >>> merge_cursors(news, sport) == f"{news.cursor},{sport.cursor}"
        True
    """
    if not topics:
        raise ConfigurationError("merge_cursors() got nothing; it takes topics")
    for topic in topics:
        if not isinstance(topic, Topic):
            raise ConfigurationError(f"merge_cursors() got {topic!r}; it takes topics")
    _check_names([topic.name for topic in topics], topics)
    return _join([topic.cursor for topic in topics])


class Merged(PushSource):
    """The events of several subscriptions. Made by `merge()`; read once."""

    __slots__ = ("_merged",)

    def __init__(self, merged: _Merged) -> None:
        self._merged = merged

    def __aiter__(self) -> Reader:
        """The events as they come; their ids are the place in all the topics."""
        return self._merged.reader()

    @override
    def _push(self, sink: Sink) -> Awaitable[None]:
        return self._merged.push(sink)


class _Merged:
    """Several subscribers that one task reads together."""

    __slots__ = ("_ids", "_parts", "_read_from", "_spot")

    def __init__(self, parts: tuple[Subscriber, ...]) -> None:
        self._parts = parts
        self._ids: list[str | None] = []  # in each topic, the id after which the client would go on
        self._read_from: deque[tuple[Subscriber, Published]] = deque()  # the origin of each event that is not yet on its way
        self._spot = ParkingSpot()  # one task reads them all

    def reader(self) -> Reader:
        """A reader of the events as they come."""
        self._enter()
        misses_nothing = all(part.misses_nothing for part in self._parts)
        return Reader(self, self._parts[0].audience.run, _join(self._ids) if misses_nothing else None)

    async def next_batch(self) -> list[Published]:
        """See `Readable`."""
        await trio.lowlevel.checkpoint()
        await self._find_places()
        self._is_done_with_all()
        while not (events := self._read()):
            if not await self._wait(None):
                break
        return events

    async def push(self, sink: Sink) -> None:
        """Put events into the stream until the topics or one of the subscriptions are over."""
        self._enter()
        try:
            await self._find_places()
            told = self._progress
            if all(part.misses_nothing for part in self._parts):  # see `Subscriber.push`
                sink.writer.put_joined(sink.kind.encode_place(_join(self._ids)), 0)
            while True:
                self._is_done_with_all()
                events = self._read()
                for event in events:
                    await sink.send(event)
                    self.has_taken(event)
                if events:
                    told = self._progress
                    continue
                if self._progress - told >= TELL_AFTER:
                    told = self._progress
                    sink.writer.put_joined(sink.kind.encode_place(_join(self._ids)), 0)
                if not await self._wait(sink):
                    return
                await sink.writer.wait_for_space()  # a wait ends when there is none
        finally:
            self.leave()

    def has_taken(self, _event: Published) -> None:
        """See `Readable`. They are taken in the order in which they were read."""
        part, original = self._read_from.popleft()
        part.has_taken(original)

    def leave(self) -> None:
        """See `Readable`."""
        for part in self._parts:
            part.leave()

    def _enter(self) -> None:
        for part in self._parts:
            part.check_readable()
        for part in self._parts:
            part.enter()
        self._ids = [part.cursor for part in self._parts]

    async def _find_places(self) -> None:
        for place, part in enumerate(self._parts):
            await part.find_place()
            self._ids[place] = part.cursor

    def _is_done_with_all(self) -> None:
        for part in self._parts:
            part.seat.is_done_with_all()

    @property
    def _progress(self) -> int:
        return sum(part.seat.position for part in self._parts)

    def _read(self) -> list[Published]:
        """The next events of all topics, some of each, so that a busy topic does not hold up the others."""
        placed: list[Published] = []
        if any(part.is_over for part in self._parts):
            return placed
        for place, part in enumerate(self._parts):
            for event in part.read():
                self._ids[place] = event.id
                self._read_from.append((part, event))
                placed.append(Placed(event, _join(self._ids)))
            self._ids[place] = part.cursor  # further than the last event's id if later events were filtered out
        return placed

    def id_at(self, place: int) -> str:
        """The id, in all topics, of the event that one of them has just given."""
        self._ids[place] = self._parts[place].cursor
        return _join(self._ids)

    async def _wait(self, sink: Sink | None) -> bool:
        """Wait for the next event of any topic. False: there will be no more."""
        if any(part.is_over for part in self._parts) or all(part.audience.is_over for part in self._parts):
            return False
        for place, part in enumerate(self._parts):
            if sink is None or part.is_choosy:
                part.begin_waiting(self._spot, None)
            else:
                part.begin_waiting(self._spot, sink, _Part(self, place, sink))
        try:
            await self._spot.park()
        finally:
            for part in self._parts:
                part.end_waiting()
        return True


class _Part:
    """Puts the events of one topic into the merged stream at the moment when they are published."""

    __slots__ = ("_merged", "_place", "_writer")

    def __init__(self, merged: _Merged, place: int, sink: Sink) -> None:
        self._merged = merged
        self._place = place
        self._writer = sink.writer

    def put(self, encoded: bytes) -> bool:
        """See `Outlet`."""
        return self._writer.put(with_id(encoded, self._merged.id_at(self._place)))


def _join(ids: Iterable[str | None]) -> str:
    return SEPARATOR.join(id for id in ids if id is not None)


def _check_names(names: Iterable[str], topics: Sequence[object]) -> None:
    twice = [name for name, topic in zip(names, topics, strict=True) if topics.count(topic) > 1]
    if twice:
        raise ConfigurationError(f"the topic {twice[0]!r} is there twice; each topic can have one place only in an id")
