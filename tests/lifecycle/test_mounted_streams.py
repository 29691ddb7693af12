"""Whose a stream is: the app's that answers, wherever that is mounted, and theirs that it is mounted in."""

import copy
import math

import pytest
import trio
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.routing import Mount

from chirp_trio import App, AppConfig, Ending, EventStream, Limits, Request, stream_lifespan
from chirp_trio.metrics import StreamCollector
from chirp_trio.testing import TestClient
from tests.cases import each_case


def clock_app(**config):
    app = App(AppConfig(**config))

    @app.route("/clock/{name}")
    async def clock(request: Request, name):
        async def ticks():
            while True:
                yield "tick"
                await trio.sleep(1)

        return EventStream(ticks, label=name)

    return app


def in_app(app, prefix="/live", **config):
    outer = App(AppConfig(**config))
    outer.mount(prefix, app)
    return outer


def in_starlette(app, **options):
    return Starlette(routes=[Mount("/live", app)], lifespan=stream_lifespan, **options)


def in_fastapi(app):
    outer = FastAPI(lifespan=stream_lifespan)
    outer.mount("/live", app)
    return outer


def in_litestar(app):
    # Every process of the tests reads this file, and few run it.
    from litestar import Litestar, asgi
    from litestar.types import Receive, Scope, Send

    @asgi("/live", is_mount=True, copy_scope=True)
    async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "path": scope["path"].rstrip("/")}, receive, send)  # Litestar appends a slash

    return Litestar([mounted], lifespan=[stream_lifespan], logging_config=None)


class Copying(BaseHTTPMiddleware):
    """Middleware of somebody's that copies all that it gets."""

    async def dispatch(self, request, call_next):
        request.scope["state"] = copy.deepcopy(request.scope["state"]) if "state" in request.scope else {}
        return await call_next(request)


PLACES = {
    "alone": (lambda app: app, ""),
    "in an App": (in_app, "/live"),
    "in an App in an App": (lambda app: in_app(in_app(app), "/outer"), "/outer/live"),
    "in Starlette": (in_starlette, "/live"),
    "in Starlette below middleware": (lambda app: in_starlette(app, middleware=[Middleware(Copying)]), "/live"),
    "in Starlette in an App": (lambda app: in_app(in_starlette(app), "/outer"), "/outer/live"),
    "in an App in Starlette": (lambda app: in_starlette(in_app(app, "/inner")), "/live/inner"),
    "in FastAPI": (in_fastapi, "/live"),
    "in Litestar": (in_litestar, "/live"),
    "in a wrapper": (stream_lifespan().wrap, ""),
}


def without_lifespan(app):
    async def served(scope, receive, send):
        if scope["type"] == "lifespan":
            raise NotImplementedError
        await app(scope, receive, send)

    return served


def served(app, place, has_lifespan):
    """The context manager of a client for an app in its place, and the path of the app there."""
    put, prefix = PLACES[place]
    outer = put(app)
    return TestClient(outer if has_lifespan else without_lifespan(outer)), prefix


def everywhere(test):
    return each_case("place", PLACES)(each_case("has_lifespan", [True, False])(test))


@everywhere
async def test_its_limits_hold(autojump_clock, place, has_lifespan):
    app = clock_app(max_streams=2, reconnect_after=(3, 4))
    serving, path = served(app, place, has_lifespan)
    async with serving as client, client.stream_sse(f"{path}/clock/a"), client.stream_sse(f"{path}/clock/b"):
        refused = await client.sse(f"{path}/clock/c")
        assert (refused.status, refused.headers["retry-after"]) == (503, "4")
        assert (app.streams.opened, app.streams.refused, len(app.streams)) == (2, 1, 2)


@everywhere
async def test_its_limits_per_client_hold(autojump_clock, place, has_lifespan):
    serving, path = served(clock_app(max_streams_per_client=1), place, has_lifespan)
    async with serving as client:
        async with client.stream_sse(f"{path}/clock/a"):
            assert (await client.sse(f"{path}/clock/b")).status == 429
        assert (await client.sse(f"{path}/clock/b", max_events=1)).status == 200


@everywhere
async def test_its_hooks_and_its_list_have_its_streams(autojump_clock, place, has_lifespan):
    app = clock_app()
    opened, closed = [], []
    app.on_open(opened.append)
    app.on_close(closed.append)
    serving, path = served(app, place, has_lifespan)
    async with serving as client, client.stream_sse(f"{path}/clock/ada") as stream:
        await stream.next_event()
        [seen] = app.streams
        assert (seen.route, seen.label) == ("/clock/{name}", "ada")
        assert [(stream.route, stream.label, stream.ending) for stream in opened] == [("/clock/{name}", "ada", None)]
        assert closed == []
    assert [(stream.route, stream.label, stream.ending) for stream in closed] == [
        ("/clock/{name}", "ada", Ending.DISCONNECTED)
    ]
    assert len(app.streams) == 0


@everywhere
async def test_it_closes_its_streams(autojump_clock, place, has_lifespan):
    app = clock_app()
    serving, path = served(app, place, has_lifespan)
    ada_path, eve_path = f"{path}/clock/ada", f"{path}/clock/eve"
    async with serving as client, client.stream_sse(ada_path) as ada, client.stream_sse(eve_path) as eve:
        await ada.next_event()
        assert app.streams.close(lambda stream: stream.label == "ada") == 1
        async for _ in ada:
            pass
        assert ada.ended == "completed"
        await eve.next_event()
    assert app.streams.ended[Ending.CLOSED] == 1


@everywhere
async def test_its_max_age_holds(autojump_clock, place, has_lifespan):
    serving, path = served(clock_app(max_age=10), place, has_lifespan)
    async with serving as client:
        assert 9 <= (await client.sse(f"{path}/clock/a", timeout=100)).duration <= 11


@everywhere
async def test_its_farewell_is_told(autojump_clock, place, has_lifespan):
    serving, path = served(clock_app(reconnect_after=(77, 77)), place, has_lifespan)
    async with serving as client, client.stream_sse(f"{path}/clock/a") as stream:
        await stream.next_event()
        client.drain()
        async for _ in stream:
            pass
        assert (stream.ended, stream.retry) == ("completed", 77_000)


@everywhere
async def test_its_metrics_have_its_streams(autojump_clock, place, has_lifespan):
    app = clock_app()
    registry = CollectorRegistry()
    registry.register(StreamCollector(app.streams))
    serving, path = served(app, place, has_lifespan)
    async with serving as client:
        async with client.stream_sse(f"{path}/clock/a") as stream:
            await stream.next_event()
            assert registry.get_sample_value("chirp_trio_streams") == 1
        await client.sse(f"{path}/clock/a", max_events=3)
    assert registry.get_sample_value("chirp_trio_streams") == 0
    assert registry.get_sample_value("chirp_trio_streams_opened_total") == 2


# -- those that it is mounted in ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lifespan", [True, False])
async def test_an_app_bounds_and_shows_all_that_it_serves(autojump_clock, lifespan):
    one, two = clock_app(), clock_app()
    outer = in_app(one, "/one", max_streams=2)
    outer.mount("/two", two)
    seen = []
    outer.on_open(lambda stream: seen.append((stream.path, stream.route)))
    serving = TestClient(outer if lifespan else without_lifespan(outer))
    async with serving as client, client.stream_sse("/one/clock/a") as a, client.stream_sse("/two/clock/b"):
        assert (await client.sse("/one/clock/c")).status == 503
        assert [len(app.streams) for app in (outer, one, two)] == [2, 1, 1]
        assert [(stream.path, stream.route) for stream in outer.streams] == seen
        assert seen == [("/one/clock/a", None), ("/two/clock/b", None)]
        assert [app.streams.refused for app in (outer, one, two)] == [1, 0, 0]
        assert outer.streams.close(lambda stream: stream.label == "a") == 1
        async for _ in a:
            pass
    assert [app.streams.opened for app in (outer, one, two)] == [2, 1, 1]
    assert [app.streams.ended[Ending.CLOSED] for app in (outer, one, two)] == [1, 1, 0]


async def test_a_stream_that_is_refused_by_one_app_is_entered_in_none(autojump_clock):
    inner = clock_app(max_streams_per_client=1)
    outer = in_app(inner, max_streams_per_client=2)
    async with TestClient(outer) as client:
        async with client.stream_sse("/live/clock/a"):
            for _ in range(3):
                assert (await client.sse("/live/clock/b")).status == 429
            assert (outer.streams.opened, outer.streams.refused, inner.streams.refused) == (1, 0, 3)
        assert (await client.sse("/live/clock/b", max_events=1)).status == 200


@each_case(("outer_age", "inner_age"), [(10, 1000), (1000, 10), (10, None), (None, 10)])
async def test_the_shorter_age_counts(autojump_clock, outer_age, inner_age):
    async with TestClient(in_app(clock_app(max_age=inner_age), max_age=outer_age)) as client:
        assert 9 <= (await client.sse("/live/clock/a", timeout=math.inf)).duration <= 11


async def test_an_app_that_is_mounted_twice_counts_each_stream_once(autojump_clock):
    inner = clock_app(max_streams=2)
    outer = in_app(inner, "/one")
    outer.mount("/two", in_app(inner))
    async with TestClient(outer) as client, client.stream_sse("/one/clock/a"), client.stream_sse("/two/live/clock/b"):
        assert len(inner.streams) == len(outer.streams) == 2
        assert {stream.route for stream in inner.streams} == {"/clock/{name}"}


async def test_a_framework_bounds_the_apps_that_are_mounted_in_it(autojump_clock):
    lifespan = stream_lifespan(limits=Limits(max_streams=1))
    inner = clock_app()
    app = Starlette(routes=[Mount("/live", inner)], lifespan=lifespan)
    async with TestClient(app) as client, client.stream_sse("/live/clock/a"):
        assert (await client.sse("/live/clock/b")).status == 503
        assert (len(lifespan.streams), len(inner.streams)) == (1, 1)
        assert [stream.route for stream in lifespan.streams] == [None]
    assert (lifespan.streams.refused, inner.streams.refused) == (1, 0)


async def test_a_wrapper_bounds_the_app_in_it(autojump_clock):
    lifespan = stream_lifespan(limits=Limits(max_streams=1))
    inner = clock_app()
    async with TestClient(lifespan.wrap(inner)) as client, client.stream_sse("/clock/a"):
        assert (await client.sse("/clock/b")).status == 503
        assert (len(lifespan.streams), len(inner.streams)) == (1, 1)
