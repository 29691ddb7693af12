"""Scenes of `check_store()` for stores that count members, or send notices, across processes."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import trio
import trio.testing

from ..topics import Journal, Store, Topic
from ..topics.topic import audience_of
from .store_scenes import expect, new_name

_PAUSE = 0.01  # seconds between two checks


async def notices_are_heard(store: Store) -> None:
    """A notice reaches all listeners, and none whose block has been left."""
    if type(store).tell is Store.tell and type(store).heard is Store.heard:
        return
    mark = new_name()  # other users of the store may send notices meanwhile
    told = {f"{mark} {text}" for text in ("", "close ada", "two\nlines \0 and \u2028 ß", "x" * 10_000)}
    heard: tuple[list[str], list[str], list[str]] = [], [], []

    def of(listener: int) -> set[str]:
        return {notice for notice in heard[listener] if notice.startswith(mark)}

    async with Topic(new_name(), store=store):
        with suppress(ZeroDivisionError), store.heard(heard[2].append):
            raise ZeroDivisionError
        with store.heard(heard[0].append):
            with store.heard(heard[1].append):
                for notice in told:
                    store.tell(notice)
                for listener in range(2):
                    await _becomes(of, listener, told)
            store.tell(f"{mark} later")
            await _becomes(of, 0, {*told, f"{mark} later"})
        expect(of(1), told)
        expect(of(2), set())


async def members_are_known(store: Store) -> None:
    """Several topics of one name, as in several processes: each knows the members of all, until their subscriptions end."""
    name = new_name()
    changes: list[tuple[str, str | None]] = []

    async def watch(topic: Topic) -> None:
        changes.extend([(change.kind, change.member) async for change in topic.presence()])

    async def read(topic: Topic, member: str | None, scope: trio.CancelScope) -> None:
        with scope:
            async for _ in topic.subscribe(member=member):
                pass

    def enter(topic: Topic, member: str | None) -> trio.CancelScope:
        scope = trio.CancelScope()
        nursery.start_soon(read, topic, member, scope)
        return scope

    def seen(topic: Topic) -> tuple[int, dict[str, int]]:
        return topic.subscribers, dict(topic.members)

    async with trio.open_nursery() as nursery, Topic(name, store=store) as here:
        journal = audience_of(here).journal
        if journal is None or type(journal).count_here is Journal.count_here:
            return
        nursery.start_soon(watch, here)
        await trio.testing.wait_all_tasks_blocked()  # it watches
        there = Topic(name, store=store)
        async with there, Topic(new_name(), store=store) as beside:
            ada, also_ada = enter(here, "ada"), enter(there, "ada")
            for topic, member in ((there, None), (there, "ada: ü,"), (there, ""), (beside, "bob")):
                enter(topic, member)
            everybody = 5, {"ada": 2, "ada: ü,": 1, "": 1}
            for topic in (here, there):
                await _becomes(seen, topic, everybody)
            await _becomes(seen, beside, (1, {"bob": 1}))
            async with Topic(name, store=store) as late:
                await _becomes(seen, late, everybody)
            also_ada.cancel()
            for topic in (here, there):
                await _becomes(seen, topic, (4, everybody[1] | {"ada": 1}))
        await _becomes(seen, here, (1, {"ada": 1}))
        ada.cancel()
        async with there:
            for topic in (here, there):
                await _becomes(seen, topic, (0, {}))
    both = [(kind, member) for kind in ("join", "leave") for member in ("ada", "ada", None, "ada: ü,", "")]
    expect(Counter(changes), Counter(both))


async def _becomes[T](look: Callable[[T], object], at: T, expected: object) -> None:
    """Wait until `look(at)` is as expected, for half of the time that is left: another process may know a moment later."""
    with trio.move_on_at((trio.current_time() + trio.current_effective_deadline()) / 2):
        while look(at) != expected:  # noqa: ASYNC110 - there is no event to wait for
            await trio.sleep(_PAUSE)
    expect(look(at), expected)
