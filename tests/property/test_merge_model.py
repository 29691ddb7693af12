"""Merged topics against plain lists: of each topic a client sees what was published, in order, or is told of a gap.

A client comes and goes, and has nothing but the one id. Topics forget, start anew, are slow to be read, and lose what cannot
be written to their store. And for each piece that a client got there is one who has got nothing more, because it lost its
connection then: it comes back as well.
"""

import json
import tempfile
from functools import partial
from pathlib import Path
from typing import NamedTuple

import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from chirp_trio import SQLiteStore, Topic, merge
from chirp_trio.stream import open_stream_host
from chirp_trio.testing.clock import clock_held_for_threads
from chirp_trio.topics.topic import audience_of
from tests.lifecycle.stores import locked
from tests.property.reused import Reused, number_of, reuses
from tests.property.visitor import Visitor
from tests.strategies import examples

HISTORY = 6
# Whoever comes, or is told of a gap, has had everything that is special by then, in whatever order the topics are read.
PIECES = 3 * (HISTORY + 2)
BUFFER = 4
NAMES = ("a", "b", "c")


def wanted(number):
    """What the topic `b` is filtered by."""
    return number % 3 == 0


class Lost(NamedTuple):
    """What stands in the place of events that could not be written."""

    count: int


class World:
    """The topics, and what was published to each since its start: numbers, and what was lost."""

    def __init__(self, reuse, nursery):
        self.nursery = nursery
        self.topics, self.published = {}, {}
        self.places = {}  # of each id: how much had been published to its topic
        self.count = 0  # of all that was ever published
        self.messages = {name: Reused(*reuse, topic=name) for name in NAMES}

    async def start(self, name):
        self.topics[name] = Topic(name, history=HISTORY)
        self.published[name] = []
        self.places[self.topics[name].cursor] = 0

    def publish(self, name, count):
        for _ in range(count):
            self.count += 1
            self.published[name].append(self.count)
            id = self.messages[name].publish(self.topics[name], self.count)
            self.places[id or self.next_id(name)] = len(self.published[name])

    async def lose(self, _name, _count):
        """In memory nothing is lost."""

    async def wait_until_delivered(self):
        await trio.testing.wait_all_tasks_blocked()

    async def settle(self):
        """Return once nothing happens any more."""
        await trio.sleep(1)

    def end(self):
        """Nothing has to be closed."""

    def place_after_a_restart(self, _name, _place):
        """What has become of a place: it is nobody's."""
        return

    def may_have_forgotten(self, _name, _place):
        """Whether the id of that place may be one of a start of which no event is left."""
        return False

    def merged(self, last_event_id, overflow, replay):
        filters = {"b": lambda value: wanted(number_of(value))}
        options = {"buffer": BUFFER, "overflow": overflow, "replay": replay}
        return merge(
            *(topic.subscribe(last_event_id, filter=filters.get(name), **options) for name, topic in self.topics.items())
        )

    def place_of(self, name, id):
        """How much of a topic somebody has had who has this id."""
        known = {own for own in id.split(",") if own in self.places and self.is_of(name, own)}
        return max(self.places[own] for own in known)

    def is_of(self, name, id):
        return (
            audience_of(self.topics[name]).history.epochs.number_of(id, audience_of(self.topics[name]).log.last) is not None
        )


class StoredWorld(World):
    """The same, where the topics `b` and `c` have a store, and go on after a restart."""

    def __init__(self, store, reuse, nursery):
        super().__init__(reuse, nursery)
        self.ends = {}
        self.store = store

    async def start(self, name):
        if name == "a":
            await super().start(name)
            return
        if name in self.topics:
            self.ends[name].set()
            await self.settle_end(name)
        self.topics[name] = Topic(name, history=HISTORY, store=self.store)
        self.ends[name] = trio.Event()
        await self.nursery.start(self.own, self.topics[name], self.ends[name])
        self.published.setdefault(name, [])
        self.take_back(name)
        self.places[self.topics[name].cursor] = len(self.published[name])

    async def settle_end(self, _name):
        await trio.testing.wait_all_tasks_blocked()

    def take_back(self, name):
        """Take from what was published what is not there after a restart."""
        published = self.published[name]
        while published and isinstance(published[-1], Lost):  # it is written with what comes next
            published.pop()

    def refusing(self):
        """A block in which nothing can be written."""
        return locked(self.store)

    async def own(self, topic, end, task_status):
        async with topic:
            task_status.started()
            await end.wait()

    async def lose(self, name, count):
        if name != "a":
            await self.wait_until_delivered()
            topic = self.topics[name]
            with self.refusing():
                for _ in range(count):
                    topic.publish_nowait({"topic": name, "number": 3})
                await self.wait_until_delivered()
            self.published[name].append(Lost(count))
            self.places[topic.cursor.split(",")[0]] = len(self.published[name])

    async def wait_until_delivered(self):
        await trio.testing.wait_all_tasks_blocked()
        while not all(topic._journal is None or topic._journal.is_empty for topic in self.topics.values()):
            await trio.testing.wait_all_tasks_blocked(0.001)

    def end(self):
        for end in self.ends.values():
            end.set()

    def place_after_a_restart(self, name, place):
        return None if name == "a" else min(place, len(self.published[name]))

    def may_have_forgotten(self, name, place):
        return name != "a" and place < audience_of(self.topics[name]).log.first - 1


class Client(Visitor):
    """One who sees events, and remembers of each topic how far it is."""

    def __init__(self, world, pushed, overflow):
        super().__init__(pushed=pushed)
        self.world = world
        self.overflow = overflow
        self.places = {}  # how many of each topic it has had, or has been told that it has missed; None: nobody knows
        self.cut_off = []  # those who have had a part of it, and then lost their connections
        self.pieces = 0

    def come(self, nursery, host, replay=0):
        if self.scope is None:
            self.check()
            if self.last_event_id is None:
                logs = {name: audience_of(topic).log for name, topic in self.world.topics.items()}
                self.places = {name: max(0, log.last - replay, log.first - 1) for name, log in logs.items()}
            self.pieces = 0
            self.start(nursery, self.world.merged(self.last_event_id, self.overflow, replay), host)

    def cut(self, id):
        """Somebody like this one leaves here, with this id."""
        if self.pieces < PIECES:
            other = Client(self.world, self.pushed, self.overflow)
            other.places, other.last_event_id = dict(self.places), id
            self.cut_off.append(other)
        self.pieces += 1

    def restarted(self, name):
        """A topic has been started anew: the client's place in it is nobody's, or what was kept."""
        if self.places.get(name) is not None or name == "a":
            self.places[name] = self.world.place_after_a_restart(name, self.places.get(name))

    def check(self):
        arrived, self.arrived = self.arrived, []
        for event, id, _ in arrived:
            if event is not None:
                self.check_next(event)
            if event is not None and event.event == "chirp:gap":
                self.pieces = 0
            self.cut(id)

    def check_next(self, event):
        told = json.loads(event.data)
        name, before = told["topic"], self.places[told["topic"]]
        published = self.world.published[name]
        if event.event == "chirp:gap":
            self.places[name] = after = self.world.place_of(name, event.id)
            if before is None or (told["missed"] is None and self.world.may_have_forgotten(name, before)):
                assert told["missed"] is None
                return
            passed = published[before:after]
            most = sum(entry.count if isinstance(entry, Lost) else 1 for entry in passed)
            assert 0 < told["missed"] <= most
            assert self.those_wanted(name, passed) <= told["missed"]
        else:
            assert before is not None, "an id that is nobody's, and no gap"
            number = number_of(told)
            assert number in published[before:], "come twice"
            assert self.those_wanted(name, [number]), "nobody wanted it"
            after = published.index(number)
            assert self.those_wanted(name, published[before:after]) == 0, "lost without a word"
            self.places[name] = after + 1

    def those_wanted(self, name, entries):
        """How many it wants of the events of a topic, and how often it has to be told of others."""
        return sum(name != "b" or isinstance(entry, Lost) or wanted(entry) for entry in entries)

    def check_that_nothing_is_left_over(self):
        for name, numbers in self.world.published.items():
            assert self.places[name] is not None, "never told that its place is nobody's"
            assert self.those_wanted(name, numbers[self.places[name] :]) == 0, "never came"


which = st.integers(0, 1)
names = st.sampled_from(NAMES)
publishing = st.tuples(st.just("publish"), names, st.sampled_from([1, 1, 2, 3, 5, 20, 200]))
coming = st.tuples(st.just("come"), which, st.sampled_from([0, 0, 2, 100]))
steps = st.lists(
    st.one_of(
        publishing,
        publishing,
        publishing,
        coming,
        coming,
        st.tuples(st.sampled_from(["leave", "stall", "go on"]), which),
        st.tuples(st.just("restart"), names),
        st.tuples(st.just("lose"), names, st.sampled_from([1, 3])),
        st.sampled_from([("wait",), ("wait",), ("step",)]),
    ),
    max_size=40,
)
kinds = st.lists(st.tuples(st.booleans(), st.sampled_from(["disconnect", "drop-oldest"])), min_size=1, max_size=2)


@settings(max_examples=examples(200))
@given(kinds, steps, reuses)
def test_with_one_id_each_client_sees_exactly_what_was_published_to_each_topic_or_a_gap(kinds, script, reuse):
    trio.run(play, World, kinds, script, reuse, clock=trio.testing.MockClock(autojump_threshold=0))


@settings(max_examples=examples(60))
@given(kinds, steps, reuses)
def test_it_does_so_over_restarts_and_losses_where_some_of_the_topics_have_a_store(kinds, script, reuse):
    with tempfile.TemporaryDirectory() as folder:
        world = partial(StoredWorld, SQLiteStore(Path(folder, "topics.db"), timeout=0))
        trio.run(play, world, kinds, script, reuse, clock=trio.testing.MockClock(autojump_threshold=0))


async def play(new_world, kinds, script, reuse):
    with clock_held_for_threads():
        async with open_stream_host() as host, trio.open_nursery() as nursery:
            world = new_world(reuse, nursery)
            everybody = [Client(world, *kind) for kind in kinds]
            for name in NAMES:
                await world.start(name)
            for step in [*script, *(("come", number) for number in range(len(everybody)))]:
                await play_step(world, everybody, nursery, host, *step)
            await world.wait_until_delivered()
            await at_rest(world, everybody)
            everybody += [other for client in everybody for other in client.cut_off]
            while any(client.scope is None for client in everybody):  # it was too far behind, or cut off, and comes back
                for client in everybody:
                    client.come(nursery, host)
                await at_rest(world, everybody)
            for client in everybody:
                client.check_that_nothing_is_left_over()
            for topic in world.topics.values():
                topic.close()
            await at_rest(world, everybody)
            assert all(client.scope is None for client in everybody)
            assert [topic.subscribers for topic in world.topics.values()] == [0, 0, 0]
            world.end()


async def play_step(world, everybody, nursery, host, what, *arguments):
    match what, *arguments:
        case "publish", name, count:
            world.publish(name, count)
        case "lose", name, count:
            await world.lose(name, count)
        case "wait", *_:
            await world.wait_until_delivered()
        case "step", *_:
            await trio.lowlevel.checkpoint()
        case "restart", name:
            # As when a server is stopped: everybody is cut off, and all topics but those of others begin anew.
            await world.wait_until_delivered()
            await at_rest(world, everybody)
            for client in everybody:
                client.leave()
            await at_rest(world, everybody)
            await world.start(name)
            for client in everybody:
                for other in [client, *client.cut_off]:
                    other.restarted(name)
        case _, number, *options:
            client = everybody[number % len(everybody)]
            match what:
                case "come":
                    client.come(nursery, host, *options)
                case "leave":
                    client.leave()
                case "stall":
                    client.stall()
                case "go on":
                    client.reads.set()


async def at_rest(world, everybody):
    for client in everybody:
        client.reads.set()
    await world.settle()
    for client in everybody:
        client.check()
