"""What is written together, and when: an event alone at once, many in one piece, and what is full in its own turn."""

from contextlib import asynccontextmanager
from itertools import chain, groupby, pairwise
from operator import itemgetter

import pytest
import trio

from chirp_trio import EventStream, Limits, Topic, stream_lifespan
from chirp_trio.stream.waiting import Outbox

from .test_direct import Direct


class Client(Direct):
    """A client to whom each write takes so many seconds of the server's time, and when what was written to it."""

    def __init__(self, clock, seconds, written):
        super().__init__()
        self._clock = clock
        self._seconds = seconds
        self._written = written

    def write_nowait(self, data):
        self._clock.jump(self._seconds)
        self._written.append(trio.current_time())
        return super().write_nowait(data)

    @property
    def events(self):
        """The data of its events, those of a piece together."""
        pieces = [[line[6:] for line in piece.split(b"\n") if line.startswith(b"data: ")] for piece in self.chunks]
        return [piece for piece in pieces if piece]

    @property
    def all_events(self):
        return [*chain(*self.events)]


class Clients:
    """Opens streams."""

    def __init__(self, nursery, state, clock, seconds, streams):
        self.streams = streams
        self._nursery = nursery
        self._state = state
        self._clock = clock
        self._seconds = seconds
        self.written = []

    def open(self, source):
        client = Client(self._clock, self._seconds, self.written)
        extensions = {"chirp_trio.connection": client}
        scope = {"type": "http", "method": "GET", "path": "/", "state": self._state, "extensions": extensions}
        self._nursery.start_soon(EventStream(source, heartbeat_interval=None), scope, client.receive, client.send)
        return client


@asynccontextmanager
async def clients(clock, seconds=0.001, **limits):
    async with trio.open_nursery() as nursery:
        lifespan = stream_lifespan(limits=Limits(**limits))
        async with lifespan as state:
            yield Clients(nursery, state, clock, seconds, lifespan.streams)
        nursery.cancel_scope.cancel()


async def three_of(topic, opened, **options):
    listening = [opened.open(topic.subscribe(**options)) for _ in range(3)]
    await trio.sleep(100)  # until the flusher rests from their beginnings
    opened.written.clear()
    return listening


async def test_an_event_that_comes_alone_is_written_at_once(autojump_clock):
    topic = Topic("news")
    async with clients(autojump_clock) as opened:
        listening = await three_of(topic, opened)
        for number in range(3):
            before = trio.current_time()
            topic.publish_nowait(number)
            await trio.sleep(0.1)
            assert opened.written[-3] - before == pytest.approx(0.001)
            assert [client.events[-1] for client in listening] == [[b"%d" % number]] * 3


@pytest.mark.parametrize("publishers", [1, 5])
async def test_what_is_published_while_writing_takes_its_time_is_written_in_one_piece(autojump_clock, publishers):
    topic = Topic("news")

    async def publish():
        for number in range(20):
            await topic.publish(number)

    async with clients(autojump_clock) as opened:
        listening = await three_of(topic, opened)
        async with trio.open_nursery() as nursery:
            for _ in range(publishers):
                nursery.start_soon(publish)
        await trio.sleep(0.1)
        for client in listening:
            assert sum(map(len, client.events)) == 20 * publishers
            assert len(client.events) <= 3


@pytest.mark.parametrize(("seconds", "delay", "pause"), [(0.001, 0.1, 0.003), (10, 0.1, 0.1), (0.001, 0, 0)])
async def test_nothing_waits_longer_than_the_writing_has_taken_nor_than_the_bound(autojump_clock, seconds, delay, pause):
    topic = Topic("news")
    async with clients(autojump_clock, seconds, max_write_delay=delay) as opened:
        listening = await three_of(topic, opened)
        topic.publish_nowait("alone")
        while not opened.written:
            await trio.lowlevel.checkpoint()
        assert len(opened.written) == 3
        ended = trio.current_time()
        topic.publish_nowait("right behind it")
        await trio.sleep(1000)
        assert opened.written[3] - ended == pytest.approx(pause + seconds)
        assert [client.events for client in listening] == [[[b"alone"], [b"right behind it"]]] * 3


async def test_what_was_published_before_the_server_stops_is_sent(autojump_clock):
    topic = Topic("news")
    async with clients(autojump_clock) as opened:
        listening = await three_of(topic, opened)
        topic.publish_nowait("one")
        topic.publish_nowait("two")
    assert [client.events for client in listening] == [[[b"one", b"two"]]] * 3


async def test_what_waits_for_a_flusher_that_rests_is_sent_when_its_stream_is_closed(autojump_clock):
    topic = Topic("news")
    async with clients(autojump_clock) as opened:
        listening = await three_of(topic, opened)
        topic.publish_nowait("one")
        while not opened.written:
            await trio.lowlevel.checkpoint()
        topic.publish_nowait("two")  # waits
        opened.streams.close(lambda _: True)
        await trio.sleep(1)
        assert [client.all_events for client in listening] == [[b"one", b"two"]] * 3
        assert [client.messages[-1]["more_body"] for client in listening] == [False] * 3


async def test_what_waits_for_a_flusher_that_rests_is_not_written_to_a_client_that_has_left(autojump_clock):
    to_sources = []

    async def source():
        to_source, from_test = trio.open_memory_channel(1)
        to_sources.append(to_source)
        async for item in from_test:
            yield item

    async with clients(autojump_clock) as opened:
        listening = [opened.open(source) for _ in range(3)]
        for text in ("zero", "one"):
            await trio.sleep(100)
            opened.written.clear()
            for to_source in to_sources:
                to_source.send_nowait(text)
        while not opened.written:
            await trio.lowlevel.checkpoint()
        for to_source in to_sources:
            to_source.send_nowait("two")
        for _ in range(5):  # it waits now
            await trio.lowlevel.checkpoint()
        listening[0].leave()
        await trio.sleep(1)
        everything = [b"zero", b"one", b"two"]
        assert [client.all_events for client in listening] == [everything[:2], everything, everything]


async def test_whoever_comes_while_events_wait_gets_each_event_once(autojump_clock):
    topic = Topic("news")
    async with clients(autojump_clock) as opened:
        listening = await three_of(topic, opened)
        topic.publish_nowait("alone")
        while not opened.written:
            await trio.lowlevel.checkpoint()
        topic.publish_nowait("two")  # waits
        late = [
            opened.open(topic.subscribe()),
            opened.open(topic.subscribe(replay=1)),
            opened.open(topic.subscribe(replay=9)),
        ]
        for _ in range(10):
            await trio.lowlevel.checkpoint()
        topic.publish_nowait("three")
        await trio.sleep(1)
        assert [client.all_events for client in listening] == [[b"alone", b"two", b"three"]] * 3
        assert [client.all_events for client in late] == [
            [b"three"],
            [b"two", b"three"],
            [b"alone", b"two", b"three"],
        ]


async def test_no_more_waits_than_an_outbox_has_room_for_so_that_nobody_is_behind_sooner(autojump_clock):
    topic = Topic("news", history=0)
    values = [f"{number:01000}" for number in range(Outbox.MAX_BYTES // 1000 + 10)]
    async with clients(autojump_clock) as opened:
        listening = await three_of(topic, opened, buffer=10)
        for value in values:
            topic.publish_nowait(value)
        await trio.sleep(1)
        for client in listening:
            assert client.all_events == [value.encode() for value in values]
            assert client.is_open


async def test_what_is_full_is_written_before_another_source_has_its_turn(autojump_clock):
    streams, steps = {}, []

    def source_of(name):
        async def source():
            while True:
                steps.append((name, {name: len(stream.chunks) for name, stream in streams.items()}))
                yield "x" * 1000

        return source

    async with clients(autojump_clock) as opened:
        one, other = opened.open(source_of("one")), opened.open(source_of("other"))
        while not (one.is_open and other.is_open):
            await trio.lowlevel.checkpoint()
        # From here on they are written to directly. Each has its turn, and writes what it has made of it.
        streams |= {"one": one, "other": other}
        steps.clear()
        for _ in range(10):  # each of them has a turn; trio draws by lot which one is first
            await trio.lowlevel.checkpoint()

    turns = [list(turn) for _, turn in groupby(steps, key=itemgetter(0))]
    assert len(turns) >= 10
    for turn, following in pairwise(turns):
        name = turn[0][0]
        assert following[0][1][name] > turn[0][1][name]
