"""The lifespan, seen from servers: with state and without, and those that run none at all."""

from contextlib import asynccontextmanager

import pytest
import trio

from chirp_trio import App, EventStream
from chirp_trio.testing import TestClient


async def run_lifespan(app, scope, sent):
    """Start an app and stop it at once; `sent` is for what it sends."""
    messages = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]

    async def receive():
        return messages.pop()

    async def send(message):
        sent.append(message)

    await app({"type": "lifespan", **scope}, receive, send)


@pytest.mark.parametrize("scope", [{}, {"state": {}}], ids=["without state", "with state"])
async def test_the_server_is_told_of_start_and_stop(scope):
    sent = []
    await run_lifespan(App(), scope, sent)

    assert sent == [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]


@asynccontextmanager
async def fails_to_start(app):
    raise LookupError("no database")
    yield


@asynccontextmanager
async def fails_to_stop(app):
    yield
    raise LookupError("not closed")


@pytest.mark.parametrize(
    ("lifespan", "messages"),
    [
        (fails_to_start, [{"type": "lifespan.startup.failed", "message": "LookupError: no database"}]),
        (
            fails_to_stop,
            [
                {"type": "lifespan.startup.complete"},
                {"type": "lifespan.shutdown.failed", "message": "LookupError: not closed"},
            ],
        ),
    ],
)
async def test_the_server_is_told_of_a_failure_and_gets_it_as_well(lifespan, messages):
    sent = []

    with pytest.raises(LookupError):
        await run_lifespan(App(lifespan=lifespan), {}, sent)

    assert sent == messages


async def test_a_server_with_state_gets_what_the_lifespan_yields():
    @asynccontextmanager
    async def lifespan(app):
        yield {"database": "open"}

    state = {"servers": "own"}
    await run_lifespan(App(lifespan=lifespan), {"state": state}, [])

    assert state["database"] == "open"
    assert state["servers"] == "own"


async def test_a_lifespan_may_yield_nothing():
    state = {}

    await run_lifespan(App(), {"state": state}, [])

    assert list(state) == ["chirp_trio.streams"]


def in_a_server_that(change, left):
    """Middleware for what a server does to scopes; notes which calls of the app have returned."""

    def wrap(app):
        async def wrapped(scope, receive, send):
            if change(scope):
                await app(scope, receive, send)
                left.append(scope["type"])

        return wrapped

    return wrap


def without_state(scope):
    return scope.pop("state") is not None


def without_lifespan(scope):
    return scope["type"] != "lifespan"


def streaming_app(*middleware):
    app = App(middleware=middleware)

    @app.route("/")
    async def index():
        async def source():
            while True:
                yield "x" * 10_000

        return EventStream(source)

    return app


async def test_a_server_without_state_can_be_freed_from_a_client_that_does_not_read(autojump_clock):
    left = []

    app = streaming_app(in_a_server_that(without_state, left))
    async with TestClient(app) as client, client.stream_sse("/") as stream:
        stream.stall()
        await trio.sleep(60)
        assert left == ["http"]


async def test_a_server_without_lifespan_cannot(autojump_clock):
    left = []

    app = streaming_app(in_a_server_that(without_lifespan, left))
    async with TestClient(app) as client, client.stream_sse("/") as stream:
        stream.stall()
        await trio.sleep(60)
        assert left == []  # it is waiting for its client still


async def test_a_server_without_lifespan_is_warned_of_once(autojump_clock, caplog):
    async with TestClient(streaming_app(in_a_server_that(without_lifespan, []))) as client:
        for _ in range(2):
            await client.sse("/", max_events=1)

    assert [(record.name, record.levelname) for record in caplog.records] == [("chirp_trio.stream", "WARNING")]
