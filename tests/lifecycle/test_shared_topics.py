"""What processes share beside events, as topics and apps see it: who is there, closing by label, a store that is away."""

import pytest
import trio

from chirp_trio import App, EventStream, Presence, Topic, health
from chirp_trio.metrics import TopicCollector
from chirp_trio.testing import TestClient
from tests.cases import each_case
from tests.lifecycle.shared_memory import SharedMemoryStore


async def read(topic, member=None):
    async for _ in topic.subscribe(member=member):
        pass


async def leave_after(seconds, topic, member):
    with trio.move_on_after(seconds):
        await read(topic, member)


async def test_members_are_counted_by_their_subscriptions(autojump_clock):
    topic = Topic("room")
    async with trio.open_nursery() as nursery:
        for member in ("ada", "ada", "bob", None):
            nursery.start_soon(leave_after, 1, topic, member)
        await trio.testing.wait_all_tasks_blocked()
        assert (topic.subscribers, topic.members) == (4, {"ada": 2, "bob": 1})
    assert (topic.subscribers, topic.members) == (0, {})


async def test_who_watches_is_told_whose_subscription_it_is_and_how_many_are_left(autojump_clock):
    topic = Topic("room")
    changes = topic.presence()
    found = []
    async with trio.open_nursery() as nursery:

        async def watch():
            found.extend([await anext(changes) for _ in range(6)])

        nursery.start_soon(watch)
        await trio.testing.wait_all_tasks_blocked()
        for seconds, member in ((3, "ada"), (2, "ada"), (1, None)):
            nursery.start_soon(leave_after, seconds, topic, member)
            await trio.testing.wait_all_tasks_blocked()
    assert found == [
        Presence("join", 1, "ada", 1), Presence("join", 2, "ada", 2), Presence("join", 3),
        Presence("leave", 2), Presence("leave", 1, "ada", 1), Presence("leave", 0, "ada", 0),
    ]  # fmt: skip
    await changes.aclose()


async def test_a_store_that_is_shared_joins_who_is_there(autojump_clock):
    store = SharedMemoryStore()
    async with Topic("room", store=store) as here, Topic("room", store=store) as there:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(leave_after, 1, here, "ada")
            nursery.start_soon(leave_after, 2, there, "ada")
            nursery.start_soon(leave_after, 2, there, None)
            await trio.testing.wait_all_tasks_blocked()
            assert here.members == there.members == {"ada": 2}
            assert here.subscribers == there.subscribers == 3
            await trio.sleep(1.5)
            assert here.members == there.members == {"ada": 1}
            assert here.subscribers == there.subscribers == 2
        assert here.subscribers == there.subscribers == 0


@each_case("member", [7, b"ada", ["ada"]])
def test_a_member_is_text(member):
    with pytest.raises(TypeError, match="member is"):
        Topic("room").subscribe(member=member)


def test_a_member_that_cannot_be_carried_is_refused():
    with pytest.raises(ValueError, match="member"):
        Topic("room").subscribe(member="\ud800")


def app_with(store):
    app = App()
    news = app.topic("news", store=store)
    app.mount("/health", health(app))

    @app.get("/news/{user}")
    async def live(user: str):
        return EventStream(news.subscribe(member=user), label=user, heartbeat_interval=5)

    return app, news


async def test_streams_with_a_label_end_in_all_apps_that_share_a_store(autojump_clock):
    store = SharedMemoryStore()
    (here, _), (there, _) = app_with(store), app_with(store)
    async with (
        TestClient(here) as one, TestClient(there) as other,
        one.stream_sse("/news/ada"), one.stream_sse("/news/bob"), other.stream_sse("/news/ada"),
    ):  # fmt: skip
        assert there.streams.close(label="ada") == 1
        await trio.sleep(1)
        assert [stream.label for stream in (*here.streams, *there.streams)] == ["bob"]
    assert not store.listeners


@each_case(("arguments", "options"), [((), {}), ((bool,), {"label": "ada"}), ((), {"label": 7}), (("ada",), {})])
async def test_what_is_closed_is_said_by_a_predicate_or_a_label(arguments, options):
    with pytest.raises(TypeError, match=r"predicate|label"):
        App().streams.close(*arguments, **options)


async def test_while_a_store_is_away_the_app_is_not_ready_and_streams_stay_and_beat(autojump_clock):
    store = SharedMemoryStore()
    app, news = app_with(store)
    collector = TopicCollector([news])

    def is_away():
        return [sample.value for family in collector.collect() for sample in family.samples if "store_away" in sample.name]

    async with TestClient(app) as client, client.stream_sse("/news/ada") as stream:
        assert (app.ready, (await client.get("/health/ready")).status_code, is_away()) == (True, 200, [0])
        store.trouble = "it is away"
        assert (app.ready, (await client.get("/health/ready")).status_code, is_away()) == (False, 503, [1])
        assert (await client.get("/health/live")).status_code == 200
        await trio.sleep(12)
        assert len(app.streams) == 1
        assert stream.comments
        store.trouble = ""
        assert app.ready
