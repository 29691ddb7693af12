"""Metrics for Prometheus: what they say, and that nobody pays for them who does not want them."""

import json
import math
import re
from itertools import pairwise
from pathlib import Path

import pytest
import trio
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from chirp_trio import App, AppConfig, Ending, EventStream, Request, SQLiteStore, Topic, merge
from chirp_trio.metrics import StreamCollector, TopicCollector, metrics_app
from chirp_trio.testing import TestClient


def measured_app() -> App:
    app = App(AppConfig(max_streams=2))
    news = app.topic("news", history=5)
    app.mount("/metrics", metrics_app(app.streams, CollectorRegistry(), topics=[news]))

    @app.route("/news")
    async def read(request: Request):
        return EventStream(news.subscribe(request.last_event_id, replay=2))

    @app.post("/news")
    async def publish():
        news.publish_nowait("something")

    @app.route("/live")
    async def live():
        async def events():
            yield "a"
            yield "b"

        return EventStream(events)

    @app.route("/long")
    async def long():
        async def nothing():
            await trio.sleep_forever()
            yield

        return EventStream(nothing)

    return app


HISTOGRAM = re.compile(r"_(duration|first_event|lag)_seconds_")


async def scrape(client) -> dict[str, float]:
    response = await client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain")
    return {
        sample.name + "".join(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


async def test_the_endpoint_tells_what_happened(autojump_clock):
    async with TestClient(measured_app()) as client:
        for _ in range(3):
            await client.sse("/live")
        async with client.stream_sse("/long"), client.stream_sse("/long"):
            assert (await client.sse("/live")).status == 503
            metrics = await scrape(client)
    metrics = {name: value for name, value in metrics.items() if not HISTOGRAM.search(name) and "_topic_" not in name}
    assert metrics == {
        "chirp_trio_streams": 2,
        "chirp_trio_stream_backlog_bytes": 0,
        "chirp_trio_streams_opened_total": 5,
        "chirp_trio_streams_refused_total": 1,
        "chirp_trio_stream_events_total": 6,
        "chirp_trio_stream_bytes_total": 6 * len(b"data: a\n\n"),
    } | {f"chirp_trio_streams_ended_total{ending}": 0 for ending in Ending} | {"chirp_trio_streams_ended_totalcompleted": 3}


async def test_it_begins_with_zeros_so_that_rates_can_be_made(autojump_clock):
    async with TestClient(measured_app()) as client:
        metrics = await scrape(client)
    assert set(metrics.values()) == {0}
    assert len([name for name in metrics if not HISTOGRAM.search(name)]) == 13 + len(Ending)


def test_a_registry_takes_the_streams_of_one_app_only():
    registry = CollectorRegistry()
    registry.register(StreamCollector(App().streams))
    with pytest.raises(ValueError, match="chirp_trio_streams"):
        metrics_app(App().streams, registry)


# -- how long streams last, and what is made of the metrics -------------------------------------------------------------


async def test_how_long_streams_lasted_is_a_histogram(autojump_clock):
    async with TestClient(measured_app()) as client:
        for seconds in (0.5, 5, 50):
            async with client.stream_sse("/long"):
                await trio.sleep(seconds)
        metrics = await scrape(client)

    name = "chirp_trio_stream_duration_seconds"
    assert [metrics[f"{name}_bucket{bound}"] for bound in ("1.0", "10.0", "60.0", "+Inf")] == [1, 2, 3, 3]
    assert metrics[f"{name}_count"] == 3
    assert metrics[f"{name}_sum"] == pytest.approx(55.8)  # each begins with its start_grace, a tenth of a second


async def test_how_long_the_first_event_took_is_a_histogram_also_of_streams_that_go_on(autojump_clock):
    app = measured_app()

    @app.route("/after/{seconds:int}")
    async def after(seconds: int):
        async def late():
            await trio.sleep(seconds)
            yield "first"
            yield "second"
            await trio.sleep_forever()

        return EventStream(late)

    name = "chirp_trio_stream_first_event_seconds"
    async with TestClient(app) as client:
        await client.sse("/live")
        async with client.stream_sse("/after/2") as stream:
            await stream.next_event()
            before = await scrape(client)
        async with client.stream_sse("/long"):  # has none, but heartbeats
            await trio.sleep(20)
        async with client.stream_sse("/after/20") as stream:
            await stream.next_event()
        metrics = await scrape(client)

    bounds = ("1.0", "2.5", "10.0", "30.0", "+Inf")
    assert [before[f"{name}_bucket{bound}"] for bound in bounds] == [1, 2, 2, 2, 2]
    assert [metrics[f"{name}_bucket{bound}"] for bound in bounds] == [1, 2, 2, 3, 3]
    assert metrics[f"{name}_sum"] == pytest.approx(22)


MONITORING = Path(__file__).parents[2] / "docs" / "monitoring"


@pytest.mark.parametrize("file", ["grafana.json", "alerts.yml"])
async def test_every_metric_that_a_dashboard_or_an_alert_names_is_there(autojump_clock, file):
    async with TestClient(measured_app()) as client:
        families = text_string_to_metric_families((await client.get("/metrics")).text)
    there = {sample.name for family in families for sample in family.samples}

    named = set(re.findall(r"\b(chirp_trio_[a-z_]+)", (MONITORING / file).read_text()))
    assert len(named) > 3
    assert named - there == set()


def test_the_dashboard_and_the_alerts_name_endings_that_there_are():
    text = "".join((MONITORING / file).read_text() for file in ("grafana.json", "alerts.yml"))

    assert set(re.findall(r'ending="(\w+)"', text)) <= {str(ending) for ending in Ending}
    panels = json.loads((MONITORING / "grafana.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)


# -- topics -------------------------------------------------------------------------------------------------------------


async def of_topic(client) -> dict[str, float]:
    prefix = "chirp_trio_topic_"
    found = {name: value for name, value in (await scrape(client)).items() if not HISTOGRAM.search(name)}
    return {name.removeprefix(prefix): value for name, value in found.items() if name.startswith(prefix)}


async def test_topics_tell_what_was_published_and_kept_and_who_reads_it(autojump_clock):
    async with TestClient(measured_app()) as client:
        for _ in range(8):
            await client.post("/news")
        async with client.stream_sse("/news") as stream:
            await stream.next_event()
            assert await of_topic(client) == {
                "published_totalnews": 8,
                "events_keptnews": 5,
                "subscribersnews": 1,
                "events_behindnews": 0,
                "store_awaynews": 0,
                "gaps_totalnews": 0,
                "replays_totalnews": 0,
            }


async def test_topics_tell_how_often_somebody_came_back_and_how_often_something_was_missing(autojump_clock):
    async with TestClient(measured_app()) as client:
        await client.post("/news")
        first = await client.sse("/news", max_events=1)
        await client.post("/news")
        back = await client.sse("/news", max_events=1, last_event_id=first.events[0].id)
        lost = await client.sse("/news", max_events=1, last_event_id="nobody's")
        figures = await of_topic(client)

    assert [event.event for event in (*back.events, *lost.events)] == [None, "chirp:gap"]
    assert (figures["replays_totalnews"], figures["gaps_totalnews"]) == (1, 1)


async def test_topics_tell_how_far_the_slowest_is_behind(autojump_clock):
    topic = App().topic("news")
    registry = CollectorRegistry()
    registry.register(TopicCollector([topic]))
    reader = aiter(topic.subscribe())
    for _ in range(3):
        topic.publish_nowait("something")

    assert registry.get_sample_value("chirp_trio_topic_events_behind", {"topic": "news"}) == 3
    await reader.aclose()
    assert registry.get_sample_value("chirp_trio_topic_events_behind", {"topic": "news"}) == 0


def test_two_topics_of_one_name_cannot_be_told_apart():
    app = App()
    with pytest.raises(ValueError, match="several topics are called 'news'"):
        metrics_app(app.streams, CollectorRegistry(), topics=[app.topic("news"), app.topic("news")])


def lags(topic) -> dict[float, int]:
    """How many events took how many seconds, by the bounds between which that is."""
    [*_, lag] = TopicCollector([topic]).collect()
    cumulated = [sample.value for sample in lag.samples if sample.name.endswith("_bucket")]
    bounds = [float(sample.labels["le"]) for sample in lag.samples if sample.name.endswith("_bucket")]
    return {bound: n - m for bound, m, n in zip(bounds, [0, *cumulated], cumulated, strict=False) if n > m}


def test_a_lag_is_known_to_a_third_of_what_it_may_be_from_a_millisecond_to_a_minute():
    [*_, lag] = TopicCollector([Topic("news")]).collect()
    bounds = [float(sample.labels["le"]) for sample in lag.samples if sample.name.endswith("_bucket")]
    assert (bounds[0], *bounds[-2:]) == (0.001, 60, math.inf)
    assert all(2 <= following / bound <= 3 for bound, following in pairwise(bounds[:-1]))


async def by_itself(topic, request):
    return topic.subscribe(request.last_event_id)


async def with_a_filter(topic, request):
    return topic.subscribe(request.last_event_id, filter=lambda value: value != "nothing")


async def merged(topic, request):
    return merge(topic.subscribe(request.last_event_id), Topic("other").subscribe())


async def through_a_generator(topic, request):
    async def read():
        async for event in topic.subscribe(request.last_event_id):
            yield event

    return read


SOURCES = pytest.mark.parametrize("source", [by_itself, with_a_filter, merged, through_a_generator])


def app_of(topic, source) -> App:
    app = App()

    @app.route("/")
    async def read(request: Request):
        return EventStream(await source(topic, request))

    return app


@SOURCES
async def test_an_event_that_everybody_gets_at_once_has_no_lag(autojump_clock, source):
    topic = Topic("news")
    topic.publish_nowait("before anybody wanted to know")
    assert lags(topic) == {}
    async with TestClient(app_of(topic, source)) as client, client.stream_sse("/") as one, client.stream_sse("/") as other:
        await trio.sleep(1)
        for _ in range(3):
            topic.publish_nowait("something")
        for stream in (one, other):
            for _ in range(3):
                await stream.next_event()
    assert lags(topic) == {0.001: 6}


@SOURCES
async def test_an_event_has_the_lag_of_a_client_that_does_not_read(autojump_clock, source):
    topic = Topic("news")
    assert lags(topic) == {}
    async with TestClient(app_of(topic, source)) as client, client.stream_sse("/") as stream:
        await trio.sleep(1)
        stream.stall()
        for _ in range(20):  # more than are on their way
            topic.publish_nowait("x" * 4096)
        await trio.sleep(7)
        stream.resume()
        for _ in range(20):
            await stream.next_event()
    found = lags(topic)
    assert sum(found.values()) == 20
    assert found[10.0] > 10


@SOURCES
async def test_what_a_client_has_missed_while_it_was_away_is_no_lag(autojump_clock, source):
    topic = Topic("news")
    assert lags(topic) == {}
    async with TestClient(app_of(topic, source)) as client:
        async with client.stream_sse("/") as stream:
            topic.publish_nowait("had")
            had = await stream.next_event()
        for _ in range(3):
            topic.publish_nowait("missed")
        await trio.sleep(100)
        await client.sse("/", max_events=3, last_event_id=had.id)
        [told] = (await client.sse("/", max_events=1, last_event_id="nobody's")).events
        assert told.event == "chirp:gap"
    assert lags(topic) == {0.001: 1}


async def test_what_is_published_before_trio_runs_has_no_lag():
    topic = Topic("news")
    assert lags(topic) == {}
    topic.publish_nowait("early")
    assert topic.cursor.endswith("-1")
    assert lags(topic) == {}


def test_what_is_published_before_trio_runs_is_late_for_nobody():
    topic = Topic("news")
    assert lags(topic) == {}
    early = topic.subscribe()
    topic.publish_nowait("early")

    async def read() -> None:
        await anext(aiter(early))

    trio.run(read)
    assert lags(topic) == {}


async def test_the_lag_of_what_is_stored_begins_before_it_is_written(tmp_path):
    """A real clock, since the file has a thread."""
    topic = Topic("news", store=SQLiteStore(tmp_path / "news.db"))
    async with topic:
        assert lags(topic) == {}
        before = trio.current_time()
        reader = aiter(topic.subscribe())
        await topic.publish("something")
        event = await anext(reader)
        assert before <= event.at <= trio.current_time()
        assert sum(lags(topic).values()) == 1
        await reader.aclose()


async def test_nothing_is_counted_that_nobody_wants_to_know(autojump_clock):
    topic = Topic("news")
    async with TestClient(app_of(topic, by_itself)) as client, client.stream_sse("/") as stream:
        topic.publish_nowait("something")
        await stream.next_event()
        assert [event.at async for event in first_of(topic.subscribe(replay=1))] == [0]
    assert lags(topic) == {}


async def first_of(source):
    async for event in source:
        yield event
        return
