"""What a process makes of what it finds in a server: where it is in a topic, and what is missing."""

import pytest

from chirp_trio import Topic
from chirp_trio.redis.connection import Answer
from chirp_trio.redis.listening import Listening
from chirp_trio.redis.options import Options
from chirp_trio.redis.position import Position
from chirp_trio.topics import Journal, Store
from chirp_trio.topics.topic import audience_of


class NoStore(Store):
    def journal(self, delivery):
        self.delivery = delivery
        return NoJournal()


class NoJournal(Journal):
    is_empty = True

    def opened(self): ...

    def publish_nowait(self, record): ...

    async def publish(self, record): ...


class Reader:
    """A topic, and the server that it reads, as it is at the moment."""

    def __init__(self):
        store = NoStore()
        self.topic = Topic("news", store=store)
        self.position = Position(store.delivery, Options("redis://nowhere"))
        self.position.is_open = True
        self.epochs = "0:a"
        self.events = []  # their names
        self.had = 0

    def ask(self, *words, pushes=0):
        answer = Answer()
        match words:
            case "HMGET", *_:
                answer.put([b"life", self.epochs.encode(), str(len(self.events)).encode(), b"1"])
            case "XREVRANGE", *_:
                answer.put(list(reversed(self.entries())))
            case "XRANGE", _, start, *_:
                answer.put(self.entries(int(start.partition("-")[0]) + 1))
        return answer

    def entries(self, start=1):
        return [(b"%d-0" % number, self.fields(number)) for number in range(start, len(self.events) + 1)]

    def fields(self, number):
        return [b"at", b"0", b"kind", b"text", b"data", self.events[number - 1].encode()]

    async def read(self):
        """What has been delivered since the last time."""
        while self.position.receive(*[await answer.get() for answer in self.position.ask(self)[:2]]):
            pass
        came = audience_of(self.topic).log.since(self.had, 1000)
        self.had += len(came)
        return [(event.id, event.value["missed"] if event.event == "chirp:gap" else event.value) for event in came]


@pytest.fixture
def reader():
    return Reader()


async def test_a_new_epoch_goes_on_where_the_one_before_it_has_ended(reader):
    reader.events = ["1", "2"]
    assert await reader.read() == [("a-1", "1"), ("a-2", "2")]
    reader.epochs, reader.events = "0:a 3:b", ["1", "2", "3"]
    assert await reader.read() == [("b-3", "3")]
    assert reader.position.lost is None


async def test_what_was_delivered_and_is_not_there_any_more_is_lost_and_what_came_instead_is_delivered(reader):
    reader.events = ["1", "2", "3"]
    await reader.read()
    reader.epochs, reader.events = "0:a 2:b", ["1", "else"]
    assert await reader.read() == [("b-2", "else")]
    assert reader.position.lost == (2, "a")


async def test_an_epoch_that_is_lost_as_a_whole_brings_nothing_back_that_was_delivered_before_it(reader):
    reader.events = ["1", "2"]
    await reader.read()
    reader.epochs, reader.events = "0:a 3:b 4:c", ["1", "2", "3", "4"]
    await reader.read()
    reader.epochs, reader.events = "0:a 3:d", ["1", "2", "else"]
    assert await reader.read() == [("d-3", "else")]
    assert reader.position.lost == (2, "c")


async def test_an_epoch_that_is_lost_before_it_had_an_event_is_no_loss(reader):
    reader.events = ["1"]
    await reader.read()
    reader.epochs = "0:a 2:b"
    assert await reader.read() == []
    reader.epochs, reader.events = "0:a 2:c", ["1", "2"]
    assert await reader.read() == [("c-2", "2")]
    assert reader.position.lost is None


async def test_of_a_server_that_knows_none_of_its_epochs_everything_is_new(reader):
    reader.events = ["1"]
    await reader.read()
    reader.position.acknowledged = "a", 1
    reader.epochs, reader.events = "0:b", ["x"]
    assert await reader.read() == [("b-0", None), ("b-1", "x")]
    assert reader.position.lost is None


@pytest.mark.parametrize(
    ("acknowledged", "lost"), [(("a", 3), (1, "a")), (("a", 2), None), (("z", 3), (None, "z")), (("b", 3), None)]
)
async def test_what_was_acknowledged_and_never_read_is_lost_too(reader, acknowledged, lost):
    reader.events = ["1"]
    await reader.read()
    reader.position.acknowledged = acknowledged
    reader.epochs, reader.events = "0:a 3:b", ["1", "2", "3"]
    await reader.read()
    assert reader.position.lost == lost


async def test_what_is_acknowledged_while_it_is_asked_may_not_be_in_the_answer(reader):
    await reader.read()
    state, entries, _ = reader.position.ask(reader)
    reader.position.acknowledged = "b", 1
    assert not reader.position.receive(await state.get(), await entries.get())
    assert reader.position.lost is None
    reader.epochs, reader.events = "0:a 1:b", ["1"]
    assert await reader.read() == [("b-1", "1")]
    assert reader.position.lost is None


async def test_events_of_which_nobody_knows_the_epoch_are_asked_for_again(reader):
    """Between the question for the state and that for events everything is replaced."""
    reader.events = ["1"]
    await reader.read()
    ask = reader.ask

    def replace_after_the_first(*words, pushes=0):
        answer = ask(*words)
        reader.epochs, reader.events, reader.ask = "0:b", ["x", "y"], ask
        return answer

    reader.ask = replace_after_the_first
    listening = Listening()
    listening.add(reader.position)
    while listening._rung:
        await listening._fetch(reader, b"life")
    assert await reader.read() == [("b-0", None), ("b-1", "x"), ("b-2", "y")]
