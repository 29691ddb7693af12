"""Topics against a plain list: whatever happens, each client sees what was published, in order, or is told of a gap.

A script of steps is made up, and played: publishing, coming, going, coming back with one's id, being slow, forgetting, a new
start. The model is a list of everything that was published: start by start, or with a store over all of them, also where the
process was killed. And for each piece that a client got there is one who has got nothing more, and comes back as well.
"""

import json
import shutil
import tempfile
from functools import partial
from pathlib import Path

import trio
import trio.testing
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chirp_trio import SQLiteStore, Topic
from chirp_trio.stream import open_stream_host
from chirp_trio.testing.clock import clock_held_for_threads
from chirp_trio.topics.topic import audience_of
from tests.property.reused import Reused, number_of, reuses
from tests.property.visitor import Visitor
from tests.strategies import examples

HISTORY = 6
HISTORY_BYTES = 10_000  # which is three events where they are large, and less than the buffer
BUFFER = 4
PIECES = 2 * HISTORY  # so many after somebody came, or was told of a gap, are enough to be cut off after each of them


def is_even(value):
    return number_of(value) % 2 == 0


def kind_of(value):
    """What the newest of is kept, for whoever is too far behind: there are fewer kinds than a buffer has room for."""
    return number_of(value) % 3


class Model:
    """Everything that was published: the numbers, in order, for each start of the topic."""

    def __init__(self, reuse, padding, nursery):
        self.padding = padding
        self.nursery = nursery
        self.published = 0
        self.message = Reused(*reuse, padding=padding)

    def new_topic(self, store=None):
        return Topic("model", history=HISTORY, history_bytes=HISTORY_BYTES, store=store)

    async def start(self):
        self.topic = self.new_topic()
        self.numbers = []
        self.places = {self.topic.cursor: 0}  # of each id: how many had been published by then

    async def stop(self, _everybody, _is_killed):
        self.topic.close()

    async def wait_until_delivered(self):
        pass

    async def settle(self):
        """Return once nothing happens any more."""
        await trio.sleep(1)

    def publish(self):
        self.published += 1
        self.numbers.append(self.published)
        id = self.message.publish(self.publisher, self.published)
        self.places[id or self.next_id()] = len(self.numbers)

    @property
    def publisher(self):
        """The topic as whoever publishes has it."""
        return self.topic

    def close(self):
        """Nothing else is open."""


class StoredModel(Model):
    """The same for a topic with a store: what was published outlives a start, unless it had not reached anybody yet."""

    def __init__(self, reuse, padding, nursery):
        super().__init__(reuse, padding, nursery)
        self.numbers = []
        self.places = {}

    def new_store(self):
        """The store as the process has it that is started now."""
        raise NotImplementedError

    async def kill(self, everybody):
        """Take from the process what it has, from one moment to the next, but for what is stored."""
        raise NotImplementedError

    async def open(self):
        self.topic = self.new_topic(self.new_store())
        self.end = trio.Event()
        await self.nursery.start(self.own, self.topic, self.end)

    async def start(self):
        await self.open()
        survived = audience_of(self.topic).log.last
        self.places.setdefault(self.topic.cursor, survived)
        assert survived >= self.delivered, "somebody has had what is not there any more"
        del self.numbers[survived:]
        for id, place in list(self.places.items()):
            known = audience_of(self.topic).history.epochs.number_of(id, survived)
            if known != place:
                # What was never delivered; or it is all forgotten, and so the ids of that start are.
                assert known is None
                assert place > survived or place < audience_of(self.topic).log.first - 1
                del self.places[id]

    delivered = 0  # what somebody may have got, when the topic was stopped

    async def own(self, topic, end, task_status):
        async with topic:
            task_status.started()
            await end.wait()

    async def stop(self, everybody, is_killed):
        self.delivered = len(self.numbers)
        if is_killed:
            await self.kill(everybody)
        self.end.set()  # in peace; but where it was killed, nobody sees that

    async def wait_until_delivered(self):
        while audience_of(self.topic).log.last < len(self.numbers):
            await trio.testing.wait_all_tasks_blocked(0.001)


class FileModel(StoredModel):
    """The store is a file."""

    def __init__(self, folder, reuse, padding, nursery):
        super().__init__(reuse, padding, nursery)
        self.folder = folder
        self.kills = 0
        self.store = self.store_of(0)

    def store_of(self, kills):
        folder = Path(self.folder, str(kills))
        folder.mkdir()
        return SQLiteStore(folder / "topics.db")

    def new_store(self):
        return self.store

    async def kill(self, everybody):
        self.kills += 1
        copy = self.store_of(self.kills)
        with self.store._turns:  # a transaction has been committed, or it has not
            self.delivered = audience_of(self.topic).log.last
            for suffix in ("", "-wal"):
                shutil.copy(f"{self.store.path}{suffix}", f"{copy.path}{suffix}")
        for client in everybody:
            client.leave()
            client.check()
        self.store = copy


class Client(Visitor):
    """One who subscribes, sees events, leaves, and comes back with the id of the last event that it has seen."""

    def __init__(self, model, pushed, filter, overflow):
        super().__init__(pushed=pushed)
        self.model = model
        self.filter = filter
        self.options = {"filter": filter, "buffer": BUFFER, "overflow": overflow}
        if overflow == "latest":
            self.options["key"] = kind_of
        self.place = None  # how many of the published it has had, or been told that it has missed
        self.owed = 0  # how many it has been told that it misses, among those that come next
        self.due = set()  # kinds of which something was left out, as the newest of the kind was to come
        self.cut_off = []  # those who have had a part of it, and then lost their connections
        self.pieces = 0

    @property
    def wanted(self):
        """What it should have seen in the end and has not."""
        return self.only_wanted(self.model.numbers[self.place :])

    def only_wanted(self, numbers):
        return [number for number in numbers if self.filter is None or number % 2 == 0]

    def first_in_memory(self):
        return audience_of(self.model.topic).log.first

    def come(self, nursery, host, replay):
        """Subscribe, unless it is there, with the id that it has."""
        if self.scope is not None:
            return
        self.check()
        model = self.model
        subscription = model.topic.subscribe(self.last_event_id, replay=replay, **self.options)
        self.owed = self.pieces = 0
        self.due = set()
        if self.last_event_id is None:
            self.place = max(0, audience_of(model.topic).log.last - replay, audience_of(model.topic).log.first - 1)
        elif self.last_event_id in model.places:
            self.place = model.places[self.last_event_id]
        else:
            self.place = None
        self.start(nursery, subscription, host)

    def forge(self, kind):
        """Have another id when it comes again."""
        if self.scope is None:
            ids = {"garbage": "garbage", "first": next(iter(self.model.places), None), "newest": self.model.publisher.cursor}
            self.check()
            self.last_event_id = ids[kind]

    def check(self):
        """Check that what has arrived is what had to come."""
        arrived, self.arrived = self.arrived, []
        for event, id, first in arrived:
            if event is not None:
                self.check_next(event, first)
            else:  # it is at a place without having had an event
                assert self.place is not None, "an id that is nobody's, and no gap"
                passed = self.only_wanted(self.model.numbers[self.place : self.model.places[id]])
                assert len(passed) <= self.owed, "lost without a word"
            if event is not None and event.event == "chirp:gap":
                self.pieces = 0
            self.cut(id)

    def cut(self, id):
        """Somebody like this one leaves here, with this id."""
        if self.pieces < PIECES:
            other = Client(self.model, self.pushed, self.filter, self.options["overflow"])
            other.last_event_id = id
            self.cut_off.append(other)
        self.pieces += 1

    def check_next(self, event, first):
        told = json.loads(event.data)
        before, self.place = self.place, self.model.places[event.id]
        if before is None:
            assert (event.event, told["missed"]) == ("chirp:gap", None), "an id that is nobody's"
            return
        passed = self.model.numbers[before : self.place]
        if event.event != "chirp:gap":
            number = passed.pop()
            assert number_of(told) == number
            assert self.only_wanted([number]), "nobody wanted it"
            self.owed -= len(self.only_wanted(passed))
            assert self.owed >= 0, f"lost without a word, or come twice: {passed}"
            self.due |= {left_out % 3 for left_out in self.only_wanted(passed)}
            self.due.discard(number % 3)
            return
        missed = told["missed"]
        assert missed > 0
        if self.options["overflow"] == "latest":
            # Between what comes next others are missing, which have been counted here.
            self.owed += missed - len(self.only_wanted(passed))
            assert 0 <= self.owed <= len(self.model.numbers)
            # What was not forgotten by then can only have been left out.
            left_out = self.model.numbers[max(before, first - 1) : self.place]
            self.due = {number % 3 for number in self.only_wanted(left_out)}
        else:
            # Of what is forgotten nobody knows whether it was wanted.
            assert len(self.only_wanted(passed)) <= missed <= len(passed)


CLIENTS = [
    (pushed, filter, overflow)
    for pushed in (True, False)
    for filter in (None, is_even)
    for overflow in ("disconnect", "drop-oldest", "latest")
]

kinds = st.lists(st.sampled_from(CLIENTS), min_size=1, max_size=3)
which = st.integers(0, 2)
publishing = st.tuples(st.just("publish"), st.sampled_from([1, 1, 2, 3, 5, 20]))
coming = st.tuples(st.just("come"), which, st.sampled_from([0, 0, 2, 100]))
steps = st.lists(
    st.one_of(
        publishing,
        publishing,
        coming,
        coming,
        st.tuples(st.sampled_from(["leave", "stall", "go on"]), which),
        st.tuples(st.just("forge"), which, st.sampled_from(["garbage", "first", "newest"])),
        st.sampled_from([("wait",), ("wait",), ("step",), ("restart",), ("kill",)]),
    ),
    max_size=50,
)


# Forgotten, because it was large, before anybody was too far behind.
LARGE = [("come", 0, 0), ("wait",), ("stall", 0), ("publish", 1), ("wait",), ("publish", 3), ("wait",), ("publish", 4)]


@settings(max_examples=examples(300))
@example([(True, None, "drop-oldest")], LARGE, ("a dict", 0), "x" * 3000)
@example([(True, None, "drop-oldest")], [*LARGE, ("publish", 1)], ("a dict", 0), "x" * 3000)
@given(kinds, steps, reuses, st.sampled_from(["", "x" * 3000]))
def test_each_client_sees_exactly_what_was_published_or_a_gap_where_something_is_missing(kinds, script, reuse, padding):
    trio.run(play, Model, kinds, script, reuse, padding, clock=trio.testing.MockClock(autojump_threshold=0))


# Published, and killed before, while and after it is written.
KILLED = [("come", 0, 0), ("publish", 3), *[("step",)] * 4, ("kill",), ("come", 0, 0), ("publish", 2), ("wait",), ("kill",)]


@settings(max_examples=examples(150))
@example([(True, None, "disconnect")], KILLED, ("a dict", 0), "")
@example([(False, None, "disconnect")], [("publish", 2), ("restart",), ("come", 0, 100), ("publish", 1)], ("a dict", 0), "")
@given(kinds, steps, reuses, st.sampled_from(["", "x" * 3000]))
def test_with_a_store_it_does_so_over_restarts_and_kills(kinds, script, reuse, padding):
    with tempfile.TemporaryDirectory() as folder:
        model = partial(FileModel, folder)
        trio.run(play, model, kinds, script, reuse, padding, clock=trio.testing.MockClock(autojump_threshold=0))


async def play(new_model, kinds, script, reuse, padding):
    with clock_held_for_threads():
        async with open_stream_host() as host, trio.open_nursery() as nursery:
            model = new_model(reuse, padding, nursery)
            await model.start()
            everybody = [Client(model, *kind) for kind in kinds]
            for step in script:
                await play_step(model, everybody, nursery, host, *step)
            await all_at_rest(model, everybody, and_gone=False)
            everybody += [other for client in everybody for other in client.cut_off]
            for other in everybody:
                other.come(nursery, host, 0)
            await all_at_rest(model, everybody, and_gone=False)
            check_that_nothing_is_left_over(everybody)
            await model.stop(everybody, False)
            await all_at_rest(model, everybody, and_gone=True)
            assert model.topic.subscribers == 0
            model.close()


async def play_step(model, everybody, nursery, host, what, *arguments):
    match what:
        case "publish":
            for _ in range(*arguments):
                model.publish()
        case "wait":
            await trio.testing.wait_all_tasks_blocked()
            await model.wait_until_delivered()
        case "step":
            await trio.lowlevel.checkpoint()
        case "restart" | "kill":
            await model.stop(everybody, what == "kill")
            await all_at_rest(model, everybody, and_gone=True)
            await model.start()
        case _:
            number, *arguments = arguments
            client = everybody[number % len(everybody)]
            match what:
                case "come":
                    client.come(nursery, host, *arguments)
                case "leave":
                    client.leave()
                case "stall":
                    client.stall()
                case "go on":
                    client.reads.set()
                case "forge":
                    client.forge(*arguments)


async def all_at_rest(model, everybody, and_gone):
    for client in everybody:
        client.reads.set()
    await model.settle()
    for client in everybody:
        client.check()
    if and_gone:
        assert all(client.scope is None for client in everybody)


def check_that_nothing_is_left_over(everybody):
    for client in everybody:
        if client.scope is not None:
            assert client.place is not None, "an id that is nobody's, and no gap"
            assert len(client.wanted) <= client.owed, f"never came: {client.wanted}"
            assert not client.due, "left out, though nothing newer of its kind came"
            if client.filter is None:
                assert client.owed == len(client.wanted), "said to be missing, and nothing is"
