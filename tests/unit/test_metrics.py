"""Metrics for Prometheus: what they say, and that nobody pays for them who does not want them."""

import subprocess
import sys

import pytest
import trio
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from chirp_trio import App, AppConfig, Ending, EventStream
from chirp_trio.metrics import StreamCollector, metrics_app
from chirp_trio.testing import TestClient


def measured_app() -> App:
    app = App(AppConfig(max_streams=2))
    app.mount("/metrics", metrics_app(app.streams, CollectorRegistry()))

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
    assert len(metrics) == 6 + len(Ending)


def test_a_registry_takes_the_streams_of_one_app_only():
    registry = CollectorRegistry()
    registry.register(StreamCollector(App().streams))
    with pytest.raises(ValueError, match="chirp_trio_streams"):
        metrics_app(App().streams, registry)


def test_prometheus_is_imported_only_by_those_who_ask_for_it():
    code = "import sys, chirp_trio; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
