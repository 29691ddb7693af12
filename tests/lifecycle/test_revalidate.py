"""Streams that ask, again and again, whether they may go on."""

import logging
from functools import partial

import pytest
import trio

from chirp_trio.testing import TestClient
from tests.lifecycle.scenes import Source, app_of, client_of, endings, logged


@pytest.fixture(autouse=True)
def _debug_log(caplog):
    caplog.set_level(logging.DEBUG, logger="chirp_trio")


class Question:
    """Answers True until `until`, on trio's clock; notes when it was asked."""

    def __init__(self, *, until: float = 1e9, takes: float = 0.0, error: Exception | None = None) -> None:
        self.until = until
        self.takes = takes
        self.error = error
        self.asked: list[float] = []

    async def __call__(self) -> bool:
        self.asked.append(round(trio.current_time(), 3))
        await trio.sleep(self.takes)
        allowed = trio.current_time() < self.until
        if not allowed and self.error is not None:
            raise self.error
        return allowed


async def test_it_is_asked_before_each_heartbeat(autojump_clock, caplog):
    question = Question()
    async with client_of(Source("a"), heartbeat_interval=10, revalidate=question) as client:
        began = trio.current_time()
        result = await client.sse("/", disconnect_after=35)
    assert [round(time - began) for time in question.asked] == [10, 20, 30]
    assert result.heartbeats == 3
    assert logged(caplog, logging.INFO) == []


async def test_a_refusal_ends_an_idle_stream_instead_of_its_heartbeat(autojump_clock, caplog):
    source = Source("a")
    question = Question(until=trio.current_time() + 15)
    async with client_of(source, heartbeat_interval=10, revalidate=question) as client:
        result = await client.sse("/", timeout=100)
    assert result.ended == "completed", "the client gets a proper end"
    assert result.duration == pytest.approx(20)
    assert result.heartbeats == 1
    assert (source.ended_by, source.closed) == (["Cancelled"], 1)
    assert endings(caplog) == ["closed"]
    assert logged(caplog, logging.INFO) == []


async def test_a_busy_stream_asks_before_an_event_when_the_last_answer_is_old(autojump_clock):
    question = Question()
    async with client_of(Source(*range(100), pause=1), heartbeat_interval=10, revalidate=question) as client:
        began = trio.current_time()
        result = await client.sse("/", max_events=35)
    assert [round(time - began) for time in question.asked] == [10, 20, 30]
    assert [event.data for event in result.events] == [str(number) for number in range(35)], "none is lost"


async def test_an_event_that_a_refusal_meets_is_not_sent_nor_is_any_after_it(autojump_clock, caplog):
    async def talkative():
        try:
            for number in range(100):
                yield number
                await trio.sleep(1)
        finally:
            yield "last words"

    question = Question(until=trio.current_time() + 15)
    async with client_of(talkative, heartbeat_interval=10, revalidate=question) as client:
        result = await client.sse("/", timeout=100)
    assert [event.data for event in result.events] == [str(number) for number in range(20)]
    assert endings(caplog) == ["closed"]


async def test_after_a_refusal_nothing_is_sent_of_a_source_that_shields_itself_either(autojump_clock):
    async def stubborn():
        yield "allowed"
        with trio.move_on_after(40, shield=True):
            while True:
                await trio.sleep(1)
                yield "forbidden"

    async with client_of(stubborn, heartbeat_interval=10, cleanup_timeout=100, revalidate=Question(until=0)) as client:
        result = await client.sse("/")
    assert [event.data for event in result.events] == ["allowed"] + ["forbidden"] * 9
    assert result.duration == pytest.approx(40)


async def test_a_source_that_never_waits_is_ended_by_a_refusal_too(autojump_clock):
    source = Source(*["x" * 10_000] * 1000, then="end")  # each fills the outbox, and so waits for the client
    question = Question(until=trio.current_time() + 0.5)
    async with client_of(source, heartbeat_interval=1, revalidate=question) as client, client.stream_sse("/") as stream:
        stream.stall()
        await trio.sleep(1.5)
        stream.resume()
        received = [event async for event in stream]
    assert len(received) < 10
    assert source.closed == 1


async def test_a_refusal_reaches_a_source_that_swallows_nothing_and_awaits_nothing(autojump_clock):
    yielded = 0

    async def busy():
        nonlocal yielded
        await trio.sleep(20)
        while True:
            yielded += 1
            yield yielded

    async with client_of(busy, heartbeat_interval=None, revalidate=Question(until=0)) as client:
        with trio.fail_after(30):
            result = await client.sse("/")
    assert (result.events, yielded) == ((), 1)


@pytest.mark.parametrize("pause", [1, 1000])
async def test_an_error_counts_as_a_refusal_and_is_logged_once(autojump_clock, caplog, pause):
    source = Source(*range(100), pause=pause)
    question = Question(until=0, error=ConnectionError("the database is gone"))
    async with client_of(source, heartbeat_interval=10, revalidate=question, raise_stream_errors=False) as client:
        result = await client.sse("/", timeout=100)
    assert result.duration == pytest.approx(10)
    assert len(question.asked) == 1
    assert "database" not in str(result)
    assert endings(caplog) == ["closed"]
    [message] = logged(caplog, logging.INFO)
    assert message == "/: its revalidate raised, which counts as a refusal"


async def test_an_answer_that_is_no_answer_is_a_refusal(autojump_clock, caplog):
    async def forgetful():
        pass

    async with client_of(Source("a"), heartbeat_interval=10, revalidate=forgetful) as client:
        await client.sse("/", timeout=100)
    assert endings(caplog) == ["closed"]


async def test_a_function_that_is_not_async_is_logged_and_a_refusal(autojump_clock, caplog):
    async with client_of(Source("a"), heartbeat_interval=10, revalidate=lambda: True, raise_stream_errors=False) as client:
        await client.sse("/", timeout=100)
    assert endings(caplog) == ["closed"]
    assert len(logged(caplog, logging.ERROR)) == 1


async def test_a_slow_answer_holds_up_its_own_stream_and_no_other(autojump_clock):
    slow = Question(takes=50)
    results = {}

    async def listen(name, **options):
        async with TestClient(app_of(Source(), heartbeat_interval=10, **options)) as client:
            results[name] = await client.sse("/", disconnect_after=65)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(listen, "slow", revalidate=slow))
        nursery.start_soon(listen, "other")
    assert results["slow"].heartbeats == 1, "at 60: there is never more than one question"
    assert results["other"].heartbeats == 6


async def test_a_client_that_leaves_ends_a_question_that_is_being_asked(autojump_clock, caplog):
    question = Question(takes=1000)
    async with client_of(Source("a"), heartbeat_interval=10, revalidate=question) as client:
        began = trio.current_time()
        await client.sse("/", disconnect_after=15)
        assert trio.current_time() - began == pytest.approx(15)
    assert endings(caplog) == ["disconnected"]
    assert logged(caplog, logging.INFO) == []


async def test_last_words_are_heard_although_the_last_answer_is_old(autojump_clock):
    async def polite():
        try:
            yield "hello"
            await trio.sleep_forever()
        finally:
            yield "goodbye"

    question = Question()
    async with client_of(polite, heartbeat_interval=None, revalidate=question) as client, client.stream_sse("/") as stream:
        await stream.next_event()
        await trio.sleep(100)
        client.drain()
        assert (await stream.next_event(timeout=1)).data == "goodbye"
    assert question.asked == []


async def test_a_stream_that_does_not_ask_has_no_task_for_it(autojump_clock):
    async def count(**options):
        async with client_of(Source("a"), **options) as client, client.stream_sse("/") as stream:
            await stream.next_event()
            await trio.testing.wait_all_tasks_blocked()
            return trio.lowlevel.current_statistics().tasks_living

    assert await count(revalidate=Question()) == await count() + 1
