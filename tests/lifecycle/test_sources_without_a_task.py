"""A source whose stream is told by its connection that the client has left: it runs in the request's task, and ends there.

All of it holds for one that runs in a task of its own as well, because middleware stands in between.
"""

import logging
from contextvars import ContextVar

import pytest
import trio
import trio.testing

from chirp_trio import EventStream, Topic
from chirp_trio.stream.source import place_listener

from .scenes import Source, endings
from .test_direct import Direct, debug, receiving, served  # noqa: F401 - fixtures

SOURCE = "source of an EventStream"


def names():
    return [task.name for task in tasks_of(trio.lowlevel.current_root_task())]


def tasks_of(task):
    yield task
    for nursery in task.child_nurseries:
        for child in nursery.child_tasks:
            yield from tasks_of(child)


async def test_it_has_no_task_of_its_own_where_the_connection_tells(autojump_clock, request):
    tells = "the connection tells" in request.node.name
    async with served(Source("one")) as exchange:
        await trio.sleep(1)
        assert exchange.direct.chunks == [b"data: one\n\n"]
        assert names().count(SOURCE) == (not tells)


async def test_it_is_cancelled_and_cleans_up_when_the_client_leaves(autojump_clock, caplog):
    source = Source("one", cleanup=1)
    async with served(source) as exchange:
        await trio.sleep(1)
        exchange.leave()
        began = trio.current_time()
    assert trio.current_time() - began == 1
    assert (source.ended_by, source.closed) == (["Cancelled"], 1)
    assert endings(caplog) == ["disconnected"]


async def test_it_does_not_begin_where_the_client_has_left(autojump_clock, caplog):
    source = Source("one")
    async with served(source) as exchange:
        exchange.leave()
        await trio.sleep(1)
        assert source.yielded == 0 or source.closed == 1
    assert endings(caplog) == ["disconnected"]


@pytest.mark.parametrize("ending", ["it ends", "it raises"])
async def test_it_comes_to_its_end(autojump_clock, caplog, ending):
    async with served(Source("one", then="end" if ending == "it ends" else "raise")) as exchange:
        await trio.sleep(1)
        assert exchange.messages[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
        assert endings(caplog) == ["completed" if ending == "it ends" else "failed"]


async def test_one_that_swallows_its_cancellation_is_cancelled_less_and_less_often(autojump_clock, caplog):
    cancelled_after = []

    async def source():
        yield "one"
        with trio.move_on_after(7, shield=True):
            await trio.sleep_forever()
        while len(cancelled_after) < 3:
            try:
                await trio.sleep_forever()
            except trio.Cancelled:
                cancelled_after.append(trio.current_time() - began)

    async with served(source, cleanup_timeout=5) as exchange:
        await trio.sleep(1)
        began = trio.current_time()
        exchange.leave()
    assert cancelled_after == [10, 20, 40]
    [warning] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warning.endswith("still cleaning up 5 s after the end (disconnected), and is not waited for")


@pytest.mark.parametrize("outside", [True, False], ids=["the handler is cancelled", "the client leaves"])
async def test_one_that_yields_in_a_nursery_of_its_own_sees_what_is_raised_there(autojump_clock, caplog, outside):
    async def source():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            while True:
                yield "x" * 5000
                await trio.sleep(1)

    with trio.move_on_after(3.5 if outside else 100):
        async with served(source) as exchange:
            await trio.sleep(2.5)
            if outside:
                await trio.sleep_forever()
            exchange.leave()
    assert trio.current_time() == (3.5 if outside else 2.5)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_nursery_of_its_own_that_fails_is_its_own_failure(autojump_clock, caplog):
    async def fail():
        await trio.sleep(1)
        raise ValueError("the source's secret")

    async def source():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail)
            yield "one"
            await trio.sleep_forever()

    async with served(source) as exchange:
        await trio.sleep(5)
        assert b"event: chirp:error" in exchange.direct.chunks[-1]
        assert endings(caplog) == ["failed"]


async def test_what_its_task_does_after_it_is_no_concern_of_its_stream(autojump_clock):
    """A connection's task goes on to the next request, which may read a topic without a stream."""
    topic = Topic("news")
    topic.publish_nowait("old")

    async def source():
        async for event in topic.subscribe(replay=1):
            yield event
            return

    direct = Direct()
    scope = {"type": "http", "method": "GET", "path": "/", "extensions": {"chirp_trio.connection": direct}}
    await EventStream(source)(scope, direct.receive, direct.send)
    assert place_listener.get(None) is None
    assert [message["type"] for message in direct.messages] == ["http.response.start", "http.response.body"]


user = ContextVar("user", default="nobody")


async def test_it_sees_what_the_handler_has_set(autojump_clock):
    async def source():
        yield user.get()

    user.set("ada")
    async with served(source) as exchange:
        await trio.sleep(1)
        assert exchange.direct.chunks == [b"data: ada\n\n"]
