"""A stream on a connection that takes bytes without blocking: what it writes, when, and how it ends."""

import logging
import math
import sys
from contextlib import asynccontextmanager
from contextvars import ContextVar, copy_context
from functools import partial
from types import MethodType
from unittest.mock import ANY

import pytest
import trio

from chirp_trio import EventStream, Topic, stream_lifespan
from chirp_trio.asgi import ObservedSend
from chirp_trio.wire import HEARTBEAT
from tests.cases import each_case

from .scenes import Source, endings, tasks

request_id = ContextVar("request_id", default="nobody's")


class Direct:
    """The extension as a server offers it; its client takes everything at once, or the rest when it reads."""

    def __init__(self):
        self.messages = []
        self.is_open = False
        self.body_bytes = self.progress = 0
        self.has_chunks = True
        self.chunks = []
        self.is_aborted = False
        self.is_broken = False
        self.reads = True
        self._read = trio.Event()
        self.left = trio.Event()
        self.watched_by = None

    async def receive(self):
        await self.left.wait()
        return {"type": "http.disconnect"}

    def watch(self, left):
        if self.left.is_set():
            left()
        else:
            self.watched_by = left
        return True

    def leave(self):
        self.left.set()
        if self.watched_by is not None:
            self.watched_by()

    async def send(self, message):
        self._take(message)

    def start_nowait(self, message, first):
        self._take(message)
        if not first:
            return True
        if self.is_open:
            return self.write_nowait(first)
        self._take({"type": "http.response.body", "body": first, "more_body": True})
        return True

    def _take(self, message):
        begins = message["type"] == "http.response.start"
        if begins and self.messages:
            raise RuntimeError("the response has begun already")
        self.messages.append(message)
        self.is_open = self.has_chunks if begins else self.is_open and message["more_body"]

    def write_nowait(self, data):
        assert self.is_open
        if self.is_broken:
            raise trio.BrokenResourceError
        self.chunks.append(data)
        self.body_bytes += len(data)
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
    """One request, answered by a stream, and all that comes of it.

    Args:
        receive: Makes what the app has in the place of the connection's own `receive`; with that itself, the connection says
            by itself that the client has left.
    """

    def __init__(self, receive):
        self.direct = Direct()
        self.messages = self.direct.messages
        self.leave = self.direct.leave
        self.receive = receive(self.direct.receive)


def in_between(receive):
    async def receive_for_the_app():
        return await receive()

    return receive_for_the_app


@pytest.fixture(params=[in_between, lambda receive: receive], ids=["the app receives", "the connection tells"], autouse=True)
def receiving(request, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "receive_of", request.param)


receive_of = in_between


@asynccontextmanager
async def served(source, wrap=lambda send: send, **options):
    async with several_served(source, wrap=wrap, **options) as [exchange]:
        yield exchange


@asynccontextmanager
async def several_served(*sources, wrap=lambda send: send, **options):
    """As `served()`, for requests to one app."""
    before = tasks()
    exchanges = [Exchange(receive_of) for _ in sources]
    async with stream_lifespan() as state, trio.open_nursery() as nursery:

        async def request(source, exchange):
            scope = {
                "type": "http",
                "method": "GET",
                "path": "/",
                "state": state,
                "extensions": {"chirp_trio.connection": exchange.direct},
            }
            request_id.set("the request's")
            await EventStream(source, **options)(scope, exchange.receive, wrap(exchange.direct.send))

        for source, exchange in zip(sources, exchanges, strict=True):
            nursery.start_soon(request, source, exchange)
        yield exchanges
        for exchange in exchanges:
            exchange.leave()
    assert tasks() == before


@pytest.fixture(autouse=True)
def debug(caplog):
    caplog.set_level(logging.DEBUG, logger="chirp_trio")


async def test_the_beginning_and_the_end_go_by_send_and_nothing_between(autojump_clock, caplog):
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

    assert chunks == [b"data: one\n\n", *[HEARTBEAT] * 3]


async def test_a_client_that_pauses_gets_everything_in_order_afterwards(autojump_clock):
    source = Source(*(str(number) for number in range(20)), pause=0.1)
    async with served(source) as exchange:
        await trio.sleep(0.35)
        exchange.direct.reads = False
        await trio.sleep(1)
        exchange.direct.read()
        await trio.sleep(2)

    assert b"".join(exchange.direct.chunks) == b"".join(b"data: %d\n\n" % number for number in range(20))


async def test_behind_middleware_too_a_client_that_takes_bytes_is_not_given_up(autojump_clock, caplog):
    """The server tells of the connection's progress, whoever stands in between."""
    has_taken_all = trio.Event()

    def slowly(send):
        async def sending(message):
            if message.get("body"):
                await has_taken_all.wait()
            await send(message)

        return sending

    async with served(Source("x" * 1_000_000, then="end"), wrap=slowly, send_timeout=30) as exchange:
        for _ in range(10):
            await trio.sleep(20)
            exchange.direct.progress += 1000
        has_taken_all.set()
        await trio.sleep(1)
        body = b"".join(message.get("body", b"") for message in exchange.messages)
        assert body == b"data: %b\n\n" % (b"x" * 1_000_000)
    assert endings(caplog) == ["completed"]


async def test_a_client_that_stalls_is_given_up_after_send_timeout_and_reset(autojump_clock, caplog):
    source = Source("one", "two", pause=1)
    async with served(source, send_timeout=5, heartbeat_interval=2) as exchange:
        exchange.direct.reads = False
        await trio.sleep(20)
        assert source.closed == 1

    assert exchange.direct.is_aborted
    assert endings(caplog) == ["stalled"]


async def test_a_client_that_takes_a_piece_and_stalls_at_the_next_one_is_given_up_too(autojump_clock, caplog):
    """That piece is written by the task which has waited for the client, and waits for it again."""
    async with served(Source("one", "two", pause=1), send_timeout=30, heartbeat_interval=None) as exchange:
        take_all = exchange.direct.write_nowait

        def take_later(data):
            take_all(data)
            exchange.direct.reads = False
            return False

        exchange.direct.write_nowait = take_later
        await trio.sleep(2)
        exchange.direct.read()
        await trio.sleep(50)
        assert exchange.direct.chunks == [b"data: one\n\n", b"data: two\n\n"]
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


# -- who stands in between ----------------------------------------------------------------------------------------------


class Equal:
    """What claims to be the extension's own `send`."""

    def __init__(self, send):
        self.behind = self._send = send
        self.__self__, self.__func__ = send.__self__, send.__func__

    def __eq__(self, other):
        return True

    __hash__ = None

    async def __call__(self, message):
        await self.behind(message)


class Derived(ObservedSend):
    """What derives from our observer may do anything."""


def observed(send):
    return ObservedSend(send, before=lambda message: None)


def through_a_function(send):
    async def sending(message):
        await send(message)

    return sending


def by_another_method(send):
    return MethodType(lambda self, message: type(self).send(self, message), send.__self__)


OWN = {
    "itself": lambda send: send,
    "bound anew": lambda send: send.__self__.send,
    "an observer of ours": observed,
    "several": lambda send: observed(observed(observed(send))),
}
FOREIGN = {
    "a function": through_a_function,
    "partial()": partial,
    "one that claims to be equal": Equal,
    "what derives from our observer": lambda send: Derived(send, before=lambda message: None),
    "another method of the same object": by_another_method,
    "a function behind an observer": lambda send: observed(through_a_function(send)),
    "an observer behind a function": lambda send: through_a_function(observed(send)),
}


@each_case("wrap", OWN.values(), ids=OWN)
async def test_a_stream_that_nobody_stands_around_is_written_directly(autojump_clock, wrap):
    async with served(Source("one"), wrap) as exchange:
        await trio.sleep(1)
        assert exchange.direct.chunks == [b"data: one\n\n"]


@each_case("wrap", FOREIGN.values(), ids=FOREIGN)
async def test_whoever_wraps_send_gets_every_message(autojump_clock, wrap):
    async with served(Source("one", "two", pause=1, then="end"), wrap) as exchange:
        await trio.sleep(5)

    assert exchange.direct.chunks == []
    assert [message.get("body") for message in exchange.messages] == [None, b"data: one\n\n", b"data: two\n\n", b""]


async def test_a_body_that_somebody_else_ends_while_an_event_waits_is_left_to_the_server(autojump_clock):
    """By the very same `send`. The server refuses what comes after that, as it does in memory; other streams go on."""

    async def source():
        yield "one"
        await trio.sleep(1)
        yield "two"
        exchange.direct.is_open = False
        await trio.sleep_forever()

    async with served(source) as exchange:
        await trio.sleep(5)

        assert exchange.direct.chunks == [b"data: one\n\n"]
        assert exchange.messages[-1]["body"] == b"data: two\n\n"


@pytest.mark.parametrize("has_chunks", [True, False], ids=["in chunks", "of known length"])
@pytest.mark.parametrize("then", ["end", "wait", "raise"])
async def test_a_stream_puts_nothing_into_a_response_that_somebody_else_has_begun(autojump_clock, caplog, has_chunks, then):
    """By the very same `send`, as middleware does that has waited long enough. The server refuses a second beginning."""
    source = Source("one", "two", pause=1, then=then)
    answer = [
        {"type": "http.response.start", "status": 504, "headers": []},
        {"type": "http.response.body", "body": b"too ", "more_body": True},
        {"type": "http.response.body", "body": b"slow", "more_body": False},
    ]
    async with served(source) as exchange:
        exchange.direct.has_chunks = has_chunks
        for message in answer:
            await exchange.direct.send(message)
            await trio.sleep(2)
        assert source.closed == source.opened == 1

    assert exchange.direct.chunks == []
    assert exchange.messages == answer
    assert endings(caplog) == ["closed"]


# -- in whose name ------------------------------------------------------------------------------------------------------


async def test_what_sends_does_so_in_the_context_of_the_request(autojump_clock):
    """Whoever has made it necessary: the source, a publisher, the host's own task that beats."""
    topic, seen = Topic("news"), []

    def noting(send):
        async def sending(message):
            seen.append((message.get("body"), request_id.get()))
            await send(message)

        return sending

    async with served(topic.subscribe(), noting, heartbeat_interval=15):
        await trio.sleep(1)
        topic.publish_nowait("one")
        await trio.sleep(20)
        copy_context().run(topic.publish_nowait, "two")
        await trio.sleep(1)
        topic.close()
        await trio.sleep(1)

    assert [body for body, _ in seen] == [None, ANY, ANY, HEARTBEAT, ANY, b""]  # the topic's opening id comes first
    assert {owner for _, owner in seen} == {"the request's"}


async def test_a_stream_may_be_published_to_from_within_its_own_context(autojump_clock):
    topic, seen = Topic("news"), []

    def noting(send):
        async def sending(message):
            seen.append(request_id.get())
            if message["type"] == "http.response.start":
                topic.publish_nowait("from where the first message is sent")
            await send(message)

        return sending

    async with served(topic.subscribe(), noting):
        await trio.sleep(1)
        topic.close()
        await trio.sleep(1)

    assert seen == ["the request's"] * len(seen) != []


# -- what cannot be written ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [MemoryError(), SystemExit(3), ValueError("wrong")], ids=repr)
async def test_a_piece_that_cannot_be_written_costs_its_stream_alone_and_nothing_follows_it(autojump_clock, caplog, error):
    sources = [Source("one", "two", "three", pause=1), Source("one", "two", pause=1)]
    async with several_served(*sources) as [other, exchange]:
        await trio.sleep(0.5)
        written = exchange.direct.write_nowait

        def failing(data):
            written(data[:5])
            raise error

        exchange.direct.write_nowait = failing
        await trio.sleep(5)

        assert other.direct.chunks == [b"data: one\n\n", b"data: two\n\n", b"data: three\n\n"]
        assert exchange.direct.chunks == [b"data: one\n\n", b"data:"]
        assert exchange.direct.is_aborted
        assert [message["type"] for message in exchange.messages] == ["http.response.start"]  # and no end of the body

    assert "closed" in endings(caplog)
    assert [record.getMessage() for record in caplog.records if record.exc_info] == ["/: what it sends could not be written"]


# -- a client that reads slowly, and one that does not ------------------------------------------------------------------


async def takes_something_every(seconds, exchange, times=math.inf):
    while times:
        times -= 1
        await trio.sleep(seconds)
        exchange.direct.progress += 1000


async def test_a_client_that_reads_slowly_all_the_time_is_never_given_up(autojump_clock, caplog):
    async with served(Source("x" * 1_000_000), send_timeout=30) as exchange, trio.open_nursery() as nursery:
        exchange.direct.reads = False
        nursery.start_soon(takes_something_every, 20, exchange)
        await trio.sleep(3600)
        assert endings(caplog) == []
        nursery.cancel_scope.cancel()

    assert endings(caplog) == ["disconnected"]


@pytest.mark.parametrize("times", [0, 1, 7])
async def test_a_client_that_takes_nothing_any_more_is_given_up_soon_after_its_time(autojump_clock, caplog, times):
    async with served(Source("x" * 1_000_000), send_timeout=30) as exchange, trio.open_nursery() as nursery:
        exchange.direct.reads = False
        nursery.start_soon(takes_something_every, 20, exchange, times)
        await trio.sleep(20 * times + 29)
        assert endings(caplog) == []
        await trio.sleep(10)
        assert endings(caplog) == ["stalled"]


async def test_a_client_that_is_still_reading_the_end_is_waited_for(autojump_clock, caplog):
    async with served(Source("x" * 1_000_000, then="end"), send_timeout=30) as exchange, trio.open_nursery() as nursery:
        exchange.direct.reads = False
        nursery.start_soon(takes_something_every, 20, exchange)
        await trio.sleep(600)
        assert endings(caplog) == []
        exchange.direct.read()
        await trio.sleep(1)
        assert endings(caplog) == ["completed"]
        nursery.cancel_scope.cancel()


async def test_a_client_that_reads_slowly_is_not_waited_for_when_the_server_stops(autojump_clock, caplog):
    async with served(Source("x" * 1_000_000), send_timeout=30) as exchange, trio.open_nursery() as nursery:
        exchange.direct.reads = False
        nursery.start_soon(takes_something_every, 0.1, exchange)
        await trio.sleep(5)
        left = trio.current_time()
        exchange.leave()
        await trio.sleep(1)
        assert endings(caplog) == ["disconnected"]
        assert trio.current_time() - left < 2
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("then", ["wait", "end"])
@pytest.mark.parametrize("standstill", [40, 4000])
async def test_a_server_that_has_stood_still_throws_nobody_out(autojump_clock, caplog, then, standstill):
    """As one on a suspended machine, or in a container that was paused: everything is late at once when it goes on."""
    async with served(Source("x" * 1_000_000, then=then), send_timeout=30) as exchange:
        exchange.direct.reads = False
        await trio.sleep(10)
        autojump_clock.jump(standstill)
        await trio.sleep(25)
        assert endings(caplog) == []
        exchange.direct.read()
        await trio.sleep(1)

    assert endings(caplog) == ["completed" if then == "end" else "disconnected"]


@pytest.mark.parametrize("then", ["wait", "end"])
async def test_a_client_that_reads_nothing_after_a_standstill_either_is_given_up(autojump_clock, caplog, then):
    async with served(Source("x" * 1_000_000, then=then), send_timeout=30) as exchange:
        exchange.direct.reads = False
        await trio.sleep(10)
        autojump_clock.jump(4000)
        await trio.sleep(45)
        assert endings(caplog) == ["stalled"]
