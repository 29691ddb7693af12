"""The headers of every response: a list of its own, to which middleware may add, as that of the field does."""

from collections import defaultdict

import pytest

from chirp_trio import (
    App,
    AppConfig,
    EventStream,
    Fragment,
    HTTPError,
    Page,
    Redirect,
    Response,
    Stream,
    Template,
    stream_lifespan,
)
from chirp_trio.stream import EventStream as PlainEventStream
from chirp_trio.testing import TestClient
from tests.cases import each_case

TEMPLATES = {"page.html": "<title>A</title>{% block part %}<p>{{ 1 }}</p>{% end %}", "broken.html": "{{ 1 / nothing }}"}


async def two():
    yield "a"
    yield "b"


async def raising():
    raise HTTPError(403, headers={"x-why": "private"}.items())
    yield


async def endless():
    while True:
        yield "a" * 1000


# What handlers return. All of it is made once, so that two requests are answered by the same.
VALUES = {
    "text": "<p>hello</p>",
    "JSON": {"a": 1},
    "bytes": b"a",
    "nothing": None,
    "response": Response("a"),
    "response with headers": Response("a", headers={"x-a": "1"}),
    "response with all of its headers": Response("a", headers={"content-type": "text/plain", "content-length": "1"}),
    "not modified": Response(status=304),
    "redirect": Redirect("/text"),
    "template": Template("page.html"),
    "fragment": Fragment("page.html", "part"),
    "page": Page("page.html", "part"),
    "page stream": Stream("page.html"),
    "broken page stream": Stream("broken.html"),
    "event stream": EventStream(two),
    "event stream with headers": EventStream(two, headers={"x-a": "1", "cache-control": "no-cache"}),
    "plain event stream": PlainEventStream(two),
    "event stream that is refused": EventStream(raising),
    "what is no response": 42,
}
ERRORS = {
    "error": ValueError("a"),
    "HTTP error": HTTPError(418),
    "HTTP error with headers": HTTPError(429, headers=[("retry-after", "3")]),
    "error with a handler": KeyError("a"),
}


@pytest.fixture
def app(tmp_path):
    for name, text in TEMPLATES.items():
        (tmp_path / name).write_text(text)
    app = App(AppConfig(template_dir=tmp_path))

    @app.route("/value/{name}", methods=["GET", "POST"])
    async def value(name):
        return VALUES[name]

    @app.route("/error/{name}")
    async def error(name):
        raise ERRORS[name]

    @app.error(KeyError)
    def handle(error):
        return {"error": "handled"}

    app.mount("/mounted", PlainEventStream(two))
    return app


class Recording:
    """Middleware that notes the start of each response, and adds to its headers, in place."""

    def __init__(self):
        self.added = defaultdict(int)  # how often to each path's
        self.wrong = []

    def __call__(self, app):
        async def middleware(scope, receive, send):
            async def sending(message):
                if message["type"] == "http.response.start":
                    self.note(scope["path"], message["headers"])
                await send(message)

            await app(scope, receive, sending if scope["type"] == "http" else send)

        return middleware

    def note(self, path, headers):
        if type(headers) is not list or not all(
            type(pair) is tuple and list(map(type, pair)) == [bytes, bytes] for pair in headers
        ):
            self.wrong.append((path, headers))
        elif any(name == b"x-added" for name, _ in headers):
            self.wrong.append((path, "has what was added to another response"))
        else:
            headers.append((b"x-added", b"1"))
            self.added[path] += 1


REQUESTS = [
    *((method, f"/value/{name}") for name in VALUES for method in ("GET", "HEAD")),
    *((method, f"/error/{name}") for name in ERRORS for method in ("GET", "HEAD")),
    ("GET", "/mounted"),
    ("POST", "/value/event stream"),
    ("GET", "/nowhere"),
    ("DELETE", "/value/text"),
]


@each_case(("method", "path"), REQUESTS, ids=map(" ".join, REQUESTS))
async def test_middleware_may_add_to_the_headers_of_a_response_and_to_no_other(app, method, path, autojump_clock):
    recording = Recording()
    async with TestClient(recording(app), raise_stream_errors=False) as client:
        responses = [await client.request(method, path) for _ in range(3)]

    assert recording.wrong == []
    assert [response.headers.get_list("x-added") for response in responses] == [["1"]] * 3


@pytest.mark.parametrize("kind", [EventStream, PlainEventStream])
async def test_so_with_an_event_stream_that_is_an_app_by_itself(kind, autojump_clock):
    recording, stream = Recording(), kind(two)
    async with TestClient(recording(stream)) as client:
        for method in ("GET", "GET", "HEAD", "HEAD"):
            assert (await client.request(method, "/")).headers["x-added"] == "1"

    assert recording.wrong == []
    assert recording.added == {"/": 4}


@pytest.mark.parametrize("limit", ["max_streams", "max_streams_per_client"])
async def test_so_with_a_stream_that_is_refused_by_a_limit(limit, autojump_clock):
    recording = Recording()
    app = App(AppConfig(**{limit: 1}))

    @app.route("/")
    async def stream():
        return EventStream(endless)

    async with TestClient(recording(app)) as client, client.stream_sse("/") as first:
        assert first.status == 200
        for _ in range(2):
            assert (await client.get("/")).status_code in (429, 503)

    assert recording.wrong == []
    assert recording.added == {"/": 3}


async def test_fastapis_tutorial_middleware_adds_its_header_to_a_stream(autojump_clock):
    from fastapi import FastAPI

    app = FastAPI(lifespan=stream_lifespan)

    @app.middleware("http")
    async def add_process_time_header(request, call_next):
        response = await call_next(request)
        response.headers["X-Process-Time"] = "0.1"
        return response

    @app.get("/")
    async def stream() -> EventStream:
        return EventStream(two)

    async with TestClient(app) as client:
        result = await client.sse("/")

    assert result.headers["x-process-time"] == "0.1"
    assert [event.data for event in result.events] == ["a", "b"]


# -- the content type of a stream -----------------------------------------------------------------------------------------


@each_case("kind", [EventStream, PlainEventStream])
@each_case("value", ["text/plain", "text/event-stream", "text/event-stream; charset=latin-1"])
def test_a_stream_takes_no_other_content_type(kind, value):
    message = f"^headers has the content-type {value!r}; that of an event stream is always 'text/event-stream; charset=utf-8'"
    with pytest.raises(ValueError, match=message):
        kind(two, headers={"Content-Type": value})


async def test_nor_does_it_take_one_later(autojump_clock):
    app = App()

    @app.route("/")
    async def late():
        stream = EventStream(two)
        stream.headers["content-type"] = "text/plain"
        return stream

    async with TestClient(app, raise_stream_errors=False) as client:
        assert (await client.get("/")).status_code == 500
