"""The lifespan of an app that is mounted: nobody runs it, the log says so, and `App.running()` does."""

from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from chirp_trio import App, EventStream, Request, SQLiteStore, stream_lifespan
from chirp_trio.testing import TestClient

SAID = "for a mounted one, enter `async with app.running():` in the lifespan of the outer one"


@asynccontextmanager
async def own(_app):
    yield {"pool": "the pool of the mounted one"}


def live_app(tmp_path, lifespan=own):
    live = App(lifespan=lifespan)
    topic = live.topic("news", store=SQLiteStore(tmp_path / "news.sqlite"))

    @live.route("/publish")
    async def publish(request: Request):
        return {"id": await topic.publish("x"), "pool": request.state["pool"], "ready": live.ready}

    @live.route("/news")
    async def news():
        return EventStream(topic.subscribe(replay=10))

    return live


def in_an_app(live, *, runs):
    @asynccontextmanager
    async def lifespan(_app):
        if runs:
            async with live.running() as state:
                assert "chirp_trio.streams" not in state
                yield state
        else:
            yield {}

    outer = App(lifespan=lifespan)
    outer.mount("/live", live)
    return outer


def in_starlette(live, *, runs):
    @asynccontextmanager
    async def lifespan(app):
        async with stream_lifespan(app) as state:
            if runs:
                async with live.running() as further:
                    yield {**state, **further}
            else:
                yield state

    return Starlette(routes=[Mount("/live", live)], lifespan=lifespan)


def in_starlette_without_a_lifespan_for_streams(live, *, runs):
    @asynccontextmanager
    async def lifespan(_app):
        if runs:
            async with live.running() as state:
                yield state
        else:
            yield {}

    return Starlette(routes=[Mount("/live", live)], lifespan=lifespan)


PLACES = pytest.mark.parametrize("place", [in_an_app, in_starlette, in_starlette_without_a_lifespan_for_streams])


@PLACES
async def test_it_runs_where_it_is_entered(tmp_path, caplog, place):
    live = live_app(tmp_path)
    assert not live.ready
    async with TestClient(place(live, runs=True)) as client:
        response = (await client.get("/live/publish")).json()
        assert (response["pool"], response["ready"]) == ("the pool of the mounted one", True)
        assert [event.data for event in (await client.sse("/live/news", max_events=1)).events] == ["x"]
        assert live.streams.opened == 1
    assert not live.ready
    assert caplog.records == []


@PLACES
async def test_where_it_is_not_the_log_names_the_cure_once(tmp_path, caplog, place):
    async with TestClient(place(live_app(tmp_path), runs=False), raise_stream_errors=False) as client:
        for _ in range(2):
            assert (await client.get("/live/publish")).status_code == 500
    assert caplog.text.count(SAID) == 1
    assert "for a mounted one, `app.running()` does" in caplog.text


@PLACES
async def test_an_app_that_has_nothing_to_run_is_not_warned_of(caplog, place):
    live = App()

    @live.route("/")
    async def index():
        return "hello"

    async with TestClient(place(live, runs=False)) as client:
        assert (await client.get("/live/")).text == "hello"
    assert caplog.records == []
