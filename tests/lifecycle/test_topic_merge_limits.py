"""Several topics on one stream: how it ends, who is slow, and what cannot be merged."""

import logging

import pytest
import trio
import trio.testing

from chirp_trio import App, ConfigurationError, EventStream, Topic, merge, merge_cursors
from chirp_trio.stream.waiting import Outbox
from chirp_trio.testing import TestClient
from tests.lifecycle.feeds import client_of, read, told
from tests.lifecycle.scenes import endings


@pytest.fixture
def news():
    return Topic("news", history=20)


@pytest.fixture
def sport():
    return Topic("sport", history=20)


async def test_a_stream_of_closed_topics_ends_when_it_has_had_everything(autojump_clock, caplog, news, sport):
    caplog.set_level(logging.DEBUG, logger="chirp_trio.stream")
    async with client_of(news, sport) as client, client.stream_sse("/") as stream:
        await trio.sleep(1)
        news.publish_nowait("n")
        news.close()
        assert await read(stream, 1) == ["n"]
        await trio.sleep(1)
        sport.publish_nowait("s")
        sport.close()
        assert told([event async for event in stream]) == ["s"]
    assert endings(caplog) == ["completed"]
    assert news.subscribers == sport.subscribers == 0


async def test_one_that_is_too_far_behind_in_one_topic_is_disconnected_and_goes_on_where_it_was(autojump_clock, caplog):
    caplog.set_level(logging.DEBUG, logger="chirp_trio.stream")
    news, sport = Topic("news"), Topic("sport")
    text = "x" * 1000
    async with client_of(news, sport, buffer=50) as client:
        async with client.stream_sse("/") as stream:
            stream.stall()
            await trio.sleep(1)
            for number in range(200):
                news.publish_nowait(f"n{number} {text}")
                if number % 10 == 0:
                    sport.publish_nowait(f"s{number} {text}")
                await trio.sleep(0.01)
            stream.resume()
            got = told([event async for event in stream])
            assert len(got) < 3 * (Outbox.MAX_BYTES // 1000 + 2)
        assert endings(caplog) == ["completed"]
        result = await client.sse("/", last_event_id=stream.last_event_id, max_events=220 - len(got))
    names = [data.split()[0] for data in got + told(result.events)]
    assert [name for name in names if name[0] == "n"] == [f"n{number}" for number in range(200)]
    assert [name for name in names if name[0] == "s"] == [f"s{number}" for number in range(0, 200, 10)]


async def test_a_busy_topic_does_not_silence_the_others(autojump_clock):
    busy, quiet = Topic("busy"), Topic("quiet")

    async def publish():
        while True:
            busy.publish_nowait("b")
            await trio.lowlevel.checkpoint()

    async with (
        client_of(busy, quiet, overflow="drop-oldest") as client,
        client.stream_sse("/") as stream,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(publish)
        await read(stream, 100)
        quiet.publish_nowait("q")
        assert "q" in await read(stream, 1000)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("pushed", [True, False])
async def test_being_too_far_behind_in_one_topic_is_the_end_however_busy_another_one_is(autojump_clock, pushed):
    slow, busy = Topic("slow"), Topic("busy")
    over = trio.Event()

    async def publish():
        while not over.is_set():
            for _ in range(50):
                busy.publish_nowait("b" * 200)
            await trio.lowlevel.checkpoint()

    async def allow():
        return True

    options = {} if pushed else {"revalidate": allow}
    app = App()

    @app.route("/")
    async def feed():
        return EventStream(merge(slow.subscribe(buffer=5), busy.subscribe(overflow="drop-oldest")), **options)

    async with TestClient(app) as client, client.stream_sse("/") as stream, trio.open_nursery() as nursery:
        await trio.sleep(1)
        nursery.start_soon(publish)
        await read(stream, 100)
        for _ in range(50):
            slow.publish_nowait("s" * 1000)
        count = 0
        async for _ in stream:
            count += 1
            assert count < 5_000, "it goes on"
        over.set()


async def test_an_error_in_a_filter_ends_the_stream_and_leaves_all_topics(autojump_clock, caplog, news, sport):
    app = App()

    @app.route("/")
    async def feed():
        return EventStream(merge(news.subscribe(filter=lambda value: value["missing"]), sport.subscribe()))

    async with TestClient(app, raise_stream_errors=False) as client, client.stream_sse("/") as stream:
        await trio.sleep(1)
        news.publish_nowait({})
        assert [event.event async for event in stream] == ["chirp:error"]
        assert news.subscribers == sport.subscribers == 0
        sport.publish_nowait("s")
    assert "KeyError" in caplog.text


def test_a_subscription_is_read_by_one_only_and_a_refused_merge_enters_no_topic(news, sport):
    one, other = news.subscribe(), sport.subscribe()
    reader = aiter(other)
    with pytest.raises(RuntimeError, match="'sport' is being read already"):
        aiter(merge(one, other))
    assert news.subscribers == 0
    del reader


async def test_merging_is_no_checkpoint_and_a_merge_that_is_not_read_costs_nothing(news, sport):
    with trio.testing.assert_no_checkpoints():
        merge(news.subscribe(), sport.subscribe())
    assert news.subscribers == 0


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        pytest.param(lambda news, sport: (), r"merge\(\) got nothing", id="none"),
        pytest.param(lambda news, sport: (news.subscribe(), news.subscribe()), "'news' is there twice", id="one twice"),
        pytest.param(lambda news, sport: (news,), r"got <.*Topic.*; it takes what Topic.subscribe\(\) returns", id="a topic"),
    ],
)
def test_what_cannot_be_merged_is_refused(news, sport, arguments, what):
    with pytest.raises(ConfigurationError, match=what):
        merge(*arguments(news, sport))


def test_cursors_that_cannot_be_merged_are_refused(news):
    with pytest.raises(ConfigurationError, match="got nothing"):
        merge_cursors()
    with pytest.raises(ConfigurationError, match="'news' is there twice"):
        merge_cursors(news, news)
