"""What may be a source, and that its own nurseries and cancel scopes work as if nobody else were there."""

import functools
from contextvars import ContextVar

import pytest
import trio

from chirp_trio import App, EventStream
from chirp_trio.testing import TestClient
from tests.cases import each_case
from tests.lifecycle.scenes import Source, client_of, tasks


async def three():
    for number in range(3):
        yield number


class Iterable:
    """An async iterable that is no generator, with an iterator that wants to be closed."""

    def __init__(self):
        self.closed = 0
        self.number = 0

    def __aiter__(self):
        return self

    async def __anext__(self):
        await trio.lowlevel.checkpoint()
        self.number += 1
        if self.number > 3:
            raise StopAsyncIteration
        return self.number - 1

    async def aclose(self):
        self.closed += 1


class GeneratorInside:
    """An async iterable whose iterator is a generator."""

    async def __aiter__(self):
        for number in range(3):
            yield number


def channel():
    send, receive = trio.open_memory_channel[int](3)
    with send:
        for number in range(3):
            send.send_nowait(number)
    return receive


async def counting_to(bound):
    for number in range(bound):
        yield number


@each_case(
    "source",
    [
        pytest.param(lambda: three, id="async generator function"),
        pytest.param(lambda: three(), id="async generator"),
        pytest.param(lambda: functools.partial(counting_to, 3), id="partial"),
        pytest.param(lambda: lambda: three(), id="function that returns a generator"),
        pytest.param(channel, id="memory channel"),
        pytest.param(lambda: channel, id="function that returns a memory channel"),
        pytest.param(lambda: trio.as_safe_channel(three)(), id="as_safe_channel"),
        pytest.param(lambda: trio.as_safe_channel(three), id="as_safe_channel function"),
        pytest.param(Iterable, id="async iterable"),
        pytest.param(GeneratorInside, id="async iterable with a generator"),
        pytest.param(lambda: Source(0, 1, 2, then="end").__call__, id="bound method"),
    ],
)
async def test_every_kind_of_source_is_streamed_to_its_end(autojump_clock, source):
    async with client_of(source()) as client:
        result = await client.sse("/")
    assert [event.data for event in result.events] == ["0", "1", "2"]


@each_case(
    ("source", "named"),
    [
        pytest.param([1, 2], "list", id="list"),
        pytest.param((number for number in range(3)), "generator", id="plain generator"),
        pytest.param("text", "str", id="text"),
        pytest.param(None, "NoneType", id="None"),
        pytest.param(Source, "type", id="class"),
    ],
)
def test_anything_else_is_refused_when_the_stream_is_made(source, named):
    with pytest.raises(TypeError, match=rf"of type {named}; it takes an async generator function"):
        EventStream(source)


def test_a_coroutine_is_refused_and_the_message_says_what_is_missing():
    async def no_yield():
        return 1

    with pytest.raises(TypeError, match="an async function without a yield"):
        EventStream(no_yield())


async def test_a_function_that_returns_no_source_is_an_error_of_the_request(autojump_clock, caplog):
    async def no_yield():
        return 1

    async with client_of(no_yield) as client:
        assert (await client.sse("/")).status == 500
    assert "an async function without a yield" in caplog.text


async def test_a_function_that_returns_a_function_is_an_error_of_the_request(autojump_clock, caplog):
    async with client_of(lambda: three) as client:
        assert (await client.sse("/")).status == 500
    assert "returned a function" in caplog.text


async def test_a_generator_that_has_run_already_says_how_to_have_one_for_each_stream(autojump_clock, caplog):
    async with client_of(three()) as client:
        assert len((await client.sse("/")).events) == 3
        assert (await client.sse("/")).status == 500
    assert "pass the generator function itself" in caplog.text


async def test_a_function_is_a_source_for_every_stream_anew(autojump_clock):
    async with client_of(three) as client:
        for _ in range(2):
            assert len((await client.sse("/")).events) == 3


async def test_an_iterator_is_closed_when_the_client_leaves(autojump_clock):
    class Endless(Iterable):
        async def __anext__(self):
            await trio.sleep(1)
            return 1

    source = Endless()
    async with client_of(source) as client:
        await client.sse("/", max_events=1)
    assert source.closed == 1


async def test_a_memory_channel_is_closed_when_the_client_leaves(autojump_clock):
    send, receive = trio.open_memory_channel[str](10)
    send.send_nowait("a")
    async with client_of(receive) as client:
        await client.sse("/", max_events=1)
    with pytest.raises(trio.BrokenResourceError):
        send.send_nowait("b")


# -- nurseries and scopes around a yield: iterated by somebody who does not care, they bring down a whole server ---------


async def with_nursery(log):
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            for _ in range(1000):
                yield "x" * 1000
            nursery.cancel_scope.cancel()
    finally:
        log.append("closed")


async def test_a_nursery_around_a_yield_is_left_properly_when_the_source_ends(autojump_clock):
    log = []
    async with client_of(functools.partial(with_nursery, log)) as client:
        assert len((await client.sse("/")).events) == 1000
    assert log == ["closed"]


async def test_a_nursery_around_a_yield_is_left_properly_when_the_client_leaves(autojump_clock):
    log = []
    before = tasks()
    async with client_of(functools.partial(with_nursery, log)) as client:
        assert (await client.sse("/", max_events=1)).ended == "max_events"
        assert log == ["closed"]
    assert tasks() == before


async def test_a_scope_that_times_out_while_its_yield_waits_for_the_client_is_seen_by_the_source(autojump_clock):
    log = []

    async def impatient():
        for _ in range(3):
            with trio.move_on_after(10) as scope:
                for _ in range(1000):
                    yield "x" * 1000
            log.append(scope.cancelled_caught)
        yield "last"

    async with client_of(impatient, send_timeout=1000) as client, client.stream_sse("/") as stream:
        stream.stall()
        await trio.sleep(100)  # so the source waits at a yield, within its scope
        assert log == [True, True, True]
        stream.resume()
        events = [event async for event in stream]
    assert events[-1].data == "last"


async def test_a_child_task_that_fails_while_the_source_waits_at_a_yield_fails_the_source(autojump_clock, caplog):
    async def failing_child():
        await trio.sleep(10)
        raise ValueError("from the child")

    async def source():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(failing_child)
            while True:
                yield "x" * 1000

    async with client_of(source, send_timeout=1000, raise_stream_errors=False) as client, client.stream_sse("/") as stream:
        stream.stall()
        await trio.sleep(20)
        stream.resume()
        events = [event async for event in stream]
    assert events[-1].event == "chirp:error"
    assert "from the child" in caplog.text


async def test_a_source_runs_in_a_task_of_its_own(autojump_clock):
    seen = []

    async def source():
        seen.append(trio.lowlevel.current_task().name)
        yield 1
        seen.append(trio.lowlevel.current_task().name)

    async with client_of(source) as client:
        await client.sse("/")
    assert seen == ["source of an EventStream"] * 2


async def test_context_variables_of_the_request_reach_the_source(autojump_clock):
    user = ContextVar("user")
    app = App()

    @app.route("/")
    async def stream():
        user.set("ada")

        async def source():
            yield user.get()

        return EventStream(source)

    async with TestClient(app) as client:
        assert [event.data for event in (await client.sse("/")).events] == ["ada"]
