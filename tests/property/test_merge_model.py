"""Merged topics against plain lists: of each topic a client sees what was published, in order, or is told of a gap.

A client comes and goes, and has nothing but the one id. Topics forget, start anew, and are slow to be read. And for each
piece that it got there is one who has got nothing more, because it lost its connection then: it comes back as well.
"""

import json

import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from chirp_trio import Topic, merge
from chirp_trio.stream import open_stream_host
from tests.property.visitor import Visitor

HISTORY = 6
# Whoever comes, or is told of a gap, has had everything that is special by then, in whatever order the topics are read.
PIECES = 3 * (HISTORY + 2)
BUFFER = 4
NAMES = ("a", "b", "c")


def wanted(number):
    """What the topic `b` is filtered by."""
    return number % 3 == 0


class World:
    """The topics, and what was published to each since its start."""

    def __init__(self):
        self.topics, self.published = {}, {}
        for name in NAMES:
            self.start(name)

    def start(self, name):
        self.topics[name] = Topic(name, history=HISTORY)
        self.published[name] = []

    def publish(self, name, count):
        for _ in range(count):
            numbers = self.published[name]
            numbers.append(len(numbers) + 1)
            self.topics[name].publish_nowait({"topic": name, "number": numbers[-1]})

    def merged(self, last_event_id, overflow):
        filters = {"b": lambda value: wanted(value["number"])}
        return merge(
            *(
                topic.subscribe(last_event_id, buffer=BUFFER, overflow=overflow, filter=filters.get(name))
                for name, topic in self.topics.items()
            )
        )


class Client(Visitor):
    """One who sees events, and remembers of each topic how far it is."""

    def __init__(self, world, pushed, overflow):
        super().__init__(pushed=pushed)
        self.world = world
        self.overflow = overflow
        self.places = {}  # how many of each topic it has had, or has been told that it has missed; None: nobody knows
        self.cut_off = []  # those who have had a part of it, and then lost their connections
        self.pieces = 0

    def come(self, nursery, host):
        if self.scope is None:
            self.check()
            if self.last_event_id is None:
                self.places = {name: len(numbers) for name, numbers in self.world.published.items()}
            self.pieces = 0
            self.start(nursery, self.world.merged(self.last_event_id, self.overflow), host)

    def cut(self, id):
        """Somebody like this one leaves here, with this id."""
        if self.pieces < PIECES:
            other = Client(self.world, self.pushed, self.overflow)
            other.places, other.last_event_id = dict(self.places), id
            self.cut_off.append(other)
        self.pieces += 1

    def restarted(self, name):
        """A topic has been started anew: the client's place in it is nobody's."""
        self.places[name] = None

    def check(self):
        arrived, self.arrived = self.arrived, []
        for event, id in arrived:
            if event is not None:
                self.check_next(event)
            if event is not None and event.event == "chirp:gap":
                self.pieces = 0
            self.cut(id)

    def check_next(self, event):
        told = json.loads(event.data)
        name, before = told["topic"], self.places[told["topic"]]
        if event.event == "chirp:gap":
            here = [id for id in event.id.split(",") if id.startswith(self.world.topics[name].cursor.partition("-")[0])]
            self.places[name] = after = int(here[0].rpartition("-")[2])
            if before is None:
                assert told["missed"] is None
            else:
                assert 0 < told["missed"] <= after - before
                assert self.those_wanted(name, before, after) <= told["missed"]
        else:
            assert before is not None, "an id that is nobody's, and no gap"
            assert self.those_wanted(name, before, told["number"] - 1) == 0, "lost without a word"
            assert told["number"] > before, "come twice"
            self.places[name] = told["number"]

    def those_wanted(self, name, after, last):
        """How many it wants of the events of a topic in that range."""
        return sum(name != "b" or wanted(number) for number in range(after + 1, last + 1))

    def check_that_nothing_is_left_over(self):
        for name, numbers in self.world.published.items():
            assert self.places[name] is not None, "never told that its place is nobody's"
            assert self.those_wanted(name, self.places[name], len(numbers)) == 0, "never came"


which = st.integers(0, 1)
names = st.sampled_from(NAMES)
publishing = st.tuples(st.just("publish"), names, st.sampled_from([1, 1, 2, 3, 5, 20, 200]))
coming = st.tuples(st.just("come"), which)
steps = st.lists(
    st.one_of(
        publishing,
        publishing,
        publishing,
        coming,
        coming,
        st.tuples(st.sampled_from(["leave", "stall", "go on"]), which),
        st.tuples(st.just("restart"), names),
        st.sampled_from([("wait",), ("wait",), ("step",)]),
    ),
    max_size=40,
)
kinds = st.lists(st.tuples(st.booleans(), st.sampled_from(["disconnect", "drop-oldest"])), min_size=1, max_size=2)


@settings(max_examples=200)
@given(kinds, steps)
def test_with_one_id_each_client_sees_exactly_what_was_published_to_each_topic_or_a_gap(kinds, script):
    trio.run(play, kinds, script, clock=trio.testing.MockClock(autojump_threshold=0))


async def play(kinds, script):
    world = World()
    everybody = [Client(world, *kind) for kind in kinds]
    async with open_stream_host() as host, trio.open_nursery() as nursery:
        for step in [*script, *(("come", number) for number in range(len(everybody)))]:
            match step:
                case "publish", name, count:
                    world.publish(name, count)
                case "wait", *_:
                    await trio.testing.wait_all_tasks_blocked()
                case "step", *_:
                    await trio.lowlevel.checkpoint()
                case "restart", name:
                    # As when a server is killed: everybody is cut off, and all topics but those of others begin anew.
                    await at_rest(everybody)
                    for client in everybody:
                        client.leave()
                    await at_rest(everybody)
                    for client in everybody:
                        for other in [client, *client.cut_off]:
                            other.restarted(name)
                    world.start(name)
                case what, number:
                    client = everybody[number % len(everybody)]
                    match what:
                        case "come":
                            client.come(nursery, host)
                        case "leave":
                            client.leave()
                        case "stall":
                            client.stall()
                        case "go on":
                            client.reads.set()
        await at_rest(everybody)
        everybody += [other for client in everybody for other in client.cut_off]
        while any(client.scope is None for client in everybody):  # it was too far behind, or cut off, and comes back
            for client in everybody:
                client.come(nursery, host)
            await at_rest(everybody)
        for client in everybody:
            client.check_that_nothing_is_left_over()
        for topic in world.topics.values():
            topic.close()
        await at_rest(everybody)
        assert all(client.scope is None for client in everybody)
        assert [topic.subscribers for topic in world.topics.values()] == [0, 0, 0]


async def at_rest(everybody):
    for client in everybody:
        client.reads.set()
    await trio.sleep(1)
    for client in everybody:
        client.check()
