"""The lifespan: what is entered before the first request and left after the last one, and what goes wrong in it."""

from contextlib import asynccontextmanager

import pytest
import trio

from chirp_trio import App, EventStream
from chirp_trio.testing import AppError, TestClient


async def test_it_is_entered_before_the_first_request_and_left_after_the_last():
    steps = []

    @asynccontextmanager
    async def lifespan(app):
        steps.append("start")
        yield
        steps.append("stop")

    app = App(lifespan=lifespan)

    @app.route("/")
    async def index():
        steps.append("request")

    async with TestClient(app) as client:
        assert steps == ["start"]
        await client.get("/")
        await client.get("/")

    assert steps == ["start", "request", "request", "stop"]


async def test_it_is_called_with_the_app():
    given = []

    @asynccontextmanager
    async def lifespan(app):
        given.append(app)
        yield

    app = App(lifespan=lifespan)
    async with TestClient(app):
        pass

    assert given == [app]


async def test_what_it_yields_is_every_requests_state():
    @asynccontextmanager
    async def lifespan(app):
        yield {"database": "open", "count": 3}

    app = App(lifespan=lifespan)

    @app.route("/")
    async def index(request):
        return [request.state["database"], request.state["count"]]

    async with TestClient(app) as client:
        assert (await client.get("/")).json() == ["open", 3]


async def test_without_a_lifespan_a_request_has_a_state_without_it():
    app = App()

    @app.route("/")
    async def index(request):
        return request.state.get("database", "none")

    async with TestClient(app) as client:
        assert (await client.get("/")).text == "none"


async def test_a_task_in_its_nursery_runs_beside_the_requests(autojump_clock):
    counted = 0

    async def count():
        nonlocal counted
        while True:
            await trio.sleep(1)
            counted += 1

    @asynccontextmanager
    async def lifespan(app):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(count)
            yield
            nursery.cancel_scope.cancel()

    app = App(lifespan=lifespan)

    @app.route("/")
    async def index():
        return [counted]

    async with TestClient(app) as client:
        await trio.sleep(3.5)
        assert (await client.get("/")).json() == [3]
        await trio.sleep(2)
        assert (await client.get("/")).json() == [5]


async def test_streams_end_before_what_the_lifespan_opened_is_closed(autojump_clock):
    steps = []

    @asynccontextmanager
    async def lifespan(app):
        yield
        steps.append("lifespan left")

    app = App(lifespan=lifespan)

    async def source():
        try:
            yield "first"
            await trio.sleep_forever()
        finally:
            steps.append("source closed")

    @app.route("/")
    async def index():
        return EventStream(source)

    async with TestClient(app) as client, client.stream_sse("/") as stream:
        await stream.next_event()

    assert steps == ["source closed", "lifespan left"]


async def test_a_mounted_app_shares_the_state():
    @asynccontextmanager
    async def lifespan(app):
        yield {"database": "open"}

    inner, outer = App(), App(lifespan=lifespan)
    outer.mount("/inner", inner)

    @inner.route("/")
    async def index(request):
        return request.state["database"]

    async with TestClient(outer) as client:
        assert (await client.get("/inner")).text == "open"


async def test_an_app_may_be_started_again():
    app = App()

    @app.route("/")
    async def index():
        return "here"

    for _ in range(2):
        async with TestClient(app) as client:
            assert (await client.get("/")).text == "here"


# -- what goes wrong ----------------------------------------------------------------------------------------------------


def logged(caplog):
    return [(record.name, record.message) for record in caplog.records]


async def test_a_failure_to_start_is_told_to_the_server_and_logged(caplog):
    @asynccontextmanager
    async def lifespan(app):
        raise LookupError("no database")
        yield

    with pytest.raises(AppError, match="the app's lifespan failed: LookupError: no database"):
        async with TestClient(App(lifespan=lifespan)):
            raise AssertionError("not started")

    assert logged(caplog) == [("chirp_trio.web", "the app's lifespan failed to start")]
    assert "no database" in caplog.text


async def test_a_failure_to_stop_is_told_to_the_server_and_logged(caplog):
    @asynccontextmanager
    async def lifespan(app):
        yield
        raise LookupError("not closed")

    with pytest.raises(AppError, match="the app's lifespan failed: LookupError: not closed"):
        async with TestClient(App(lifespan=lifespan)):
            pass

    assert logged(caplog) == [("chirp_trio.web", "the app's lifespan failed while it was running")]
    assert "not closed" in caplog.text


@asynccontextmanager
async def with_a_task_that_fails(app):
    async def fail():
        await trio.sleep(5)
        raise LookupError("connection lost")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(fail)
        yield


async def test_a_task_that_fails_while_the_app_is_running_ends_it(autojump_clock, caplog):
    with pytest.raises(AppError, match="the app's lifespan failed: LookupError: connection lost"):
        async with TestClient(App(lifespan=with_a_task_that_fails)):
            await trio.sleep(60)

    assert trio.current_time() == pytest.approx(5)
    assert logged(caplog) == [("chirp_trio.web", "the app's lifespan failed while it was running")]
    assert "connection lost" in caplog.text
