"""A stream whose source is a subscription, and nothing else, needs no task for it; it begins and ends as all others do."""

import logging
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from chirp_trio import EventStream, Topic, merge
from chirp_trio.testing import TestClient, cancel_everywhere
from chirp_trio.topics.topic import audience_of
from tests.cases import each_case
from tests.lifecycle.scenes import Call, Visit, app_of, endings, logged, tasks

SOURCE = "source of an EventStream"


class Names(trio.abc.Instrument):
    """The names of the tasks that are spawned while it is entered."""

    def __init__(self):
        self.spawned = []

    def task_spawned(self, task):
        self.spawned.append(task.name)

    def __enter__(self):
        trio.lowlevel.add_instrument(self)
        return self.spawned

    def __exit__(self, *_):
        trio.lowlevel.remove_instrument(self)


@asynccontextmanager
async def stream_of(source, **options):
    async with TestClient(app_of(source, **options)) as client, client.stream_sse("/") as stream:
        yield stream


async def test_a_subscription_needs_no_task_whatever_it_is_told(autojump_clock):
    topic = Topic("news", history=2000)
    topic.publish_nowait("first")
    with Names() as spawned:
        async with stream_of(topic.subscribe("unknown", overflow="drop-oldest", buffer=50, replay=1)) as stream:
            assert (await anext(stream)).event == "chirp:gap"
            assert (await anext(stream)).data == "first"
            stream.stall()
            for number in range(300):
                topic.publish_nowait(f"{number} {'x' * 1000}")
                await trio.sleep(0.01)
            stream.resume()
            topic.publish_nowait("last")
            topic.close()
            got = [event async for event in stream]
    assert got[-1].data == "last"
    assert "chirp:gap" in [event.event for event in got]
    assert SOURCE not in spawned
    assert topic.subscribers == 0
    assert not audience_of(topic).seats


@each_case("what", ["filter", "key", "revalidate", "merged", "a function"])
async def test_whoever_has_code_of_the_users_in_it_or_several_topics_has_a_task(autojump_clock, what):
    topic, other = Topic("news"), Topic("sport")
    options = {}
    match what:
        case "filter":
            source = topic.subscribe(filter=lambda _: True)
        case "key":
            source = topic.subscribe(overflow="latest", key=lambda value: value)
        case "revalidate":

            async def allow():
                return True

            source, options = topic.subscribe(), {"revalidate": allow}
        case "merged":
            source = merge(topic.subscribe(), other.subscribe())
        case "a function":
            source = topic.subscribe
    with Names() as spawned:
        async with stream_of(source, **options) as stream:
            await trio.sleep(1)
            topic.publish_nowait("hello")
            assert (await anext(stream)).data == "hello"
    assert spawned.count(SOURCE) == 1


async def test_a_subscription_that_is_read_already_is_an_error_before_the_response(autojump_clock, caplog):
    topic = Topic("news")
    subscription = topic.subscribe()
    app = app_of(None)

    @app.route("/again")
    async def again():
        return EventStream(subscription)

    async with TestClient(app, raise_stream_errors=False) as client, client.stream_sse("/again"):
        await trio.sleep(1)
        assert (await client.get("/again")).status_code == 500
        assert topic.subscribers == 1
    assert "is being read already" in caplog.text


async def test_an_event_that_cannot_be_encoded_ends_the_stream_as_its_source_would(autojump_clock, caplog, monkeypatch):
    topic = Topic("news")

    def fail(*_):
        raise ValueError("cannot be read")

    async with TestClient(app_of(topic.subscribe()), raise_stream_errors=False) as client, client.stream_sse("/") as stream:
        await trio.sleep(1)
        monkeypatch.setattr(audience_of(topic), "encoded_since", fail)
        topic.publish_nowait("hello")
        topic.close()
        events = [event async for event in stream]
    assert events[-1].event == "chirp:error"
    assert "cannot be read" in caplog.text
    assert topic.subscribers == 0


@pytest.mark.parametrize("history", [0, 4], ids=["from now on", "behind"])
@pytest.mark.parametrize("kind", ["handler cancelled", "client left", "server stops", "everything cancelled", "closed"])
async def test_a_subscription_can_be_interrupted_at_any_step(autojump_clock, caplog, kind, history):
    caplog.set_level(logging.DEBUG, "chirp_trio.stream")
    before = tasks()
    visits, topics = [], []
    # Most interruptions do nothing to a server; and it sends remembered events as it sends later ones, so one history is
    # enough.
    make_visit = Visit if kind in {"server stops", "everything cancelled"} and not history else Call

    async def scenario():
        topic = Topic("feed")
        for _ in range(history):
            topic.publish_nowait("x" * 5000)
        topics.append(topic)
        visits.append(make_visit(topic.subscribe(replay=history), heartbeat_interval=1, send_timeout=50))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(publish, topic)
            await visits[-1]()
            nursery.cancel_scope.cancel()

    async def publish(topic):
        for _ in range(2):
            await trio.sleep(0.5)
            topic.publish_nowait("y" * 5000)
        topic.close()

    def check():
        assert tasks() == before, "a task is left"
        assert len(endings(caplog)) <= 1
        audience = audience_of(topics[-1])
        assert (len(audience), len(audience.seats)) == (0, 0)
        assert not visits[-1].app.streams
        assert not logged(caplog, logging.INFO)
        caplog.clear()

    interrupt = None if kind == "everything cancelled" else lambda: visits[-1].interrupt(kind)
    assert await cancel_everywhere(scenario, check=check, interrupt=interrupt) > 20
