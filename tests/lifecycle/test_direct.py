"""A stream on a connection that takes bytes without blocking: what it writes, when, and how it ends."""

import logging
from contextlib import asynccontextmanager

import pytest
import trio

from chirp_trio import EventStream, stream_lifespan

from .scenes import Source, endings, tasks


class Direct:
    """The extension as a server offers it; its client takes `room` bytes at once, and the rest when it reads."""

    def __init__(self):
        self.is_open = False
        self.chunks = []
        self.is_aborted = False
        self.is_broken = False
        self.reads = True
        self._read = trio.Event()

    def write_nowait(self, data):
        assert self.is_open
        if self.is_broken:
            raise trio.BrokenResourceError
        self.chunks.append(data)
        return self.reads

    async def drain(self):
        while not self.reads:
            await self._read.wait()

    def read(self):
        self.reads = True
        self._read.set()
        self._read = trio.Event()

    def abort(self):
        self.is_aborted = True


class Exchange:
    """One request, answered by a stream, and all that comes of it."""

    def __init__(self):
        self.direct = Direct()
        self.messages = []
        self.left = trio.Event()

    async def receive(self):
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        self.messages.append(message)
        self.direct.is_open = message["type"] == "http.response.start" or message["more_body"]


@asynccontextmanager
async def served(source, **options):
    before = tasks()
    exchange = Exchange()
    async with stream_lifespan() as state, trio.open_nursery() as nursery:
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "state": state,
            "extensions": {"chirp_trio.connection": exchange.direct},
        }
        nursery.start_soon(EventStream(source, **options), scope, exchange.receive, exchange.send)
        yield exchange
        exchange.left.set()
    assert tasks() == before


@pytest.fixture(autouse=True)
def debug(caplog):
    caplog.set_level(logging.DEBUG, logger="chirp_trio")


async def test_middleware_sees_the_beginning_and_the_end_and_nothing_between(autojump_clock, caplog):
    source = Source("one", "two", "three", pause=1, then="end")
    async with served(source) as exchange:
        await trio.sleep(5)

    assert [(message["type"], message.get("body")) for message in exchange.messages] == [
        ("http.response.start", None),
        ("http.response.body", b""),
    ]
    assert exchange.direct.chunks == [b"data: one\n\n", b"data: two\n\n", b"data: three\n\n"]
    assert endings(caplog) == ["completed"]


async def test_what_a_source_yields_without_waiting_goes_out_in_one_chunk(autojump_clock):
    async def source():
        yield "begin"
        await trio.sleep(1)
        for number in range(100):
            yield str(number)
        await trio.sleep_forever()

    async with served(source) as exchange:
        await trio.sleep(2)
        chunks = list(exchange.direct.chunks)

    assert chunks[-1] == b"".join(b"data: %d\n\n" % number for number in range(100))


async def test_heartbeats_are_exact(autojump_clock):
    async with served(Source("one"), heartbeat_interval=15) as exchange:
        await trio.sleep(46)
        chunks = list(exchange.direct.chunks)

    assert chunks == [b"data: one\n\n", *[b": heartbeat\n"] * 3]


async def test_a_client_that_pauses_gets_everything_in_order_afterwards(autojump_clock):
    source = Source(*(str(number) for number in range(20)), pause=0.1)
    async with served(source) as exchange:
        await trio.sleep(0.35)
        exchange.direct.reads = False
        await trio.sleep(1)
        exchange.direct.read()
        await trio.sleep(2)

    assert b"".join(exchange.direct.chunks) == b"".join(b"data: %d\n\n" % number for number in range(20))


async def test_a_client_that_stalls_is_given_up_after_send_timeout_and_reset(autojump_clock, caplog):
    source = Source("one", "two", pause=1)
    async with served(source, send_timeout=5, heartbeat_interval=2) as exchange:
        exchange.direct.reads = False
        await trio.sleep(20)
        assert source.closed == 1

    assert exchange.direct.is_aborted
    assert endings(caplog) == ["stalled"]


async def test_a_client_that_is_gone_when_it_is_written_to_ends_the_stream(autojump_clock, caplog):
    source = Source("one", "two", pause=1)
    async with served(source) as exchange:
        await trio.sleep(0.5)
        exchange.direct.is_broken = True
        await trio.sleep(1)
        assert source.closed == 1

    assert endings(caplog) == ["disconnected"]


async def test_the_end_of_the_body_comes_after_what_the_client_had_not_taken_yet(autojump_clock, caplog):
    source = Source("one", "two", pause=1, then="end")
    async with served(source) as exchange:
        await trio.sleep(0.5)
        exchange.direct.reads = False
        await trio.sleep(10)
        assert exchange.messages[-1]["type"] == "http.response.start"
        exchange.direct.read()
        await trio.sleep(1)
        assert exchange.messages[-1] == {"type": "http.response.body", "body": b"", "more_body": False}

    assert b"".join(exchange.direct.chunks) == b"data: one\n\ndata: two\n\n"
    assert endings(caplog) == ["completed"]
