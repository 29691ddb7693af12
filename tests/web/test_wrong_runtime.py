"""Under asyncio everything refuses at once, in one sentence that names the cure."""

import asyncio

import pytest

from chirp_trio import App, EventStream, WrongRuntimeError, stream_lifespan
from chirp_trio.asgi import WRONG_RUNTIME

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

    asyncio.run(main())
    return sent


async def source():
    raise AssertionError("started")
    yield


def index():
    raise AssertionError("called")


def test_a_request_is_refused():
    app = App()
    app.route("/")(index)

    with pytest.raises(WrongRuntimeError) as refusal:
        run(app, HTTP)

    assert str(refusal.value) == WRONG_RUNTIME


def test_a_servers_own_way_of_running_an_app_is_refused():
    async def never():
        raise AssertionError("called")

    with pytest.raises(WrongRuntimeError):
        asyncio.run(App()(HTTP, never, never))


@pytest.mark.parametrize(
    "scope",
    [
        pytest.param({**HTTP, "state": {"chirp_trio.streams": object()}}, id="with a home"),
        pytest.param(HTTP, id="alone"),
    ],
)
def test_an_event_stream_is_refused(scope):
    with pytest.raises(WrongRuntimeError) as refusal:
        run(EventStream(source), scope)

    assert str(refusal.value) == WRONG_RUNTIME


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
