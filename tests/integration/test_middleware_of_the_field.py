"""Middleware of the field over real sockets: in an `App` (or in FastAPI, where it works there only), on both servers."""

from contextlib import asynccontextmanager
from functools import partial

import httpx
import hypercorn.config
import hypercorn.trio
import pytest
import trio

from chirp_trio import Decoder, ServerConfig, serve
from tests.field import ALL, TEXT, Site
from tests.integration.clients import HTTP1, PATIENCE


async def serve_with_hypercorn(app, *, shutdown, task_status):
    config = hypercorn.config.Config()
    config.bind, config.errorlog = ["127.0.0.1:0"], None
    await hypercorn.trio.serve(app, config, shutdown_trigger=shutdown.wait, task_status=task_status)


SERVERS = {
    "chirp-trio": partial(serve, config=ServerConfig(port=0)),
    "hypercorn": serve_with_hypercorn,
}


@pytest.fixture(params=SERVERS)
def start(request):
    """What serves an app on the loopback, to a client of httpx's, and leaves no task behind."""

    @asynccontextmanager
    async def start(middleware, site):
        place = "in an App" if "in an App" in middleware.places else "in FastAPI"
        app, shutdown = middleware.build(place, site), trio.Event()
        tasks = trio.lowlevel.current_statistics().tasks_living
        with middleware.at_work():
            async with trio.open_nursery() as nursery:
                [url] = await nursery.start(partial(SERVERS[request.param], app, shutdown=shutdown))
                headers = {"host": "testserver", **middleware.request}
                async with httpx.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE, verify=False) as client:
                    yield client
                shutdown.set()
        assert trio.lowlevel.current_statistics().tasks_living == tasks

    return start


class Received:
    """What has come of a stream."""

    def __init__(self, response):
        self.headers = httpx.Headers(response.headers)
        self.events = [event.data for event in Decoder().feed(response.body)]


async def read_stream(client, path, *, until=None):
    """What comes of a stream until this text, or to its end, before the client leaves."""
    headers = [
        (name, value) for name, value in client.headers.items() if name in ("origin", "accept-encoding", "x-request-id")
    ]

    def read():
        with HTTP1((client.base_url.host, client.base_url.port)) as connection:
            response = connection.request(path, headers=headers)
            if until is None:
                connection.wait_for_end(response)
            else:
                connection.wait_for(response, until)
            return Received(response)

    return await trio.to_thread.run_sync(read)


@pytest.mark.parametrize("name", [name for name in ALL if name != "HTTPSRedirect"])  # the servers speak no TLS here
async def test_a_page_and_streams_are_what_they_were_and_have_what_the_middleware_adds(name, start):
    middleware, site = ALL[name](), Site(pause=0.05)
    async with start(middleware, site) as client:
        page = await client.get("/page")
        assert page.text == TEXT
        middleware.check(page, is_stream=False)
        whole = await read_stream(client, "/three")
        assert whole.events == ["1", "2", "3"]
        middleware.check(whole, is_stream=True)
        left = await read_stream(client, "/endless", until=b"data: 3\n\n")
        assert left.events[:3] == ["1", "2", "3"]
        middleware.check(left, is_stream=True)
        with trio.fail_after(PATIENCE):
            await site.wait_until_closed()
    assert site.opened == 2
    middleware.check_whole(["/page", "/three", "/endless"])


@pytest.mark.parametrize("name", [name for name, kind in ALL.items() if kind.refused])
async def test_whom_the_middleware_refuses_no_source_is_begun_for(name, start):
    middleware, site = ALL[name](), Site()
    method, path, headers, status, text = middleware.refused
    async with start(middleware, site) as client:
        for _ in range(middleware.let_through):
            await client.get("/page")
        response = await client.request(method, httpx.URL(path).path, headers={**client.headers, **headers})

    assert (response.status_code, text in response.text) == (status, True)
    assert site.opened == 0
