"""An app's event streams as metrics for Prometheus. Needs prometheus_client: `chirp-trio[metrics]`."""

import importlib.util
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from .arguments import check_type

if importlib.util.find_spec("prometheus_client") is None:
    raise ModuleNotFoundError(
        "chirp_trio.metrics needs prometheus_client: pip install 'chirp-trio[metrics]'", name="prometheus_client"
    )

import trio
from prometheus_client import REGISTRY, CollectorRegistry, make_asgi_app
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from .asgi import ASGIApp
from .stream import LiveStreams, StreamSnapshot

__all__ = ["StreamCollector", "metrics_app"]

# Seconds: from a stream that fails at once to one that stays for a day.
_BUCKETS = [1.0, 10.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0]


class StreamCollector(Collector):
    """What Prometheus gets to know of an app's streams; for a registry of prometheus_client.

    It reads, when it is asked, what `App.streams` knows anyway. Only how long streams lasted is counted for it, when each is
    over.

    Args:
        streams: The streams: `App.streams`.

    Example:
        >>> from prometheus_client import CollectorRegistry
        >>> registry = CollectorRegistry()
        >>> registry.register(StreamCollector(App().streams))
        >>> registry.get_sample_value("chirp_trio_streams_ended_total", {"ending": "disconnected"})
        0
    """

    def __init__(self, streams: LiveStreams) -> None:
        check_type("streams", streams, LiveStreams, "the streams of an app, such as app.streams")
        self._streams = streams
        self._lasted = [0] * (len(_BUCKETS) + 1)  # streams that are over, by the first bound that they did not outlast
        self._seconds = 0.0
        streams.on_close(self._count)

    def _count(self, stream: StreamSnapshot) -> None:
        seconds = trio.current_time() - stream.opened_at
        self._lasted[bisect_left(_BUCKETS, seconds)] += 1
        self._seconds += seconds

    def describe(self) -> Iterator[Metric]:
        """The metrics, so that a registry refuses a second one of the same names."""
        return self.collect()

    def collect(self) -> Iterator[Metric]:
        """The metrics, as they are now."""
        streams = self._streams
        yield GaugeMetricFamily("chirp_trio_streams", "Event streams that are open.", len(streams))
        yield GaugeMetricFamily(
            "chirp_trio_stream_backlog_bytes",
            "Bytes that wait to be sent, of all open streams together.",
            sum(stream.backlog for stream in streams),
        )
        yield CounterMetricFamily("chirp_trio_streams_opened", "Event streams that have begun.", streams.opened)
        yield CounterMetricFamily("chirp_trio_streams_refused", "Event streams refused by a limit.", streams.refused)
        ended = CounterMetricFamily("chirp_trio_streams_ended", "Event streams that are over.", labels=["ending"])
        for ending, number in streams.ended.items():
            ended.add_metric([str(ending)], number)
        yield ended
        bounds = [*map(str, _BUCKETS), "+Inf"]
        yield HistogramMetricFamily(
            "chirp_trio_stream_duration_seconds",
            "How long event streams that are over lasted.",
            buckets=list(zip(bounds, map(float, accumulate(self._lasted)), strict=True)),
            sum_value=self._seconds,
        )
        yield CounterMetricFamily("chirp_trio_stream_events", "Events, sent or waiting.", streams.events)
        yield CounterMetricFamily("chirp_trio_stream_bytes", "Bytes that these events are, encoded.", streams.bytes)


def metrics_app(streams: LiveStreams, registry: CollectorRegistry = REGISTRY) -> ASGIApp:
    """An ASGI app that answers with the metrics as text, to be mounted where Prometheus looks for them.

    Args:
        streams: The streams: `App.streams`.
        registry: The registry that gets a `StreamCollector` of them, and is shown whole; default: that of
            prometheus_client, which knows the process as well.

    Raises:
        ValueError: The registry has the streams of an app already.

    Example:
        >>> from prometheus_client import CollectorRegistry
        >>> app = App()
        >>> app = App()
        >>> app.mount("/metrics", metrics_app(app.streams, CollectorRegistry()))
    """
    check_type("registry", registry, CollectorRegistry, "a CollectorRegistry")
    registry.register(StreamCollector(streams))
    app: ASGIApp = make_asgi_app(registry)
    return app
