"""Topics and threads: a call from outside of trio works, or is refused in one sentence before anything has changed."""

import gc
import inspect
import re
import threading
import weakref
from contextlib import aclosing, asynccontextmanager
from functools import partial

import pytest
import trio
import trio.testing

from chirp_trio import App, EventStream, LiveStreams, SQLiteStore, Subscription, Topic, merge, merge_cursors
from chirp_trio.stream.waiting import Flusher, ParkingSpot
from chirp_trio.testing import TestClient
from chirp_trio.topics.merged import Merged
from chirp_trio.topics.subscription import Reader, subscriber_of
from chirp_trio.topics.topic import audience_of
from tests.cases import each_case
from tests.lifecycle.feeds import feed_of, read
from tests.lifecycle.stores import opened


def first_step(coroutine):
    """What becomes of something async where no trio runs it."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    finally:
        coroutine.close()
    raise AssertionError("it waits for something, outside of trio")


class Scene:
    """A topic that streams and others read, and everything of it that can be called."""

    def __init__(self, topic, app, reader, merged):
        self.topic = topic
        self.app = app
        self.reader = reader
        self.merged = merged
        self.unread = topic.subscribe()
        self.calls = {
            "Topic.publish_nowait": lambda: topic.publish_nowait("x"),
            "Topic.publish": lambda: first_step(topic.publish("x")),
            "Topic.publish_from_thread": lambda: topic.publish_from_thread("x"),
            "Topic.subscribe": lambda: topic.subscribe(replay=1),
            "Topic.subscribe, with an id": lambda: topic.subscribe(topic.cursor, filter=bool),
            "Topic.cursor": lambda: topic.cursor,
            "Topic.subscribers": lambda: topic.subscribers,
            "Topic.members": lambda: topic.members,
            "Topic.presence": topic.presence,
            "Topic.presence, read": lambda: first_step(anext(topic.presence())),
            "Topic.close": topic.close,
            "Topic.__aenter__": lambda: first_step(Topic("other", store=SQLiteStore("other.db")).__aenter__()),
            "Topic.__aexit__": lambda: first_step(topic.__aexit__(None, None, None)),
            "Subscription.__aiter__": lambda: aiter(self.unread),
            "Merged.__aiter__": lambda: aiter(merge(self.unread)),
            "Reader.__aiter__": lambda: aiter(reader),
            "Reader.__anext__": lambda: first_step(anext(reader)),
            "Reader.__anext__, of a merge": lambda: first_step(anext(merged)),
            "Reader.aclose": lambda: first_step(reader.aclose()),
            "Reader.aclose, of a merge": lambda: first_step(merged.aclose()),
            "LiveStreams.close": lambda: app.streams.close(lambda _: True),
            "LiveStreams.__len__": lambda: len(app.streams),
            "LiveStreams.__iter__": lambda: list(app.streams),
            "LiveStreams.opened": lambda: app.streams.opened,
            "LiveStreams.refused": lambda: app.streams.refused,
            "LiveStreams.ended": lambda: app.streams.ended,
            "LiveStreams.events": lambda: app.streams.events,
            "LiveStreams.bytes": lambda: app.streams.bytes,
            "LiveStreams.on_close": lambda: app.streams.on_close(print),
            "merge": lambda: merge(topic.subscribe()),
            "merge_cursors": lambda: merge_cursors(topic),
        }

    def state(self):
        topic, log = self.topic, audience_of(self.topic).log
        return (
            topic.subscribers, topic.is_closed, topic.cursor, len(log), log.last, log.first, len(audience_of(topic).seats),
            len(self.app.streams), self.app.streams.opened, subscriber_of(self.unread)._is_read, self.reader._is_closed,
        )  # fmt: skip


def scene_of(topic, app):
    return Scene(topic, app, aiter(topic.subscribe()), aiter(merge(topic.subscribe())))


NAMES = sorted(scene_of(Topic("news"), App()).calls)
WORK = {
    *("Topic.publish_from_thread", "Topic.subscribe", "Topic.subscribe, with an id", "Topic.cursor", "Topic.subscribers"),
    *("Topic.members", "Topic.presence", "merge", "merge_cursors", "Reader.__aiter__"),
    *(name for name in NAMES if name.startswith("LiveStreams") and name != "LiveStreams.close"),
}
# They look at values that do not change.
HARMLESS = {"Topic.name", "Topic.is_closed", "Subscription.buffer", "Subscription.dropped"}
TOUCHED = (Topic, Subscription, Merged, Reader, LiveStreams)


@each_case("kind", TOUCHED, ids=lambda kind: kind.__name__)
def test_each_public_method_is_among_those_that_are_tried(kind):
    dunder = {"__aiter__", "__anext__", "__aenter__", "__aexit__", "__len__", "__iter__"}
    members = {
        f"{kind.__name__}.{name}"
        for name, member in inspect.getmembers(kind)
        if (not name.startswith("_") or name in dunder) and (inspect.isfunction(member) or isinstance(member, property))
    }
    assert members - HARMLESS <= {name.partition(",")[0] for name in NAMES}


def in_foreign_thread(function):
    """Call it in a thread that trio has not started."""
    outcome = []

    def run():
        try:
            outcome.append((function(), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    [(value, error)] = outcome
    if error is not None:
        raise error
    return value


def in_thread_of_trio(function):
    return function()


THREADS = pytest.mark.parametrize("in_thread", [in_thread_of_trio, in_foreign_thread])


@asynccontextmanager
async def scene(kind="plain"):
    """A topic, two streams of it, and readers."""
    options = {"plain": {}, "stored": {"store": SQLiteStore("topics.db")}}
    topic, app = Topic("news", **options[kind]), App()
    async with opened(topic):
        await topic.publish("before")
        async with feed_of(topic, app) as feed, feed.stream_sse("/") as one, feed.stream_sse("/") as other:
            await trio.sleep(1)
            scene = scene_of(topic, app)
            yield scene, (one, other)
            await scene.reader.aclose()
            await scene.merged.aclose()


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@THREADS
@pytest.mark.parametrize("kind", ["plain", "stored"])
async def test_calls_from_a_thread_work_or_change_nothing_and_name_what_does(autojump_clock, kind, in_thread):
    async with scene(kind) as (scene_, streams):
        before = scene_.state()
        for name, call in scene_.calls.items():
            if name == "Topic.publish_from_thread":
                continue
            outcome = await trio.to_thread.run_sync(in_thread, partial(outcome_of, call))
            assert (outcome is None) == (name in WORK), (name, outcome)
            assert outcome is None or re.fullmatch(SENTENCE, outcome), (name, outcome)
            assert scene_.state() == before, name
        await trio.to_thread.run_sync(in_thread, scene_.calls["Topic.publish_from_thread"])
        await scene_.topic.publish("after")
        for stream in streams:
            assert await read(stream, 2) == ["x", "after"]
            beats = stream.heartbeats
            await trio.sleep(40)
            assert stream.heartbeats >= beats + 2
        assert [(await anext(scene_.reader)).value for _ in range(2)] == ["x", "after"]


def outcome_of(call):
    """What a call was refused with; None where it was not."""
    try:
        call()
    except RuntimeError as refusal:
        return str(refusal)


CALLED = r"(\w+\.\w+\(\)|reading a Subscription|closing what reads a Subscription|async with topic)"
CURE = (
    r"(in a thread(, such as that of a plain handler)?, call (topic\.publish_from_thread\(value\)"
    r"|trio\.from_thread\.run_sync\(.+\))|(read|close|iterate|use) it in a task of trio's)"
)
SENTENCE = f"{CALLED} was called outside of trio; {CURE}"


@each_case("name", [name for name in NAMES if name != "Topic.__aexit__"])
@each_case("is_over", [False, True])
def test_a_call_where_no_trio_runs_works_or_changes_nothing(name, is_over):
    topic, app = Topic("news"), App()
    if is_over:
        trio.run(topic.publish, "before")
    scene_ = scene_of(topic, app)
    before = scene_.state()
    changing = {"Topic.publish_nowait", "Topic.close", "Reader.aclose"}
    changing |= {"Subscription.__aiter__", "Merged.__aiter__", "Reader.aclose, of a merge"}
    refusal = None
    try:
        scene_.calls[name]()
    except RuntimeError as error:
        refusal = str(error)
    if refusal is None:
        assert name in changing or scene_.state() == before
    else:
        assert re.search("outside of trio|has not been used in trio yet", refusal)
        assert name not in WORK - {"Topic.publish_from_thread"}
        assert scene_.state() == before


def test_another_run_at_the_same_time_is_refused():
    async def main(topic):
        async with feed_of(topic) as feed, feed.stream_sse("/") as stream:
            with pytest.raises(RuntimeError, match=r"another trio run"):
                await trio.to_thread.run_sync(trio.run, topic.publish, "from another run")
            await topic.publish("from this one")
            assert await read(stream, 1) == ["from this one"]

    topic = Topic("news")
    trio.run(main, topic)
    trio.run(main, topic)  # this run is another one, and the first is over


# -- publishing from a thread -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["plain", "stored"])
async def test_a_foreign_thread_publishes_to_whatever_trio_has_used(autojump_clock, kind):
    async with scene(kind) as (scene_, streams):
        id = await trio.to_thread.run_sync(in_foreign_thread, lambda: scene_.topic.publish_from_thread("sensor"))
        for stream in streams:
            event = await stream.next_event()
            assert (event.id, event.data) == (id, "sensor")
        with pytest.raises(TypeError, match="object"):
            await trio.to_thread.run_sync(in_foreign_thread, lambda: scene_.topic.publish_from_thread(object()))


@pytest.mark.parametrize("kind", ["plain", "stored"])
async def test_so_does_a_thread_of_another_run(autojump_clock, kind):
    def in_another_run(function):
        return trio.run(trio.to_thread.run_sync, function)

    async with scene(kind) as (scene_, streams):
        topic = scene_.topic
        id = await trio.to_thread.run_sync(in_another_run, lambda: topic.publish_from_thread("sensor"))
        for stream in streams:
            event = await stream.next_event()
            assert (event.id, event.data) == (id, "sensor")
        subscription = await trio.to_thread.run_sync(in_another_run, topic.subscribe)
        topic.publish_nowait("later")
        async with aclosing(aiter(subscription)) as events:
            assert (await anext(events)).value == "later"


async def test_a_topic_of_an_app_that_runs_is_found_by_foreign_threads_before_anybody_has_subscribed(autojump_clock):
    app = App()
    topic = app.topic("sensors")
    async with TestClient(app):
        await trio.to_thread.run_sync(in_foreign_thread, lambda: topic.publish_from_thread("first"))
        assert [event.value for event in audience_of(topic).log.since(0, 10)] == ["first"]
        with pytest.raises(RuntimeError, match=r"call topic\.publish_from_thread\(value\)$"):
            await trio.to_thread.run_sync(in_foreign_thread, lambda: topic.publish_nowait("second"))


def test_a_foreign_thread_is_told_what_to_do_where_the_topic_has_not_been_used_in_trio():
    topic = Topic("news")
    with pytest.raises(
        RuntimeError, match=r"'news' has not been used in trio yet, .* trio_token=token\) with the token that"
    ):
        topic.publish_from_thread("x")
    assert audience_of(topic).log.last == 0


async def test_in_trios_own_thread_it_says_what_to_call():
    topic = Topic("news")
    with pytest.raises(RuntimeError, match=r"trio's own thread, .*; call topic\.publish_nowait\(value\) there$"):
        topic.publish_from_thread("x")
    assert audience_of(topic).log.last == 0


async def test_a_plain_handler_may_subscribe_and_ask_for_the_cursor(autojump_clock):
    app = App()
    news = app.topic("news", max_age=1000)

    @app.route("/live")
    def live(request):
        return EventStream(news.subscribe(request.last_event_id))

    @app.route("/cursor")
    def cursor():
        return merge_cursors(news)

    @app.route("/say")
    def say():
        return news.publish_from_thread("hello")

    async with TestClient(app) as client:
        here = (await client.get("/cursor")).text
        async with client.stream_sse("/live") as stream:
            id = (await client.get("/say")).text
            event = await stream.next_event()
        again = await client.sse("/live", last_event_id=here, max_events=1)
    assert (event.id, event.data) == (again.events[0].id, again.events[0].data) == (id, "hello")


# -- a reader that is let go of -----------------------------------------------------------------------------------------


@THREADS
async def test_a_reader_that_a_thread_lets_go_of_leaves_in_trio(autojump_clock, in_thread):
    topic = Topic("news")
    where = []
    async with trio.open_nursery() as nursery:
        changes = []

        async def watch():
            async for change in topic.presence():
                changes.append(change.kind)  # noqa: PERF401 - what has come by then counts

        nursery.start_soon(watch)
        await trio.testing.wait_all_tasks_blocked()
        audience = audience_of(topic)
        leave = audience.leave
        audience.leave = lambda seat: (where.append(trio.lowlevel.in_trio_run()), leave(seat))
        readers = [aiter(topic.subscribe()), aiter(merge(topic.subscribe()))]
        await trio.to_thread.run_sync(in_thread, readers.clear)
        gc.collect()
        await trio.sleep(1)
        assert (topic.subscribers, changes, where) == (0, ["join", "join", "leave", "leave"], [True, True])
        nursery.cancel_scope.cancel()


def test_a_reader_that_outlives_the_run_leaves_all_the_same():
    topic, readers = Topic("news"), []

    async def main():
        readers.append(aiter(topic.subscribe()))

    trio.run(main)
    assert topic.subscribers == 1
    readers.clear()
    assert topic.subscribers == 0


# -- wake-ups that fail -------------------------------------------------------------------------------------------------


async def test_a_task_whose_wake_up_failed_is_still_parked_and_is_woken_by_the_next(autojump_clock):
    spot = ParkingSpot()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(spot.park)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(RuntimeError):
            await trio.to_thread.run_sync(spot.wake)
        with pytest.raises(trio.BusyResourceError):
            await spot.park()
        spot.wake()


async def test_what_was_to_be_flushed_when_a_wake_up_failed_is_flushed_with_the_next(autojump_clock):
    flushed = []

    class Writer:
        def flush(self, now):
            flushed.append(self)

    flusher, first, second = Flusher(0), Writer(), Writer()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(flusher.run)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(RuntimeError):
            await trio.to_thread.run_sync(flusher.flush_soon, first)
        flusher.flush_soon(second)
        await trio.testing.wait_all_tasks_blocked()
        assert flushed == [first, second]
        nursery.cancel_scope.cancel()


async def test_an_error_in_writing_one_stream_keeps_no_other_from_being_written(autojump_clock, caplog):
    flushed = []

    class Writer:
        def flush(self, now):
            flushed.append(self)

    class Broken(Writer):
        def flush(self, now):
            raise ValueError("broken")

    flusher, other = Flusher(0), Writer()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(flusher.run)
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(2):
            flusher.flush_soon(Broken())
            flusher.flush_soon(other)
            await trio.testing.wait_all_tasks_blocked()
        assert flushed == [other, other]
        nursery.cancel_scope.cancel()
    assert [record.getMessage() for record in caplog.records] == ["a stream could not be written"] * 2


async def test_nothing_is_kept_of_streams_that_were_written_once_they_are_over(autojump_clock):
    """There may be nobody else to be written, for hours."""

    class Writer:
        def flush(self, now):
            pass

    flusher, writers = Flusher(0), [Writer(), Writer()]
    left = [weakref.ref(writer) for writer in writers]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(flusher.run)
        while writers:
            flusher.flush_soon(writers.pop())
        await trio.testing.wait_all_tasks_blocked()
        assert [writer() for writer in left] == [None, None]
        nursery.cancel_scope.cancel()
