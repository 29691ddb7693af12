"""Whatever the source of a stream looks like: a client knows its place at once, comes back to what it missed, or to a gap."""

from contextlib import aclosing, asynccontextmanager

import pytest
import trio
import trio.testing

from chirp_trio import App, Comment, EventStream, SSEEvent, Topic, merge
from chirp_trio.testing import TestClient
from tests.cases import each_case
from tests.lifecycle.feeds import read, told


def generator(source):
    async def events():
        async for event in source:
            yield event

    return events


def closing_generator(source):
    async def events():
        async with aclosing(aiter(source)) as items:
            async for event in items:
                yield event

    return events


def selecting_generator(source):
    async def events():
        yield Comment("welcome")
        async for event in source:
            if event.value != "unwanted":
                yield event

    return events


def greeting_generator(source):
    async def events():
        reader = aiter(source)
        yield "welcome"
        async for event in reader:
            yield event

    return events


class Wrapper:
    def __init__(self, source):
        self.source = source

    def __aiter__(self):
        return aiter(self.source)


@asynccontextmanager
async def manager(source):
    yield source


@trio.as_safe_channel
async def channel(source):
    async for event in source:
        yield event


SOURCES = {
    "a subscription": lambda source: source,
    "a function": lambda source: lambda: source,
    "a function of a reader": lambda source: lambda: aiter(source),
    "a reader": aiter,
    "a generator function": generator,
    "a generator": lambda source: generator(source)(),
    "a generator that closes": closing_generator,
    "a generator that selects": selecting_generator,
    "a function of a generator": lambda source: lambda: generator(source)(),
    "a generator of a generator": lambda source: generator(generator(source)()),
    "a wrapper": Wrapper,
    "a function of a wrapper": lambda source: lambda: Wrapper(source),
    "a context manager": manager,
    "a function of a context manager": lambda source: lambda: manager(source),
    "a safe channel": channel,
}
# What is opened in the handler cannot know the stream that it will be read for.
OPENED_BEFORE = {"a reader"}


async def allow():
    return True


async def allow_late():
    await trio.sleep(0.01)
    return True


KINDS = {
    "bare": lambda topic, _other, here: topic.subscribe(here),
    "filtered": lambda topic, _other, here: topic.subscribe(here, filter=lambda value: value != "unwanted"),
    "merged": lambda topic, other, here: merge(other.subscribe(here), topic.subscribe(here)),
    "merged and filtered": lambda topic, other, here: merge(
        topic.subscribe(here, filter=lambda value: value != "unwanted"), other.subscribe(here)
    ),
}


def two_topics():
    return Topic("news", history=20), Topic("other", history=20)


topics = pytest.fixture(two_topics)


def app_of(topics, kind, source, revalidate=None):
    app = App()

    @app.route("/")
    async def live(request):
        return EventStream(SOURCES[source](KINDS[kind](*topics, request.last_event_id)), revalidate=revalidate)

    return app


def ways():
    """Each source with each kind, and with both ways to answer `revalidate`; each kind with one of these ways."""
    for number, source in enumerate(name for name in SOURCES if name not in OPENED_BEFORE):
        for kind in KINDS:
            yield pytest.param(source, kind, None, id=f"{kind}-{source}")
        once, late = ("bare", "merged") if number % 2 else ("merged and filtered", "filtered")
        yield pytest.param(source, once, allow, id=f"{once}, revalidated-{source}")
        yield pytest.param(source, late, allow_late, id=f"{late}, revalidated slowly-{source}")


@each_case(("source", "kind", "revalidate"), ways())
async def test_whoever_leaves_at_any_time_comes_back_to_what_was_missed(autojump_clock, kind, source, revalidate):
    news, _ = topics = two_topics()
    news.publish_nowait("before")
    async with TestClient(app_of(topics, kind, source, revalidate)) as client:
        async with client.stream_sse("/") as stream:
            await trio.sleep(1)
            assert stream.last_event_id, "it knows its place before the first event"
            await stream.disconnect()
            news.publish_nowait("missed")
            await stream.connect()
            assert await read(stream, 1) == ["missed"]
            await trio.sleep(100)  # past what an answer of revalidate holds for
            news.publish_nowait("pushed")
            event = await stream.next_event()
            assert event.data == "pushed"
            assert news.cursor in event.id.split(",")
            await stream.disconnect()
            for number in range(30):  # the history is 20
                news.publish_nowait(number)
            await stream.connect()
            assert await read(stream, 21) == [("gap", 10), *map(str, range(10, 30))]
            place = stream.last_event_id
            await stream.disconnect()
        unknown = (await client.sse("/", last_event_id="nobodys", max_events=1)).events
        assert told(unknown) == [("gap", None)]
        news.publish_nowait("last")
        assert told((await client.sse("/", last_event_id=place, max_events=1)).events) == ["last"]
    assert news.subscribers == topics[1].subscribers == 0


async def test_a_reader_that_the_handler_has_opened_gives_ids_with_its_events(autojump_clock, topics):
    news = topics[0]
    async with TestClient(app_of(topics, "bare", "a reader")) as client, client.stream_sse("/") as stream:
        await trio.sleep(1)
        assert not stream.last_event_id
        id = news.publish_nowait("first")
        assert (await stream.next_event()).id == id


# -- items of the source's own ------------------------------------------------------------------------------------------


def values_app(topic, items):
    app = App()

    @app.route("/")
    async def live(request):
        async def source():
            async for event in topic.subscribe(request.last_event_id):
                for item in items(event):
                    yield item

        return EventStream(source)

    return app


async def test_who_gets_values_has_a_place_until_the_first_and_is_new_after_it(autojump_clock, topics):
    news = topics[0]
    news.publish_nowait("before")
    items = lambda event: [event.value, SSEEvent("more", event="more")]  # noqa: E731
    async with TestClient(values_app(news, items)) as client, client.stream_sse("/") as stream:
        await trio.sleep(1)
        assert stream.last_event_id == news.cursor
        await stream.disconnect()
        news.publish_nowait("missed")
        await stream.connect()
        assert await read(stream, 2) == ["missed", "more"]
        assert not stream.last_event_id, "or it would get all of this again"
        news.publish_nowait("next")
        assert await read(stream, 2) == ["next", "more"]
        await stream.disconnect()
        news.publish_nowait("missed")
        await stream.connect()
        await trio.sleep(1)
        news.publish_nowait("new")
        assert await read(stream, 1) == ["new"]


async def test_who_gets_values_is_told_once_that_they_have_no_place(autojump_clock, topics):
    news = topics[0]
    app = App()

    @app.route("/")
    async def live():
        async def source():
            async for event in news.subscribe(replay=3):
                yield event.value
                if event.value == "3":
                    return

        return EventStream(source)

    for text in "123":
        news.publish_nowait(text)
    async with TestClient(app) as client:
        text = (await client.get("/", headers={"accept": "text/event-stream"})).text
    lines = [line for line in text.splitlines() if line and not line.startswith("retry")]
    assert lines[0].startswith("id: ")
    assert lines[1:] == ["id: ", "data: 1", "data: 2", "data: 3"]


@pytest.mark.parametrize("event", [None, "item"])
async def test_an_item_with_an_id_of_its_own_is_told_that_id_alone(autojump_clock, topics, event):
    news = topics[0]
    news.publish_nowait("1")
    app = App()

    @app.route("/")
    async def live():
        async def source():
            async for published in news.subscribe(replay=1):
                yield SSEEvent(published.value, event=event, id="own")
                return

        return EventStream(source)

    async with TestClient(app) as client:
        text = (await client.get("/", headers={"accept": "text/event-stream"})).text
    lines = [line for line in text.splitlines() if line and not line.startswith("retry")]
    assert lines[0].startswith("id: ")
    assert lines[1:] == [*([f"event: {event}"] if event else []), "id: own", "data: 1"]


async def test_a_source_that_gives_its_items_the_ids_of_what_it_reads_is_resumed(autojump_clock, topics):
    news = topics[0]
    items = lambda event: [SSEEvent(f"<p>{event.value}</p>", event="item", id=event.id)]  # noqa: E731
    async with TestClient(values_app(news, items)) as client, client.stream_sse("/") as stream:
        await trio.sleep(1)
        await stream.disconnect()
        news.publish_nowait("one")
        await stream.connect()
        assert await read(stream, 1) == ["<p>one</p>"]
        await stream.disconnect()
        news.publish_nowait("two")
        await stream.connect()
        assert await read(stream, 1) == ["<p>two</p>"]


async def test_what_a_source_reads_no_longer_is_closed_while_its_stream_goes_on(autojump_clock, topics):
    news = topics[0]
    app = App()

    async def first_and_nothing_more():
        async for event in news.subscribe():
            yield event
            break
        await trio.sleep_forever()

    @app.route("/")
    async def live():
        return EventStream(first_and_nothing_more())

    async with TestClient(app) as client, client.stream_sse("/") as stream:
        news.publish_nowait("one")
        assert await read(stream, 1) == ["one"]
        await trio.testing.wait_all_tasks_blocked()
        assert news.subscribers == 0


async def test_an_item_before_the_first_event_takes_nobodys_place_away(autojump_clock, topics):
    news = topics[0]
    app = App()

    @app.route("/")
    async def live(request):
        return EventStream(greeting_generator(news.subscribe(request.last_event_id)))

    async with TestClient(app) as client, client.stream_sse("/") as stream:
        assert await read(stream, 1) == ["welcome"]
        assert stream.last_event_id == news.cursor
        await stream.disconnect()
        news.publish_nowait("missed")
        await stream.connect()
        assert await read(stream, 2) == ["welcome", "missed"]
        assert stream.last_event_id == news.cursor


async def test_who_reads_two_topics_by_hand_has_no_place_in_them(autojump_clock, topics):
    app = App()

    @app.route("/")
    async def live():
        async def source():
            readers = [aiter(topic.subscribe()) for topic in topics]
            yield Comment("they are open")
            for reader in readers:
                yield (await anext(reader)).value

        return EventStream(source)

    async with TestClient(app) as client, client.stream_sse("/") as stream:
        await trio.sleep(1)
        assert not stream.last_event_id
        for topic in topics:
            topic.publish_nowait(topic.name)
        assert await read(stream, 2) == ["news", "other"]


async def test_what_a_source_starts_elsewhere_tells_its_client_nothing(autojump_clock, topics):
    news = topics[0]

    @asynccontextmanager
    async def lifespan(_app):
        async with trio.open_nursery() as elsewhere:
            yield {"elsewhere": elsewhere}
            elsewhere.cancel_scope.cancel()

    app = App(lifespan=lifespan)

    async def count():
        async for _ in news.subscribe():
            pass

    @app.route("/")
    async def live(request):
        async def source():
            request.state["elsewhere"].start_soon(count)
            await trio.sleep_forever()
            yield

        return EventStream(source)

    async with TestClient(app) as client, client.stream_sse("/") as stream:
        await trio.sleep(1)
        assert news.subscribers == 1
        assert not stream.last_event_id
        await stream.disconnect()


# -- revalidation -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
async def test_a_pushed_stream_asks_when_the_last_answer_is_old_and_sends_nothing_after_a_refusal(
    autojump_clock, topics, kind
):
    asked = []

    async def until_35():
        asked.append(round(trio.current_time() - began))
        return trio.current_time() - began < 35

    news, app = topics[0], App()

    @app.route("/")
    async def live(request):
        source = KINDS[kind](*topics, request.last_event_id)
        return EventStream(source, heartbeat_interval=10, revalidate=until_35)

    async with TestClient(app) as client:
        began = trio.current_time()
        async with client.stream_sse("/") as stream, trio.open_nursery() as nursery:

            async def publish():
                await trio.sleep(0.5)
                for number in range(100):
                    news.publish_nowait(number)
                    await trio.sleep(1)

            nursery.start_soon(publish)
            received = [event.data async for event in stream]
            nursery.cancel_scope.cancel()
    assert asked == [10, 20, 30, 40]
    assert received == [str(number) for number in range(40)]
    assert news.subscribers == 0


async def test_a_pushed_stream_that_may_go_on_is_pushed(autojump_clock, topics):
    news = topics[0]
    async with TestClient(app_of(topics, "bare", "a subscription", allow)) as client, client.stream_sse("/") as stream:
        await trio.sleep(1)
        steps = []

        class Counting(trio.abc.Instrument):
            def before_task_step(self, task):
                steps.append(task.name)

        trio.lowlevel.add_instrument(counting := Counting())
        news.publish_nowait("pushed")
        assert await read(stream, 1) == ["pushed"]
        trio.lowlevel.remove_instrument(counting)
        assert "source of an EventStream" not in steps
