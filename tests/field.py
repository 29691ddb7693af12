"""Middleware of the field: how each is made, what it does to a response, and whom it refuses.

And one small app with event streams, in three frameworks, for it to stand around.
"""

import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import sentry_sdk
import trio
from asgi_correlation_id import CorrelationIdMiddleware
from asgi_csrf import asgi_csrf
from brotli_asgi import BrotliMiddleware
from fastapi import FastAPI
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from prometheus_client import CollectorRegistry
from prometheus_fastapi_instrumentator.middleware import PrometheusInstrumentatorMiddleware
from secure import Secure
from secure.middleware.asgi import SecureASGIMiddleware
from sentry_sdk.integrations.asgi import SentryAsgiMiddleware
from slowapi import Limiter
from slowapi.middleware import SlowAPIASGIMiddleware, SlowAPIMiddleware
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette_context.middleware import RawContextMiddleware
from starlette_context.plugins import RequestIdPlugin
from starlette_csrf import CSRFMiddleware

from chirp_trio import App, EventStream, stream_lifespan

TEXT = "<p>hello</p>" * 100
REQUEST_ID = "5f0c6a1c0b8e4b5a9f0d3c2b1a098765"


class Site:
    """A page and some streams, in an `App`, in Starlette or in FastAPI; it counts the sources that are open.

    Args:
        pause: Seconds between two events.
    """

    def __init__(self, pause: float = 1) -> None:
        self.pause = pause
        self.opened = 0
        self.open = 0
        self._closing = trio.lowlevel.ParkingLot()

    async def wait_until_closed(self) -> None:
        """Wait until no source is open."""
        while self.open:
            await self._closing.park()

    async def page(self) -> str:
        return TEXT

    async def three(self) -> EventStream:
        return EventStream(self._numbers(3))

    async def endless(self) -> EventStream:
        return EventStream(self._numbers(None))

    async def quiet(self) -> EventStream:
        return EventStream(self._numbers(1, at_the_end=2.5), heartbeat_interval=1)

    async def late(self) -> EventStream:
        return EventStream(self._numbers(3, at_the_beginning=5))

    def _numbers(self, count: int | None, *, at_the_beginning: float = 0, at_the_end: float = 0) -> Callable[[], Any]:
        async def source():
            self.opened += 1
            self.open += 1
            try:
                await trio.sleep(at_the_beginning)
                number = 0
                while number != count:
                    number += 1
                    yield number
                    await trio.sleep(self.pause)
                await trio.sleep(at_the_end)
            finally:
                self.open -= 1
                self._closing.unpark_all()

        return source

    @property
    def _routes(self) -> dict[str, Callable[[], Any]]:
        return {f"/{name}": getattr(self, name) for name in ("page", "three", "endless", "quiet", "late")}

    def app(self, *middleware: Middleware) -> App:
        app = App(middleware=[*middleware, remembering])
        for path, handler in self._routes.items():
            app.route(path, methods=["GET", "POST"])(handler)
        return app

    def starlette(self, *middleware: Middleware) -> Starlette:
        def route(path, handler):
            async def endpoint(request):
                value = await handler()
                return HTMLResponse(value) if isinstance(value, str) else value

            return Route(path, endpoint, methods=["GET", "POST"])

        routes = [route(*both) for both in self._routes.items()]
        return Starlette(routes=routes, lifespan=stream_lifespan, middleware=[*middleware, Middleware(remembering)])

    def fastapi(self, *middleware: Middleware) -> FastAPI:
        app = FastAPI(lifespan=stream_lifespan, middleware=[*middleware, Middleware(remembering)])
        for path, handler in self._routes.items():
            app.api_route(path, methods=["GET", "POST"], response_class=HTMLResponse)(handler)
        return app


def remembering(app):
    """The innermost middleware: counts the visits of a session, where there are sessions, and asks for the CSRF token."""

    async def entry(scope, receive, send):
        if "session" in scope:
            scope["session"]["visits"] = scope["session"].get("visits", 0) + 1
        if "csrftoken" in scope:
            scope["csrftoken"]()
        await app(scope, receive, send)

    return entry


def around(app: Any, middleware: Middleware) -> Any:
    return middleware.cls(app, *middleware.args, **middleware.kwargs)


PLACES: dict[str, Callable[[Site, Middleware], Any]] = {
    "around an App": lambda site, middleware: around(site.app(), middleware),
    "in an App": lambda site, middleware: site.app(middleware),
    "around Starlette": lambda site, middleware: around(site.starlette(), middleware),
    "in Starlette": lambda site, middleware: site.starlette(middleware),
    "around FastAPI": lambda site, middleware: around(site.fastapi(), middleware),
    "in FastAPI": lambda site, middleware: site.fastapi(middleware),
}


class OfTheField:
    """A middleware of the field. There is one for each test, because some of them remember."""

    places = tuple(PLACES)
    base_url = "http://testserver"
    request: Mapping[str, str] = MappingProxyType({})  # what a request says that it lets through
    refused: tuple[str, str, Mapping[str, str], int, str] | None = None  # a request, and what comes of it
    let_through = 0  # requests that it lets through before that

    middleware: Middleware

    def build(self, place: str, site: Site) -> Any:
        return PLACES[place](site, self.middleware)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """What it needs around it."""
        yield

    def check(self, response: Any, *, is_stream: bool) -> None:
        """Assert that a response has what this adds to it."""

    def check_whole(self, paths: list[str]) -> None:
        """Assert that it has noted these requests, after they are over."""


class CORS(OfTheField):
    request = MappingProxyType({"origin": "https://friend.example"})
    refused = (
        "OPTIONS",
        "/three",
        {"origin": "https://foe.example", "access-control-request-method": "GET"},
        400,
        "Disallowed CORS origin",
    )
    middleware = Middleware(CORSMiddleware, allow_origins=["https://friend.example"], allow_credentials=True)

    def check(self, response, *, is_stream):
        assert response.headers["access-control-allow-origin"] == "https://friend.example"
        assert response.headers["access-control-allow-credentials"] == "true"
        assert response.headers["vary"] == "Origin"


class GZip(OfTheField):
    request = MappingProxyType({"accept-encoding": "gzip"})
    middleware = Middleware(GZipMiddleware, minimum_size=1)

    def check(self, response, *, is_stream):
        assert response.headers.get("content-encoding") == (None if is_stream else "gzip")


class Brotli(OfTheField):
    """Where the client takes no brotli it compresses as Starlette does; there is a test of its own for the rest."""

    request = MappingProxyType({"accept-encoding": "gzip"})
    middleware = Middleware(BrotliMiddleware, minimum_size=1)

    def check(self, response, *, is_stream):
        assert response.headers.get("content-encoding") == (None if is_stream else "gzip")


class Session(OfTheField):
    middleware = Middleware(SessionMiddleware, secret_key="secret")

    def check(self, response, *, is_stream):
        data = re.match(r"session=([^.;]+)\.", response.headers["set-cookie"])[1]
        assert json.loads(b64decode(data)) == {"visits": 1}
        assert response.headers["vary"] == "Cookie"


class TrustedHost(OfTheField):
    refused = ("GET", "/three", {"host": "foe.example"}, 400, "Invalid host header")
    middleware = Middleware(TrustedHostMiddleware, allowed_hosts=["testserver", "127.0.0.1"])


class HTTPSRedirect(OfTheField):
    base_url = "https://testserver"  # to which it redirects
    refused = ("GET", "http://testserver/three", {}, 307, "")
    middleware = Middleware(HTTPSRedirectMiddleware)


class CorrelationId(OfTheField):
    request = MappingProxyType({"x-request-id": REQUEST_ID})
    middleware = Middleware(CorrelationIdMiddleware)

    def check(self, response, *, is_stream):
        assert response.headers["x-request-id"] == REQUEST_ID


class StarletteContext(OfTheField):
    request = MappingProxyType({"x-request-id": REQUEST_ID})
    refused = ("GET", "/three", {"x-request-id": "no UUID"}, 400, "")
    middleware = Middleware(RawContextMiddleware, plugins=[RequestIdPlugin()])

    def check(self, response, *, is_stream):
        assert response.headers["x-request-id"] == REQUEST_ID


class SecureHeaders(OfTheField):
    middleware = Middleware(SecureASGIMiddleware)

    def check(self, response, *, is_stream):
        for name, value in Secure.with_default_headers().headers.items():
            assert value in response.headers.get_list(name)


class StarletteCSRF(OfTheField):
    refused = ("POST", "/three", {}, 403, "CSRF token verification failed")
    middleware = Middleware(CSRFMiddleware, secret="secret")

    def check(self, response, *, is_stream):
        assert response.headers["set-cookie"].startswith("csrftoken=")


class AsgiCSRF(OfTheField):
    refused = ("POST", "/three", {"cookie": "a=b", "content-type": "text/plain"}, 403, "Unknown content-type")
    middleware = Middleware(asgi_csrf, signing_secret="secret")

    def check(self, response, *, is_stream):
        assert response.headers["set-cookie"].startswith("csrftoken=")
        assert response.headers["vary"] == "Cookie"


class OpenTelemetry(OfTheField):
    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.middleware = Middleware(OpenTelemetryMiddleware, tracer_provider=provider)

    def check_whole(self, paths):
        spans = self._exporter.get_finished_spans()
        servers = [span for span in spans if span.kind is SpanKind.SERVER]
        assert [span.name for span in servers] == [f"GET {path}" for path in paths]
        assert [span.attributes["http.status_code"] for span in servers] == [200] * len(paths)
        others = [span for span in spans if span.kind is not SpanKind.SERVER]
        assert others
        assert all(span.parent is not None for span in others), "a span outside of every request"
        assert {span.context.trace_id for span in others} == {span.context.trace_id for span in servers}


class Sentry(OfTheField):
    middleware = Middleware(SentryAsgiMiddleware)

    def __init__(self) -> None:
        self._events: list[Mapping[str, Any]] = []

    @contextmanager
    def at_work(self):
        events = self._events

        class Recording(sentry_sdk.Transport):
            def capture_envelope(self, envelope):
                events.extend(item.payload.json for item in envelope.items if item.payload.json)

        sentry_sdk.init(
            dsn="http://key@127.0.0.1/1",
            transport=Recording,
            traces_sample_rate=1.0,
            default_integrations=False,
            auto_enabling_integrations=False,
            auto_session_tracking=False,
            enable_backpressure_handling=False,
        )
        try:
            yield
        finally:
            sentry_sdk.get_client().close()
            sentry_sdk.get_global_scope().set_client(None)

    def check_whole(self, paths):
        transactions = [event for event in self._events if event.get("type") == "transaction"]
        assert [urlsplit(event["request"]["url"]).path for event in transactions] == paths
        assert [event["contexts"]["trace"]["status"] for event in transactions] == ["ok"] * len(paths)
        assert len(self._events) == len(transactions), "errors"


class ProcessTime(OfTheField):
    """FastAPI's tutorial middleware."""

    @staticmethod
    async def _add(request, call_next):
        response = await call_next(request)
        response.headers["x-process-time"] = "0.1"
        return response

    middleware = Middleware(BaseHTTPMiddleware, dispatch=_add)

    def check(self, response, *, is_stream):
        assert response.headers["x-process-time"] == "0.1"


class RateLimit(OfTheField):
    """It reads the limiter, and the routes, of the framework's own app, and so works inside of that only."""

    places = ("in Starlette", "in FastAPI")
    refused = ("GET", "/page", {}, 429, "Rate limit exceeded: 3 per 1 day")
    let_through = 3
    middleware = Middleware(SlowAPIMiddleware)

    def __init__(self) -> None:
        self.limiter = Limiter(key_func=lambda request: "everybody", default_limits=["3/day"], headers_enabled=True)

    def build(self, place, site):
        app = super().build(place, site)
        app.state.limiter = self.limiter
        return app

    def check(self, response, *, is_stream):
        assert response.headers["x-ratelimit-limit"] == "3"


class ASGIRateLimit(RateLimit):
    """It sends the start of a response with every piece of the body, so it is for responses in one piece."""

    middleware = Middleware(SlowAPIASGIMiddleware)


class Prometheus(OfTheField):
    """It ends every request with a call of asyncio's, so it is for other event loops."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.middleware = Middleware(PrometheusInstrumentatorMiddleware, registry=self.registry)


# What works on trio, and with streams.
ALL: dict[str, type[OfTheField]] = {
    kind.__name__: kind
    for kind in (
        CORS,
        GZip,
        Brotli,
        Session,
        TrustedHost,
        HTTPSRedirect,
        CorrelationId,
        StarletteContext,
        SecureHeaders,
        StarletteCSRF,
        AsgiCSRF,
        OpenTelemetry,
        Sentry,
        ProcessTime,
        RateLimit,
    )
}
