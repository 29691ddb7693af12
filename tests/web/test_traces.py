"""Traces: what is done for a request belongs to its trace, also what a stream sends long after its handler has returned."""

import trio
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chirp_trio import App, EventStream, Topic
from chirp_trio.testing import TestClient


async def test_all_that_a_stream_sends_belongs_to_the_trace_of_its_request(autojump_clock):
    exporter, provider, news = InMemorySpanExporter(), TracerProvider(), Topic("news")
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app = App()

    @app.route("/live")
    async def live():
        return EventStream(news.subscribe(), heartbeat_interval=5)

    traced = OpenTelemetryMiddleware(app, tracer_provider=provider)
    async with TestClient(traced) as client, client.stream_sse("/live") as stream:
        for number in range(3):
            await trio.sleep(12)  # and two heartbeats
            news.publish_nowait(number)
            await anext(aiter(stream))
    spans = exporter.get_finished_spans()
    [request] = [span for span in spans if span.parent is None]

    assert sum(span.name.endswith("http send") for span in spans) > 9
    assert {span.parent.span_id for span in spans if span is not request} == {request.context.span_id}
