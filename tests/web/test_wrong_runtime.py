"""Under asyncio everything refuses at once, in one sentence that names the cure."""

import asyncio

import httpx
import pytest
import starlette.testclient
from fastapi import FastAPI
from starlette.applications import Starlette

from chirp_trio import App, EventStream, WrongRuntimeError, stream_lifespan
from chirp_trio.asgi import WRONG_RUNTIME
from chirp_trio.testing import ASGITransport, TestClient, cancel_everywhere
from tests.cases import each_case

HTTP = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}


def run(app, scope):
    """What an app sends to a server on asyncio."""
    sent = []

    async def receive():
        return {"type": "lifespan.startup" if scope["type"] == "lifespan" else "http.request"}

    async def send(message):
        sent.append(message)

    async def main():
        await app(scope, receive, send)

    with pytest.raises(WrongRuntimeError) as refusal:
        asyncio.run(main())

    assert str(refusal.value) == WRONG_RUNTIME
    return sent


async def source():
    raise AssertionError("started")
    yield


def index():
    raise AssertionError("called")


def test_a_request_is_refused():
    app = App()
    app.route("/")(index)

    assert run(app, HTTP) == []


def test_a_servers_own_way_of_running_an_app_is_refused():
    async def never():
        raise AssertionError("called")

    with pytest.raises(WrongRuntimeError):
        asyncio.run(App()(HTTP, never, never))


@each_case(
    "scope",
    [
        pytest.param({**HTTP, "state": {"chirp_trio.streams": object()}}, id="with a home"),
        pytest.param(HTTP, id="alone"),
    ],
)
def test_an_event_stream_is_refused(scope):
    assert run(EventStream(source), scope) == []


def test_a_lifespan_is_refused_so_that_the_server_does_not_even_start():
    def lifespan(app):
        raise AssertionError("called")

    sent = run(App(lifespan=lifespan), {"type": "lifespan", "state": {}})

    assert sent == [{"type": "lifespan.startup.failed", "message": WRONG_RUNTIME}]


def test_the_lifespan_for_other_frameworks_is_refused():
    async def main():
        async with stream_lifespan():
            raise AssertionError("entered")

    with pytest.raises(WrongRuntimeError):
        asyncio.run(main())


# -- tests of users' ------------------------------------------------------------------------------------------------------


async def enter(client):
    async with client:
        raise AssertionError("entered")


@each_case(
    "enter",
    [
        pytest.param(lambda: enter(TestClient(App())), id="TestClient"),
        pytest.param(lambda: enter(TestClient.live(App())), id="TestClient.live"),
        pytest.param(lambda: enter(ASGITransport(App())), id="ASGITransport"),
        pytest.param(lambda: cancel_everywhere(index), id="cancel_everywhere"),
    ],
)
def test_what_tests_enter_names_pytest_trio(enter):
    async def main():
        await enter()

    with pytest.raises(
        WrongRuntimeError, match=r"only, and something else runs this test: .*pytest-trio.*`trio_mode = true`"
    ):
        asyncio.run(main())


def apps():
    app = App()
    app.route("/")(index)
    fast = FastAPI(lifespan=stream_lifespan)
    fast.get("/")(index)
    star = Starlette(lifespan=stream_lifespan)
    star.mount("/", app)
    return {"App": app, "FastAPI": fast, "Starlette": star}


@each_case("name", apps())
def test_starlettes_test_client_on_asyncio_ends_with_the_sentence(name):
    # It waits without end for an app that tells of a failed start, and returns.
    client = starlette.testclient.TestClient(apps()[name])

    with pytest.raises(WrongRuntimeError) as refusal, client:
        raise AssertionError("entered")

    assert str(refusal.value) == WRONG_RUNTIME


def test_starlettes_test_client_on_asyncio_that_is_not_entered_gets_the_sentence_at_the_request():
    client = starlette.testclient.TestClient(apps()["App"])

    with pytest.raises(WrongRuntimeError) as refusal:
        client.get("/")

    assert str(refusal.value) == WRONG_RUNTIME


def test_httpxs_own_transport_on_asyncio_gets_the_sentence_at_the_request():
    async def main():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(apps()["App"]), base_url="http://x") as client:
            await client.get("/")

    with pytest.raises(WrongRuntimeError) as refusal:
        asyncio.run(main())

    assert str(refusal.value) == WRONG_RUNTIME


def test_the_sentence_has_a_cure_for_each_of_them():
    assert "pytest-trio" in WRONG_RUNTIME
    assert "TestClient with backend='trio'" in WRONG_RUNTIME
