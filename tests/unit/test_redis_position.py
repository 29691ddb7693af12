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

    def __init__(self, **options):
        store = NoStore()
        self.topic = Topic("news", store=store, **options)
        self.position = Position(store.delivery, Options("redis://nowhere"))
        self.position.is_open = True
        self.epochs = "0:a"
        self.events = []  # their names
        self.had = 0
        self.pages = []  # how many events each answer had

    def ask(self, *words, pushes=0):
        answer = Answer()
        match words:
            case "HMGET", *_:
                answer.put([b"life", self.epochs.encode(), str(len(self.events)).encode(), b"1"])
            case "XREVRANGE", _, end, "-", "COUNT", count:
                newest = len(self.events) if end == "+" else min(len(self.events), int(end.partition("-")[0]))
                answer.put(self.page(range(newest, max(0, newest - count), -1)))
            case "XRANGE", _, start, "+", "COUNT", count:
                after = int(start.partition("-")[0])
                answer.put(self.page(range(after + 1, min(after + count, len(self.events)) + 1)))
        return answer

    def page(self, numbers):
        self.pages.append(len(numbers))
        return [(b"%d-0" % number, self.fields(number)) for number in numbers]

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


# -- the history --------------------------------------------------------------------------------------------------------


async def test_a_history_is_read_in_pages_that_grow_while_events_are_small(reader):
    reader.events = [str(number) for number in range(1, 2001)]
    came = await reader.read()
    assert came == [(f"a-{number}", str(number)) for number in range(1001, 2001)]
    assert reader.pages == [10, 20, 40, 80, 160, 320, 640]


async def test_of_a_history_no_more_is_read_than_the_topic_remembers():
    reader = Reader(history_bytes=5_000_000)
    reader.events = [f"{number}".ljust(1_000_000) for number in range(300)]
    assert len(await reader.read()) == 4
    assert reader.pages == [10]
    reader.events += [f"{number}".ljust(1_000_000) for number in range(20)]
    assert len(await reader.read()) == 4
    assert reader.pages == [10, 5, 2, *(13 * [1]), 0]


async def test_a_topic_that_remembers_nothing_begins_with_nothing():
    reader = Reader(history=0)
    reader.events = [str(number) for number in range(100)]
    assert await reader.read() == []
    assert reader.position.number == 100


@pytest.mark.parametrize("trimmed", [25, 75, 100])
async def test_a_history_ends_where_the_server_has_forgotten_what_was_before(reader, trimmed):
    reader.events = [str(number) for number in range(1, 101)]
    page = reader.page
    reader.page = lambda numbers: page([number for number in numbers if number > trimmed])
    assert await reader.read() == [(f"a-{number}", str(number)) for number in range(trimmed + 1, 101)]


async def test_what_is_written_while_a_history_is_read_comes_after_it(reader):
    reader.events = [str(number) for number in range(1, 101)]
    page = reader.page

    def write_meanwhile(numbers):
        if len(reader.events) < 104:
            reader.events.append(str(len(reader.events) + 1))
        return page(numbers)

    reader.page = write_meanwhile
    assert [value for _, value in await reader.read()] == reader.events
    assert len(reader.events) == 104


async def test_a_history_that_becomes_another_one_is_read_from_its_end_again(reader):
    reader.events = [str(number) for number in range(1, 101)]
    page = reader.page

    def lose_some(numbers):
        found = page(numbers)
        if len(reader.pages) == 2:
            reader.epochs, reader.events = "0:a 41:b", [*reader.events[:40], "else"]
        return found

    reader.page = lose_some
    assert await reader.read() == [*((f"a-{number}", str(number)) for number in range(1, 41)), ("b-41", "else")]


async def test_an_answer_to_what_was_asked_before_the_topic_was_closed_is_not_taken_for_one_of_now(reader):
    reader.events = [str(number) for number in range(1, 10)]
    await reader.read()
    old = [await answer.get() for answer in reader.position.ask(reader)[:2]]
    reader.position.close()
    reader.position.is_open = True

    assert reader.position.receive(*old)  # it has to be asked again
    assert not reader.position.has_begun
    assert [value for _, value in await reader.read()] == []
    assert reader.position.number == 9
