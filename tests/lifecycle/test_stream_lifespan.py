"""What apps that are not an `App` get from `stream_lifespan`: limits, a list, hooks, and a home for their streams."""

import logging
from contextlib import asynccontextmanager

import httpx
import pytest
import trio
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.routing import Route

from chirp_trio import Ending, EventStream, Limits, StreamLifespan, stream_lifespan
from chirp_trio.metrics import StreamCollector
from chirp_trio.testing import TestClient
from tests.cases import each_case


async def ticks():
    while True:
        yield "tick"
        await trio.sleep(1)


def ticks_of(user: str) -> EventStream:
    return EventStream(ticks, label=user)


def starlette(lifespan):
    async def clock(request):
        return ticks_of(request.path_params["user"])

    return Starlette(routes=[Route("/{user}", clock)], lifespan=lifespan)


def starlette_with_a_lifespan_of_its_own(lifespan):
    @asynccontextmanager
    async def own(app):
        async with lifespan(app) as state:
            yield {**state, "further": 1}

    return starlette(own)


def fastapi(lifespan):
    app = FastAPI(lifespan=lifespan)

    @app.get("/{user}")
    async def clock(user: str) -> EventStream:
        return ticks_of(user)

    return app


# Litestar and Quart are imported for the tests that use them: every process of the tests reads this file, and few run them.
def litestar(*lifespans):
    from litestar import Litestar, Request, get

    @get("/{user:str}")
    async def clock(request: Request) -> EventStream:
        return ticks_of(request.path_params["user"])

    return Litestar([clock], lifespan=lifespans, logging_config=None)


def litestar_in_a_wrapper(lifespan):
    return lifespan.wrap(litestar())


def quart_in_a_wrapper(lifespan):
    from quart_trio import QuartTrio

    app = QuartTrio(__name__)
    answer = app.asgi_app

    async def answer_or_stream(scope, receive, send):
        if scope["type"] == "http":
            await ticks_of(scope["path"][1:])(scope, receive, send)
        else:
            await answer(scope, receive, send)

    app.asgi_app = lifespan.wrap(answer_or_stream)
    return app


def bare_in_a_wrapper(lifespan):
    async def app(scope, receive, send):
        assert scope["type"] == "http", "it has no lifespan"
        await ticks_of(scope["path"][1:])(scope, receive, send)

    return lifespan.wrap(app)


APPS = (
    starlette,
    starlette_with_a_lifespan_of_its_own,
    fastapi,
    litestar_in_a_wrapper,
    quart_in_a_wrapper,
    bare_in_a_wrapper,
)
EVERYWHERE = pytest.mark.parametrize("make", APPS)


def without_state(app):
    """The app on a server that has no state for lifespans."""

    async def served(scope, receive, send):
        await app({name: value for name, value in scope.items() if name != "state"}, receive, send)

    return served


@EVERYWHERE
async def test_its_limits_hold(autojump_clock, caplog, make):
    caplog.set_level(logging.WARNING)
    lifespan = stream_lifespan(limits=Limits(max_streams=2, max_streams_per_client=1, reconnect_after=(7, 7)))
    async with TestClient(make(lifespan)) as client, client.stream_sse("/ada"):
        refused = await client.sse("/ada")
        assert (refused.status, refused.headers["retry-after"]) == (429, "7")
        second, third = (TestClient(make(lifespan), client=(f"192.0.2.{number}", 1)) for number in (1, 2))
        async with second, third, second.stream_sse("/eve"):
            assert (await third.sse("/bob")).status == 503
    assert lifespan.streams.refused == 2
    assert [record.getMessage() for record in caplog.records if "lifespan" in record.getMessage()] == []


@EVERYWHERE
async def test_its_streams_can_be_seen_and_ended(autojump_clock, make):
    lifespan = stream_lifespan(limits=Limits(max_age=1000))
    assert isinstance(lifespan, StreamLifespan)
    opened, closed = [], []
    lifespan.on_open(opened.append)
    lifespan.on_close(closed.append)
    registry = CollectorRegistry()
    registry.register(StreamCollector(lifespan.streams))
    async with TestClient(make(lifespan)) as client, client.stream_sse("/ada") as ada, client.stream_sse("/eve") as eve:
        await ada.next_event()
        assert [(stream.path, stream.label, stream.route) for stream in lifespan.streams] == [
            ("/ada", "ada", None),
            ("/eve", "eve", None),
        ]
        assert registry.get_sample_value("chirp_trio_streams") == 2
        assert lifespan.streams.close(lambda stream: stream.label == "ada") == 1
        async for _ in ada:
            pass
        await eve.next_event()
        client.drain()
        async for _ in eve:
            pass
        assert eve.retry is not None
    assert [stream.label for stream in opened] == ["ada", "eve"]
    assert [(stream.label, stream.ending) for stream in closed] == [("ada", Ending.CLOSED), ("eve", Ending.SHUTDOWN)]


@pytest.mark.parametrize("make", [litestar_in_a_wrapper, quart_in_a_wrapper, bare_in_a_wrapper])
async def test_a_server_without_state_is_enough(autojump_clock, caplog, make):
    caplog.set_level(logging.WARNING)
    lifespan = stream_lifespan()
    async with TestClient(without_state(make(lifespan))) as client:
        async with client.stream_sse("/ada") as stream:
            await stream.next_event()
            assert len(lifespan.streams) == 1
        assert (await client.sse("/ada", max_events=2)).status == 200
    assert [record.getMessage() for record in caplog.records if "lifespan" in record.getMessage()] == []


@pytest.mark.parametrize("make", [starlette, fastapi, litestar])
async def test_it_can_be_given_to_a_framework_as_it_is(autojump_clock, caplog, make):
    caplog.set_level(logging.WARNING)
    async with TestClient(make(stream_lifespan)) as client:
        assert (await client.sse("/ada", max_events=2)).status == 200
    assert [record.getMessage() for record in caplog.records if "lifespan" in record.getMessage()] == []


async def test_it_can_be_entered_again_but_not_twice_at_a_time():
    lifespan = stream_lifespan()
    for _ in range(2):
        async with lifespan as state:
            assert set(state) == {"chirp_trio.streams"}
            with pytest.raises(RuntimeError, match="is open already"):
                async with lifespan:
                    raise AssertionError("not reached")
            async with lifespan() as other:
                assert set(other) == set(state)


async def test_what_is_raised_in_its_block_comes_out_as_it_is():
    with pytest.raises(KeyError):
        async with stream_lifespan():
            raise KeyError


@each_case("limits", [{"max_streams": 1}, 5, Limits])
def test_limits_are_limits(limits):
    with pytest.raises(TypeError, match=r"^limits is .*; it must be a Limits, as in stream_lifespan\(limits=Limits\("):
        stream_lifespan(limits=limits)


def test_limits_have_to_be_named():
    with pytest.raises(TypeError, match=r"takes its limits by name"):
        stream_lifespan(Limits(max_streams=1))


@each_case("name", ["on_open", "on_close"])
def test_a_hook_is_a_function_that_is_not_async(name):
    async def wrong(stream): ...

    for hook in (wrong, None):
        with pytest.raises((TypeError, ValueError), match=rf"{name}\(.*\): the hook must be a function that is not async"):
            getattr(stream_lifespan(), name)(hook)


# -- the lifespan of what is wrapped --------------------------------------------------------------------------------------


async def lifespan_of(app):
    """What an app answers to a server that starts and stops it."""
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message["type"])

    await app({"type": "lifespan", "state": {}}, receive, send)
    return sent


COMPLETE = ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def raises_at_once(scope, receive, send):
    raise NotImplementedError(scope["type"])


async def raises_later(scope, receive, send):
    await receive()
    raise NotImplementedError(scope["type"])


async def returns_at_once(scope, receive, send): ...


async def has_one(scope, receive, send):
    for step in ("startup", "shutdown"):
        assert (await receive())["type"] == f"lifespan.{step}"
        await send({"type": f"lifespan.{step}.complete"})


@each_case("app", [raises_at_once, raises_later, returns_at_once, has_one])
async def test_an_app_that_has_no_lifespan_gets_one(app):
    assert await lifespan_of(stream_lifespan().wrap(app)) == COMPLETE


async def test_an_app_whose_lifespan_fails_still_fails():
    async def fails(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed"})
        raise LookupError("kaputt")

    with pytest.raises(LookupError, match="kaputt"):
        await lifespan_of(stream_lifespan().wrap(fails))


async def test_requests_that_come_when_nothing_runs_are_served_all_the_same(autojump_clock, caplog):
    app = stream_lifespan().wrap(EventStream(ticks))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        with trio.move_on_after(3) as left:
            await client.get("/")
    assert left.cancelled_caught
    assert "stream_lifespan().wrap(app)" in caplog.text
