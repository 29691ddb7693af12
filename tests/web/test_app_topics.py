"""An app's topics with a store: open while the app runs, and the same fragments after a restart."""

from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from chirp_trio import App, AppConfig, EventStream, Fragment, SQLiteStore, SSEEvent, Topic
from chirp_trio.testing import AppError, TestClient
from chirp_trio.topics.topic import audience_of

TEMPLATES = Path(__file__).parent / "templates"
HTMX4 = {"HX-Request": "true", "Accept": "text/html, text/event-stream"}


@pytest.fixture
def store(tmp_path):
    return SQLiteStore(tmp_path / "topics.db")


def app_of(topic_of, **options):
    """An app that streams a topic, given the function that makes it, and publishes what is posted."""
    app = App(AppConfig(template_dir=TEMPLATES), **options)
    topic = topic_of(app)

    @app.route("/")
    async def live(request):
        return EventStream(topic.subscribe(request.last_event_id))

    @app.route("/", methods=["POST"])
    async def publish(request):
        return await topic.publish(await request.text())

    return app


async def test_a_topic_that_is_made_before_the_app_starts_is_open_while_it_runs(autojump_clock, store):
    async with TestClient(app_of(lambda app: app.topic("news", store=store))) as client:
        id = (await client.post("/", content="1")).text
        await client.post("/", content="2")
    async with TestClient(app_of(lambda app: app.topic("news", store=store))) as client:
        assert [event.data for event in (await client.sse("/", last_event_id=id, max_events=1)).events] == ["2"]


async def test_the_same_app_can_be_started_again(autojump_clock, store):
    app = app_of(lambda app: app.topic("news", store=store))
    ids = []
    for number in range(3):
        async with TestClient(app) as client:
            ids.append((await client.post("/", content=str(number))).text)
    async with TestClient(app) as client:
        assert [event.data for event in (await client.sse("/", last_event_id=ids[0], max_events=2)).events] == ["1", "2"]


@pytest.mark.parametrize("leaves_first", [0, 1])
async def test_the_same_app_can_run_twice_at_a_time(autojump_clock, store, leaves_first):
    app = app_of(lambda app: app.topic("news", store=store))
    leave = [trio.Event(), trio.Event()]

    async def run(number, task_status):
        async with TestClient(app) as client:
            task_status.started(client)
            await leave[number].wait()

    async with trio.open_nursery() as nursery:
        clients = [await nursery.start(run, number) for number in range(2)]
        async with clients[1 - leaves_first].stream_sse("/") as stream:
            await clients[leaves_first].post("/", content="1")
            leave[leaves_first].set()
            await trio.sleep(1)
            await clients[1 - leaves_first].post("/", content="2")
            assert [(await stream.next_event()).data for _ in range(2)] == ["1", "2"]
        leave[1 - leaves_first].set()


async def test_the_lifespan_may_publish_from_its_first_moment_to_its_last(autojump_clock, store):
    @asynccontextmanager
    async def lifespan(app):
        await topic.publish("first")
        yield
        topic.publish_nowait("last")

    app = App(lifespan=lifespan)
    topic = app.topic("news", store=store)
    async with TestClient(app):
        pass
    async with Topic("news", store=store) as again:
        assert [event.value for event in audience_of(again).log.since(0, 10)] == ["first", "last"]


async def test_a_topic_that_is_made_in_the_lifespan_is_for_the_lifespan_to_open(autojump_clock, store):
    @asynccontextmanager
    async def lifespan(app):
        async with app.topic("news", store=store) as topic:
            yield {"topic": topic}

    app = App(lifespan=lifespan)

    @app.route("/")
    async def live(request):
        return EventStream(request.state["topic"].subscribe(request.last_event_id))

    ids = []
    for number in range(3):
        async with TestClient(app) as client, client.stream_sse("/", last_event_id=ids[0] if ids else None) as stream:
            await client._server._state["topic"].publish(number)
            ids.append((await stream.next_event()).id)
            assert len(app._running._topics) == 0, "they would be opened, and would take over"
    assert len(set(ids)) == 2, "the first after the first start, and again and again"


async def test_one_that_nobody_opens_is_an_error_and_not_a_topic_that_forgets(autojump_clock, store, caplog):
    @asynccontextmanager
    async def lifespan(app):
        yield {"topic": app.topic("news", store=store)}

    app = App(lifespan=lifespan)

    @app.route("/")
    async def live(request):
        return EventStream(request.state["topic"].subscribe(request.last_event_id))

    async with TestClient(app) as client:
        assert (await client.get("/")).status_code == 500
    assert "the topic 'news' has a store, and is not open: use `async with topic:`" in caplog.text


async def test_a_store_that_cannot_be_used_keeps_the_app_from_starting(autojump_clock, tmp_path):
    app = app_of(lambda app: app.topic("news", store=SQLiteStore(tmp_path / "absent" / "topics.db")))
    with pytest.raises(AppError, match=r"lifespan failed: StoreError: the topic 'news' in .*: there is no folder"):
        async with TestClient(app):
            pass


async def test_a_lifespan_that_fails_leaves_no_topic_open(autojump_clock, store):
    @asynccontextmanager
    async def lifespan(app):
        topic.publish_nowait("written all the same")
        raise ValueError("no")
        yield

    app = App(lifespan=lifespan)
    topic = app.topic("news", store=store)
    with pytest.raises(AppError, match="ValueError: no"):
        async with TestClient(app):
            pass
    assert topic.is_closed
    async with Topic("news", store=store) as again:
        assert len(audience_of(again).log) == 1


# -- fragments ----------------------------------------------------------------------------------------------------------

LIST = {"template": "page.html", "block": "list"}


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (lambda: Fragment("page.html", "list", items=[1]), "<ul><li>1</li></ul>"),
        (
            lambda: Fragment("page.html", "list", items=[1], event="lists", target="#a", swap="beforeend"),
            SSEEvent("<ul><li>1</li></ul>", event="lists"),
        ),
        (
            lambda: SSEEvent(Fragment("page.html", "list", items=[1], event="own"), event="outer", retry=5),
            SSEEvent("<ul><li>1</li></ul>", event="outer", retry=5),
        ),
    ],
    ids=["plain", "named", "in an event"],
)
async def test_a_fragment_is_the_same_in_both_dialects_and_to_filters_after_a_restart(autojump_clock, store, value, seen):
    received = []
    cursor = None
    for _ in range(2):
        app = App(AppConfig(template_dir=TEMPLATES))
        topic = app.topic("news", store=store)

        @app.route("/")
        async def live(request):
            # Called before the next app is made.
            return EventStream(topic.subscribe(request.last_event_id, filter=lambda value: value == seen))  # noqa: B023

        async with TestClient(app) as client:
            cursor = cursor or topic.cursor
            if not received:
                await topic.publish(value())
            for headers in ({}, HTMX4):
                result = await client.sse("/", last_event_id=cursor, headers=headers, max_events=1)
                received.append(result.events)
    assert received[:2] == received[2:]
    assert received[0] != received[1] or seen == "<ul><li>1</li></ul>"


async def test_time_is_held_while_something_is_written(autojump_clock, store):
    async with TestClient(app_of(lambda app: app.topic("news", store=store))) as client:
        with trio.fail_after(0.001):
            for _ in range(20):
                await client.post("/", content="x")
        assert trio.current_time() == 0
