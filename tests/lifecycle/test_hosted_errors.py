"""An `HTTPError` in a stream that no `App` answers for keeps its status, its detail and its headers, in every framework."""

import importlib

import httpx
import pytest
import trio
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.exceptions import HTTPException as StarletteException
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from chirp_trio import App, EventStream, HTTPError, Limits, stream_lifespan
from chirp_trio.errors import ChirpError
from chirp_trio.stream import EventStream as ASGIEventStream
from chirp_trio.testing import TestClient
from tests.cases import each_case


def raising(error):
    """A source that raises at once, in a nursery of its own, as many do."""

    async def source():
        async with trio.open_nursery():
            raise error
        yield

    return source


def in_starlette(source, **options):
    async def stream(_request):
        return EventStream(source)

    return Starlette(routes=[Route("/", stream)], lifespan=stream_lifespan, **options)


def in_fastapi(source):
    app = FastAPI(lifespan=stream_lifespan)

    @app.get("/")
    async def stream() -> EventStream:
        return EventStream(source)

    return app


# Litestar and Quart are imported for the tests that use them: every process of the tests reads this file, and few run them.
def in_litestar(source):
    from litestar import Litestar, get

    @get("/")
    async def stream() -> EventStream:
        return EventStream(source)

    return Litestar([stream], lifespan=[stream_lifespan], logging_config=None)


def in_quart(source):
    from quart_trio import QuartTrio

    app = QuartTrio(__name__)
    answer = app.asgi_app

    async def answer_or_stream(scope, receive, send):
        await (EventStream(source) if scope["type"] == "http" else answer)(scope, receive, send)

    app.asgi_app = stream_lifespan().wrap(answer_or_stream)
    return app


def bare(source):
    return EventStream(source)


def without_starlette(source):
    return ASGIEventStream(source)


def below_an_app_in_starlette(source):
    app = App()
    app.mount("/stream", EventStream(source))

    async def served(scope, receive, send):
        inner = {**scope, "path": "/stream"} if scope["type"] == "http" else scope
        await Starlette(routes=[Mount("/", app)], lifespan=stream_lifespan)(inner, receive, send)

    return served


EVERYWHERE = pytest.mark.parametrize(
    "place",
    [in_starlette, in_fastapi, in_litestar, in_quart, bare, without_starlette, below_an_app_in_starlette],
)


@EVERYWHERE
@pytest.mark.parametrize("status", [401, 403, 429, 503])
async def test_it_keeps_what_it_says(autojump_clock, place, status):
    error = HTTPError(status, "Not for you: ü", [("x-reason", "private"), ("set-cookie", "a=1"), ("set-cookie", "b=2")])
    async with TestClient(place(raising(error))) as client:
        response = await client.get("/")
    assert response.status_code == status
    assert "Not for you: ü" in response.text
    assert response.headers["x-reason"] == "private"
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]


async def endless():
    while True:
        yield "tick"
        await trio.sleep(1)


async def test_a_refusal_says_when_to_come_back(autojump_clock):
    lifespan = stream_lifespan(limits=Limits(max_streams=1, reconnect_after=(5, 5)))
    async with TestClient(lifespan.wrap(EventStream(endless))) as client, client.stream_sse("/"):
        response = await client.get("/")
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.text == "The server has as many event streams as it may have."


async def test_a_content_type_of_its_own_is_kept(autojump_clock):
    error = HTTPError(422, "{}", {"Content-Type": "application/problem+json"})
    async with TestClient(bare(raising(error))) as client:
        response = await client.get("/")
    assert response.headers.get_list("content-type") == ["application/problem+json"]
    assert response.json() == {}


async def test_fastapi_answers_as_it_answers_its_own(autojump_clock):
    async with TestClient(in_fastapi(raising(HTTPError(403, "no", {"x-why": "b"})))) as client:
        response = await client.get("/")
    assert (response.status_code, response.json(), response.headers["x-why"]) == (403, {"detail": "no"}, "b")


@each_case("kind", [HTTPError, ChirpError, StarletteException, 403])
async def test_a_handler_of_the_apps_own_in_starlette_is_asked(autojump_clock, kind):
    async def handler(_request, error):
        return PlainTextResponse(f"handled {error.detail}", 418)

    app = in_starlette(raising(HTTPError(403, "no")), exception_handlers={kind: handler})
    async with TestClient(app) as client:
        response = await client.get("/")
    assert (response.status_code, response.text) == (418, "handled no")


@pytest.mark.parametrize(
    ("place", "module"),
    [
        (in_starlette, "starlette.exceptions"),
        (in_fastapi, "fastapi"),
        (in_litestar, "litestar.exceptions"),
    ],
)
async def test_the_frameworks_own_errors_are_theirs(autojump_clock, place, module):
    error = importlib.import_module(module).HTTPException(status_code=403, detail="no", headers={"x-why": "b"})
    async with TestClient(place(raising(error))) as client:
        response = await client.get("/")
    assert (response.status_code, response.headers["x-why"]) == (403, "b")
    assert "no" in response.text


async def test_another_error_is_for_whoever_calls(autojump_clock):
    with pytest.raises(LookupError):
        async with TestClient(bare(raising(LookupError("kaputt")))) as client:
            await client.get("/")


async def test_an_app_answers_for_its_own_streams(autojump_clock):
    app = App()

    @app.route("/")
    async def stream():
        return EventStream(raising(HTTPError(403, "no")))

    @app.error(403)
    async def refused():
        return "answered by the app"

    async with TestClient(Starlette(routes=[Mount("/", app)], lifespan=stream_lifespan)) as client:
        response: httpx.Response = await client.get("/")
    assert (response.status_code, response.text) == (403, "answered by the app")
