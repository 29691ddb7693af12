"""The scenes of `check_store()`: what is published to a topic with a store, and what its subscribers must get."""

import secrets
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

import trio

from ..topics import Published, Store, Subscription, Topic, merge
from ..topics.published import encode_published
from ..wire import Comment, SSEEvent

type Scene = Callable[[Store], Awaitable[None]]

SCENES: list[Scene] = []
SHARED_SCENES: list[Scene] = []


def _scene(function: Scene) -> Scene:
    SCENES.append(function)
    return function


def _shared_scene(function: Scene) -> Scene:
    SHARED_SCENES.append(function)
    return function


def new_name() -> str:
    """A name that no other topic has."""
    return f"check-{secrets.token_hex(6)}"


def expect(came: object, expected: object) -> None:
    """Raise unless they are the same."""
    if came != expected:
        raise AssertionError(f"{came!r:.1000} came, and {expected!r:.1000} was expected")


async def _next(subscription: Subscription, count: int) -> list[Published]:
    async with aclosing(aiter(subscription)) as events:
        return [await anext(events) for _ in range(count)]


async def _values(subscription: Subscription, count: int) -> list[object]:
    return [event.value for event in await _next(subscription, count)]


@_scene
async def _restarts(store: Store) -> None:
    """A client that comes back after any number of restarts gets what it has missed, and then what is new."""
    name = new_name()
    ids: list[str] = []
    for start in range(3):
        async with Topic(name, store=store) as topic:
            ids.append(topic.cursor)
            for number in range(2):
                ids.append(await topic.publish([start, number]))  # noqa: PERF401 - one after the other
    everything: list[object] = [[start, number] for start in range(3) for number in range(2)]
    async with Topic(name, store=store) as topic:
        await topic.publish("new")
        had = [0, 1, 2, 2, 3, 4, 4, 5, 6]  # of each id, the cursors among them: how many events come before it
        for place, id in zip(had, ids, strict=True):
            expected = [*everything[place:], "new"]
            expect(await _values(topic.subscribe(id), len(expected)), expected)


@_scene
async def _silence(store: Store) -> None:
    """The cursor of a topic to which nothing was ever published outlives its restarts."""
    name = new_name()
    async with Topic(name, store=store) as topic:
        cursor = topic.cursor
    async with Topic(name, store=store):
        pass
    async with Topic(name, store=store) as topic:
        await topic.publish("first")
        expect(await _values(topic.subscribe(cursor), 1), ["first"])


@dataclass
class _Point:
    x: int


_KINDS = [
    *("text", "", "two\nlines \0 and \u2028 ß", {"a": [1, 2.5, None, True]}, 7, None, _Point(3), [(1, 2)], float("nan")),
    *(Comment("psst"), SSEEvent({"a": 1}, event="e"), SSEEvent("7", event=""), SSEEvent(7, retry=0), "x" * 100_000),
]


@_scene
async def _kinds(store: Store) -> None:
    """An event of any kind is the same when it is published and after a restart."""
    name = new_name()
    sent: list[list[object]] = []
    for start in range(2):
        async with Topic(name, store=store) as topic:
            everything = topic.subscribe(replay=0 if start == 0 else len(_KINDS))
            for value in _KINDS if start == 0 else ():
                await topic.publish(value)
            events = await _next(everything, len(_KINDS))
            sent.append([(event.id, repr(event.value), event.event, encode_published(event, "e", None)) for event in events])
    expect(sent[1], sent[0])


@_scene
async def _crowd(store: Store) -> None:
    """Many publishers at once: there is one order, and it outlives a restart."""
    name = new_name()
    ids: dict[object, str] = {}

    async def publish(topic: Topic, number: int) -> None:
        ids[number] = await topic.publish(number)

    async with Topic(name, store=store) as topic:
        everything = topic.subscribe()
        async with trio.open_nursery() as nursery:
            for number in range(200):
                nursery.start_soon(publish, topic, number)
        before = [(event.id, event.value) for event in await _next(everything, 200)]
    expect({value: id for id, value in before}, ids)
    async with Topic(name, store=store) as topic:
        expect([(event.id, event.value) for event in await _next(topic.subscribe(replay=200), 200)], before)


@_scene
async def _bounds(store: Store) -> None:
    """Forgotten events are reported as a gap, with their number."""
    name = new_name()
    async with Topic(name, store=store, history=3) as topic:
        ids = [await topic.publish(number) for number in range(10)]
    async with Topic(name, store=store, history=3) as topic:
        gap, *rest = await _values(topic.subscribe(ids[1]), 4)
        expect((gap, rest), ({"topic": name, "missed": 5}, [7, 8, 9]))


@_scene
async def _nobodys(store: Store) -> None:
    """An unknown id, or one of another topic, gives a gap of unknown size."""
    names = new_name(), new_name()
    async with Topic(names[0], store=store) as topic, Topic(names[1], store=store) as other:
        had = topic.subscribe(topic.cursor)
        await topic.publish("old")
        await _next(had, 1)
        for id in (await other.publish("other"), "nobody's"):
            events = aiter(topic.subscribe(id))
            expect((await anext(events)).value, {"topic": names[0], "missed": None})
            await topic.publish("new")
            expect((await anext(events)).value, "new")
            await events.aclose()


@_scene
async def _merged(store: Store) -> None:
    """One id for several topics outlives a restart."""
    names = new_name(), new_name()
    async with Topic(names[0], store=store) as a, Topic(names[1], store=store) as b:
        events = aiter(merge(a.subscribe(), b.subscribe()))
        await a.publish("a1")
        await b.publish("b1")
        here = [(await anext(events)).id for _ in range(2)][-1]
        await events.aclose()
        await a.publish("a2")
    async with Topic(names[0], store=store) as a, Topic(names[1], store=store) as b:
        await b.publish("b2")
        async with aclosing(aiter(merge(a.subscribe(here), b.subscribe(here)))) as events:
            expect(sorted([str((await anext(events)).value) for _ in range(2)]), ["a2", "b2"])


@_scene
async def _nowait(store: Store) -> None:
    """What was published without waiting is kept when the topic is closed, and its subscribers get all of it and end."""
    name = new_name()
    got: list[object] = []

    async def read(subscription: Subscription) -> None:
        got.extend([event.value async for event in subscription])

    async with trio.open_nursery() as nursery:
        async with Topic(name, store=store) as topic:
            nursery.start_soon(read, topic.subscribe(topic.cursor))
            for number in range(100):
                topic.publish_nowait(number)
        try:
            topic.publish_nowait("late")
        except trio.ClosedResourceError:
            pass
        else:
            raise AssertionError("a closed topic takes events")
    expect(got, list(range(100)))
    async with Topic(name, store=store) as topic:
        expect(await _values(topic.subscribe(replay=1000), 100), list(range(100)))


@_scene
async def _failure(store: Store) -> None:
    """An error in the block in which a topic is open comes out unchanged."""
    error = ValueError("the block's own")
    try:
        async with Topic(new_name(), store=store):
            raise error
    except Exception as came:
        expect(came, error)


@_shared_scene
async def _one_order(store: Store) -> None:
    """Several topics of one name, as in several processes: each gets what is published to any, and all in the same order."""
    name = new_name()

    async def publish(topic: Topic, who: int) -> None:
        for number in range(50):
            await topic.publish([who, number])

    async with Topic(name, store=store) as a, Topic(name, store=store) as b, Topic(name, store=store) as c:
        readers = [topic.subscribe() for topic in (a, b, c)]
        async with trio.open_nursery() as nursery:
            for who, topic in enumerate((a, b, c)):
                nursery.start_soon(publish, topic, who)
        came = [[(event.id, event.value) for event in await _next(reader, 150)] for reader in readers]
    expect(came[1], came[0])
    expect(came[2], came[0])
    for who in range(3):
        own = [value[1] for _, value in came[0] if isinstance(value, list) and value[0] == who]
        expect(own, list(range(50)))


@_shared_scene
async def _ahead(store: Store) -> None:
    """A client that comes from another process, with an id that is not here yet, gets nothing twice and misses nothing."""
    name, other = new_name(), new_name()
    async with Topic(name, store=store) as a, Topic(name, store=store) as b, Topic(other, store=store) as beside:
        for number in range(20):
            id = await a.publish(number)
            subscriptions = b.subscribe(id), merge(b.subscribe(f"{id},{beside.cursor}"), beside.subscribe(beside.cursor))
            async with aclosing(aiter(subscriptions[0])) as alone, aclosing(aiter(subscriptions[1])) as merged:
                for events in (alone, merged):
                    await a.publish("next")
                    expect((await anext(events)).value, "next")
                    if events is alone:
                        expect((await anext(merged)).value, "next")
