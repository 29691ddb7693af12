"""An app's event streams and topics as metrics for Prometheus. Needs prometheus_client: `chirp-trio[metrics]`."""

import importlib.util
from collections.abc import Callable, Iterator, Sequence

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
from .histogram import Histogram
from .stream import LiveStreams, StreamSnapshot
from .topics import Topic
from .topics.audience import Audience
from .topics.topic import audience_of

__all__ = ["StreamCollector", "TopicCollector", "metrics_app"]

# Seconds: from a stream that fails at once to one that stays for a day.
_DURATIONS = (1.0, 10.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)
# Seconds: from a source that has its first event at once to one that waits for something to happen.
_FIRST_EVENTS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class StreamCollector(Collector):
    """What Prometheus gets to know of an app's streams; for a registry of prometheus_client.

    It reads, when it is asked, what `App.streams` knows anyway. Only how long streams lasted, and how long their first events
    took, is counted for it, when each is over.

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
        self._durations = Histogram(_DURATIONS)  # of streams that are over
        self._first_events = Histogram(_FIRST_EVENTS)  # the same
        streams.on_close(self._count)

    def _count(self, stream: StreamSnapshot) -> None:
        self._durations.count(trio.current_time() - stream.opened_at)
        _count_first_event(stream, self._first_events)

    def describe(self) -> Iterator[Metric]:
        """The metrics, so that a registry refuses a second one of the same names."""
        return self.collect()

    def collect(self) -> Iterator[Metric]:
        """The metrics, as they are now."""
        streams = self._streams
        open_streams = list(streams)
        first_events = self._first_events.copy()
        for stream in open_streams:
            _count_first_event(stream, first_events)
        yield GaugeMetricFamily("chirp_trio_streams", "Event streams that are open.", len(open_streams))
        yield GaugeMetricFamily(
            "chirp_trio_stream_backlog_bytes",
            "Bytes that wait to be sent, of all open streams together.",
            sum(stream.backlog for stream in open_streams),
        )
        yield CounterMetricFamily("chirp_trio_streams_opened", "Event streams that have begun.", streams.opened)
        yield CounterMetricFamily("chirp_trio_streams_refused", "Event streams refused by a limit.", streams.refused)
        ended = CounterMetricFamily("chirp_trio_streams_ended", "Event streams that are over.", labels=["ending"])
        for ending, number in streams.ended.items():
            ended.add_metric([str(ending)], number)
        yield ended
        yield HistogramMetricFamily(
            "chirp_trio_stream_duration_seconds",
            "How long event streams that are over lasted.",
            buckets=_buckets(self._durations),
            sum_value=self._durations.seconds,
        )
        yield HistogramMetricFamily(
            "chirp_trio_stream_first_event_seconds",
            "How long after its beginning the first event of a stream was sent.",
            buckets=_buckets(first_events),
            sum_value=first_events.seconds,
        )
        yield CounterMetricFamily("chirp_trio_stream_events", "Events, sent or waiting.", streams.events)
        yield CounterMetricFamily("chirp_trio_stream_bytes", "Bytes that these events are, encoded.", streams.bytes)


def _count_first_event(stream: StreamSnapshot, histogram: Histogram) -> None:
    if stream.first_event_at is not None:
        histogram.count(stream.first_event_at - stream.opened_at)


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    return list(zip([*map(str, histogram.bounds), "+Inf"], map(float, histogram.cumulated), strict=True))


# Of a topic: what is counted, and what is only so at the moment.
_COUNTED: dict[str, tuple[str, Callable[[Audience], float]]] = {
    "published": ("Events that were published.", lambda audience: audience.log.last),
    "gaps": ("Times that a subscriber was told that events are missing.", lambda audience: audience.gaps),
    "replays": ("Subscribers that have come back and gone on where they were.", lambda audience: audience.replays),
}
_MOMENTARY: dict[str, tuple[str, Callable[[Audience], float]]] = {
    "events_kept": ("Events that are remembered.", lambda audience: len(audience.log)),
    "subscribers": ("Subscriptions that are being read.", len),
    "store_away": (
        "Whether the store cannot be reached: 1 or 0.",
        lambda audience: audience.journal is not None and bool(audience.journal.trouble),
    ),
    "events_behind": (
        "Events that the subscriber has yet to take that is furthest behind.",
        lambda audience: audience.behind,
    ),
}


class TopicCollector(Collector):
    """What Prometheus gets to know of topics; for a registry of prometheus_client.

    It reads, when it is asked, what the topics know anyway. Only how late events come is counted for it, from the first time
    that it is asked on, and for that each event gets the time at which it is published: `Published.at`.

    Args:
        topics: The topics. Their names, which are the label `topic`, are unlike one another.

    Raises:
        ValueError: Two have the same name.

    Example:
        >>> from prometheus_client import CollectorRegistry
        >>> registry = CollectorRegistry()
        >>> registry.register(TopicCollector([App().topic("news")]))
        >>> registry.get_sample_value("chirp_trio_topic_published_total", {"topic": "news"})
        0
    """

    def __init__(self, topics: Sequence[Topic]) -> None:
        check_type("topics", topics, Sequence, "a sequence of topics")
        names = [topic.name for topic in topics]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"several topics are called {twice[0]!r}; for metrics, each needs a name of its own")
        self._audiences = [audience_of(topic) for topic in topics]

    def describe(self) -> Iterator[Metric]:
        """The metrics, so that a registry refuses a second one of the same names."""
        return self.collect()

    def collect(self) -> Iterator[Metric]:
        """The metrics, as they are now."""
        for kind, figures in ((CounterMetricFamily, _COUNTED), (GaugeMetricFamily, _MOMENTARY)):
            for name, (meaning, read) in figures.items():
                family = kind(f"chirp_trio_topic_{name}", meaning, labels=["topic"])
                for audience in self._audiences:
                    family.add_metric([audience.name], read(audience))
                yield family
        lag = HistogramMetricFamily(
            "chirp_trio_topic_lag_seconds",
            "How long after it was published an event was handed to a subscriber's connection.",
            labels=["topic"],
        )
        for audience in self._audiences:
            audience.count_lag()
            lag.add_metric([audience.name], _buckets(audience.lag.times), audience.lag.times.seconds)
        yield lag


def metrics_app(streams: LiveStreams, registry: CollectorRegistry = REGISTRY, *, topics: Sequence[Topic] = ()) -> ASGIApp:
    """An ASGI app that answers with the metrics as text, to be mounted where Prometheus looks for them.

    Args:
        streams: The streams: `App.streams`.
        registry: The registry that gets a `StreamCollector` of them, and is shown whole; default: that of
            prometheus_client, which knows the process as well.
        topics: The topics that are shown too; default: none.

    Raises:
        ValueError: The registry has the streams of an app already; or two topics have the same name.

    Example:
        >>> from prometheus_client import CollectorRegistry
        >>> app = App()
        >>> news = app.topic("news")
        >>> app.mount("/metrics", metrics_app(app.streams, CollectorRegistry(), topics=[news]))
    """
    check_type("registry", registry, CollectorRegistry, "a CollectorRegistry")
    topic_collector = TopicCollector(topics)
    registry.register(StreamCollector(streams))
    if topics:
        registry.register(topic_collector)
    app: ASGIApp = make_asgi_app(registry)
    return app
