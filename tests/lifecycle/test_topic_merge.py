"""Several topics on one stream: in order, with one id for all, and nothing is lost when a client comes back with it."""

from contextlib import aclosing

import pytest
import trio
import trio.testing

from chirp_trio import (
    App,
    AppConfig,
    Comment,
    EventStream,
    Fragment,
    SSEEvent,
    Topic,
    merge,
    merge_cursors,
)
from chirp_trio.testing import TestClient
from chirp_trio.topics.published import encode_published
from chirp_trio.topics.topic import audience_of
from tests.lifecycle.feeds import client_of, read, told


@pytest.fixture
def news():
    return Topic("news", history=20)


@pytest.fixture
def sport():
    return Topic("sport", history=20)


async def pull(source, count):
    """The next so many events, with `async for`."""
    events = []
    async with aclosing(aiter(source)) as reader:
        while len(events) < count:
            events.append(await anext(reader))
    return events


async def test_the_events_of_all_topics_come_as_they_are_published(autojump_clock, news, sport):
    async with client_of(news, sport) as client, client.stream_sse("/") as stream:
        for number in range(6):
            await trio.sleep(1)
            (news, sport)[number % 2].publish_nowait(number)
            assert await read(stream, 1) == [str(number)]
            assert trio.current_time() == pytest.approx(1 + number, abs=0.11)


async def test_what_is_published_at_once_comes_in_the_order_of_each_topic(autojump_clock, news, sport):
    async with client_of(news, sport) as client, client.stream_sse("/") as stream:
        await trio.sleep(1)
        for number in range(300):
            news.publish_nowait(f"n{number}")
            sport.publish_nowait(f"s{number}")
        got = await read(stream, 600)
    assert [data for data in got if data[0] == "n"] == [f"n{number}" for number in range(300)]
    assert [data for data in got if data[0] == "s"] == [f"s{number}" for number in range(300)]


async def test_one_id_tells_the_place_in_all_topics(autojump_clock, news, sport):
    async with client_of(news, sport) as client, client.stream_sse("/") as stream:
        first, second = news.publish_nowait("n"), sport.publish_nowait("s")
        events = [await stream.next_event() for _ in range(2)]
    assert events[-1].id == f"{first},{second}" == merge_cursors(news, sport)


@pytest.mark.parametrize("seen", [1, 2, 3, 4, 5, 6])
async def test_who_comes_back_misses_nothing_of_any_topic_and_gets_nothing_twice(autojump_clock, news, sport, seen):
    async with client_of(news, sport) as client:
        async with client.stream_sse("/") as stream:
            for number in range(3):
                news.publish_nowait(f"n{number}")
                sport.publish_nowait(f"s{number}")
            await trio.sleep(1)
            before = [await stream.next_event() for _ in range(seen)]
        sport.publish_nowait("s3")
        async with client.stream_sse("/", last_event_id=before[-1].id) as stream:
            got = told(before) + await read(stream, 7 - seen)
    assert sorted(got) == ["n0", "n1", "n2", "s0", "s1", "s2", "s3"]


async def test_whoever_loses_its_connection_before_its_first_event_misses_nothing(autojump_clock, news, sport):
    async with client_of(news, sport) as client:
        async with client.stream_sse("/") as stream:
            with pytest.raises(AssertionError, match="no event"):
                await stream.next_event(timeout=1)
        sport.publish_nowait("missed")
        result = await client.sse("/", last_event_id=stream.last_event_id, max_events=1)
    assert told(result.events) == ["missed"]


async def test_the_cursor_of_a_page_is_that_of_all_its_topics_in_any_order(autojump_clock, news, sport):
    news.publish_nowait("rendered")
    cursor = merge_cursors(sport, news)
    news.publish_nowait("n")
    sport.publish_nowait("s")
    async with client_of(news, sport) as client:
        result = await client.sse("/", last_event_id=cursor, max_events=2)
    assert told(result.events) == ["n", "s"]


async def test_a_page_that_shows_fewer_topics_than_before_goes_on_in_those(autojump_clock, news, sport):
    cursor = merge_cursors(news, sport)
    sport.publish_nowait("s")
    async with client_of(sport) as client:
        assert told((await client.sse("/", last_event_id=cursor, max_events=1)).events) == ["s"]


async def test_a_topic_that_the_id_says_nothing_about_tells_of_a_gap(autojump_clock, news, sport):
    async with client_of(news, sport) as client, client.stream_sse("/", last_event_id=news.cursor) as stream:
        gap = await stream.next_event()
        assert (gap.event, told([gap]), '"sport"' in gap.data) == ("chirp:gap", [("gap", None)], True)
        assert gap.id == merge_cursors(news, sport)
        news.publish_nowait("n")
        assert await read(stream, 1) == ["n"]


async def test_what_one_topic_has_forgotten_is_a_gap_in_that_topic_only(autojump_clock, news, sport):
    cursor = merge_cursors(news, sport)
    for number in range(30):
        news.publish_nowait(number)
    sport.publish_nowait("s")
    async with client_of(news, sport) as client:
        result = await client.sse("/", last_event_id=cursor, max_events=22)
    got = told(result.events)
    got.remove("s")
    assert got == [("gap", 10), *(str(number) for number in range(10, 30))]


async def test_names_fragments_and_comments_are_those_of_a_stream_of_one_topic(autojump_clock, sport):
    news = Topic("news")
    async with client_of(news, sport, stream={"event_type": "update"}) as client, client.stream_sse("/") as stream:
        for at_once in (True, False):
            news.publish_nowait(SSEEvent("named", event="one", retry=100))
            sport.publish_nowait(Comment("psst"))
            sport.publish_nowait(SSEEvent("a\nb\rid: forged\n", event="id"))
            news.publish_nowait("unnamed")
            events = [await stream.next_event() for _ in range(3)]
            by_name = {event.event: (event.data, event.retry) for event in events}
            assert by_name == {
                "one": ("named", 100),
                "id": ("a\nb\nid: forged\n", None),
                "update": ("unnamed", None),
            }, at_once
            assert {event.id.count(",") for event in events} == {1}
            await trio.sleep(1)
    assert stream.comments.count("psst") == 2


async def test_a_fragment_is_rendered_for_the_dialect_of_each_client(autojump_clock, tmp_path, sport):
    (tmp_path / "item.html").write_text("<b>{{ text }}</b>")
    app = App(AppConfig(template_dir=tmp_path))
    news = app.topic("news")
    htmx4 = {"HX-Request": "true", "Accept": "text/html, text/event-stream"}
    async with (
        client_of(news, sport, app=app) as client,
        client.stream_sse("/") as one,
        client.stream_sse("/", headers=htmx4) as other,
    ):
        await trio.sleep(1)
        news.publish_nowait(Fragment("item.html", event="item", text="hello"))
        first, second = await one.next_event(), await other.next_event()
    assert (first.event, first.data) == ("item", "<b>hello</b>")
    assert second.event is None
    assert "<b>hello</b>" in second.data
    assert "hx-partial" in second.data
    assert first.id == second.id == merge_cursors(news, sport)


async def test_each_topic_may_be_filtered_and_the_others_are_not(autojump_clock, news, sport):
    app = App()

    @app.route("/")
    async def feed(request):
        here = request.last_event_id
        return EventStream(merge(news.subscribe(here, filter=lambda value: value % 2 == 0), sport.subscribe(here)))

    async with TestClient(app) as client, client.stream_sse("/") as stream:
        for at_once in (True, False):
            stream.stall()
            for number in range(4):
                news.publish_nowait(number)
                sport.publish_nowait(10 + number)
                if not at_once:
                    await trio.sleep(1)
            stream.resume()
            assert sorted(map(int, await read(stream, 6))) == [0, 2, 10, 11, 12, 13]
        assert stream.last_event_id == merge_cursors(news, sport), "also past what was not wanted"


async def test_reading_with_async_for_gives_the_topic_and_the_id_for_all(autojump_clock, news, sport):
    subscriptions = news.subscribe(), sport.subscribe()
    news.publish_nowait({"a": 1})
    sport.publish_nowait(SSEEvent("s", event="goal"))
    events = await pull(merge(*subscriptions), 2)
    assert [(event.topic, event.event, event.number) for event in events] == [("news", None, 1), ("sport", "goal", 1)]
    assert events[0].value == {"a": 1}
    assert events[-1].id == merge_cursors(news, sport)
    assert b"id: %b\n" % events[-1].id.encode() in encode_published(events[-1], None, None)
    assert news.subscribers == sport.subscribers == 0


async def test_reading_with_async_for_ends_with_the_topics(autojump_clock, news, sport):
    source = merge(news.subscribe(), sport.subscribe())
    news.publish_nowait(1)
    news.close()
    sport.close()
    assert [event.value async for event in source] == [1]


async def test_to_read_what_is_there_already_is_a_checkpoint(autojump_clock, news, sport):
    events = aiter(merge(news.subscribe(), sport.subscribe()))
    news.publish_nowait(1)
    with trio.testing.assert_checkpoints():
        await anext(events)
    await events.aclose()


async def test_a_revalidated_stream_is_the_same(autojump_clock, news, sport):
    async def allow():
        return True

    async with client_of(news, sport, stream={"revalidate": allow}) as client, client.stream_sse("/") as stream:
        await trio.sleep(1)
        news.publish_nowait("n")
        sport.publish_nowait("s")
        assert await read(stream, 2) == ["n", "s"]
        assert stream.last_event_id == merge_cursors(news, sport)


async def test_a_client_that_wants_few_of_many_events_is_told_its_place_now_and_then(autojump_clock, news, sport):
    app = App()

    @app.route("/one")
    async def one(request):
        return EventStream(news.subscribe(request.last_event_id, filter=lambda value: value == "wanted"))

    @app.route("/merged")
    async def merged(request):
        here = request.last_event_id
        wanted = news.subscribe(here, filter=lambda value: value == "wanted")
        return EventStream(merge(wanted, sport.subscribe(here)))

    for path in ("/one", "/merged"):
        async with TestClient(app) as client:
            async with client.stream_sse(path) as stream:
                for number in range(1000):  # the history is 20
                    news.publish_nowait(number)
                    await trio.lowlevel.checkpoint()
                with pytest.raises(AssertionError, match="no event"):
                    await stream.next_event(timeout=1)
                place = stream.last_event_id
                (seen,) = app.streams
                assert seen.events == 0, "a place is no event"
            assert int(place.partition(",")[0].rpartition("-")[2]) > audience_of(news).log.last - 150
            assert stream.events == []
