"""Several lifespans of streams around one stream: it is in the list of each, and the limits of all of them bound it."""

from contextlib import asynccontextmanager

import trio
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from chirp_trio import App, EventStream, Limits, stream_lifespan
from chirp_trio.testing import TestClient
from tests.cases import each_case


def ticks():
    async def source():
        while True:
            yield "tick"
            await trio.sleep(1)

    return EventStream(source)


def starlette(lifespan=None):
    async def live(request):
        return ticks()

    return Starlette(routes=[Route("/live", live)], lifespan=lifespan)


def fastapi(lifespan=None):
    app = FastAPI(lifespan=lifespan)
    app.add_api_route("/live", ticks)
    return app


def chirp():
    app = App()
    app.route("/live")(ticks)
    return app


def through(app):
    """Middleware, which frameworks do not know their app by."""

    async def middleware(scope, receive, send):
        await app(scope, receive, send)

    return middleware


def both(first, second):
    @asynccontextmanager
    async def lifespan(app):
        async with first(app) as one, second(app) as other:
            yield {**other, **one}

    return lifespan


def with_a_router(first, second):
    router = APIRouter(lifespan=second)
    router.add_api_route("/live", ticks)
    app = FastAPI(lifespan=first)
    app.include_router(router)
    return app


def mounted(prefix, outer_lifespan, app):
    return Starlette(routes=[Mount(prefix, app)], lifespan=outer_lifespan)


def mounted_and_entered(first, second):
    inner = fastapi(second)

    @asynccontextmanager
    async def lifespan(app):
        async with first(app) as state, second(inner):
            yield state

    return mounted("/inner", lifespan, inner)


def mounted_in_an_app(first, second):
    outer = App()
    outer.mount("/inner", second.wrap(chirp()))
    return first.wrap(outer)


PLACES = {
    "both in one": (lambda first, second: starlette(both(first, second)), "/live"),
    "around Starlette's": (lambda first, second: first.wrap(starlette(second)), "/live"),
    "around FastAPI's": (lambda first, second: first.wrap(fastapi(second)), "/live"),
    "around middleware around Starlette's": (lambda first, second: first.wrap(through(starlette(second))), "/live"),
    "around another": (lambda first, second: first.wrap(second.wrap(starlette())), "/live"),
    "a router's": (with_a_router, "/live"),
    "around a mounted app": (lambda first, second: mounted("/inner", first, second.wrap(fastapi())), "/inner/live"),
    "around a mounted App": (lambda first, second: mounted("/inner", first, second.wrap(chirp())), "/inner/live"),
    "of a mounted app, entered around it": (mounted_and_entered, "/inner/live"),
    "around an App in an App": (mounted_in_an_app, "/inner/live"),
}


@each_case("place", PLACES)
@each_case("limited", ["first", "second"])
async def test_the_limits_of_each_hold(autojump_clock, place, limited):
    make, path = PLACES[place]
    lifespans = {
        name: stream_lifespan(limits=Limits(max_streams=1 if name == limited else 9)) for name in ("first", "second")
    }
    async with TestClient(make(**lifespans)) as client:
        async with client.stream_sse(path) as stream:
            await stream.next_event()
            assert [len(lifespan.streams) for lifespan in lifespans.values()] == [1, 1]
            assert (await client.sse(path)).status == 503
        assert (await client.sse(path, max_events=1)).status == 200


async def test_lifespans_of_nobody_in_particular_have_nothing_to_do_with_each_other(autojump_clock):
    one, other = (stream_lifespan(limits=Limits(max_streams=number)) for number in (1, 2))
    async with one() as first, other() as second:
        [registry] = second["chirp_trio.streams"].registries
        assert registry not in first["chirp_trio.streams"].registries


async def test_lifespans_of_one_app_end_in_any_order(autojump_clock):
    """Two servers may run an app at the same time, which hand on no state of its lifespan."""
    lifespan = stream_lifespan(limits=Limits(max_streams=1))
    inner = starlette(lifespan)

    async def app(scope, receive, send):
        if scope["type"] == "http":
            scope = {name: value for name, value in scope.items() if name != "state"}
        await inner(scope, receive, send)

    leave, left = trio.Event(), trio.Event()

    async def serve_first(*, task_status):
        async with TestClient(app):
            task_status.started()
            await leave.wait()
        left.set()

    async with trio.open_nursery() as nursery:
        await nursery.start(serve_first)
        async with TestClient(app) as second:
            leave.set()
            await left.wait()
            async with second.stream_sse("/live") as stream:
                await stream.next_event()
                assert len(lifespan.streams) == 1
                assert (await second.sse("/live")).status == 503
