"""Handlers for errors: by class, by status, the nearest first, and what becomes of one that fails itself."""

import re
from functools import partial
from pathlib import Path

import pytest
import trio

from chirp_trio import App, AppConfig, ConfigurationError, EventStream, Fragment, HTTPError, Redirect, Response, Stream
from chirp_trio.testing import TestClient
from tests.cases import each_case

TEMPLATES = Path(__file__).parent / "templates"


def app_that_raises(error):
    app = App(AppConfig(template_dir=TEMPLATES))

    @app.route("/")
    async def index():
        raise error

    return app


async def answer(app, method="GET", path="/"):
    async with TestClient(app) as client:
        return await client.request(method, path)


def handle(app, *causes):
    """Handlers that answer with the name of what they are for."""
    for cause in causes:
        name = cause.__name__ if isinstance(cause, type) else str(cause)
        app.error(cause)(partial(lambda name: name, name))


# -- which one ----------------------------------------------------------------------------------------------------------


@each_case(
    ("error", "causes", "status", "text"),
    [
        pytest.param(LookupError(), [LookupError], 500, "LookupError", id="the class"),
        pytest.param(KeyError(), [LookupError], 500, "LookupError", id="a class above"),
        pytest.param(KeyError(), [Exception, LookupError, ValueError], 500, "LookupError", id="the nearest class"),
        pytest.param(KeyError(), [LookupError, KeyError], 500, "KeyError", id="the class itself, though it came later"),
        pytest.param(HTTPError(404), [404, 500], 404, "404", id="the status"),
        pytest.param(HTTPError(404), [404, HTTPError], 404, "HTTPError", id="classes before statuses"),
        pytest.param(LookupError(), [500, 404], 500, "500", id="500 for any other error"),
        pytest.param(ExceptionGroup("", [KeyError()]), [LookupError], 500, "LookupError", id="what a group of one holds"),
        pytest.param(
            ExceptionGroup("", [KeyError(), ValueError()]), [LookupError, 500], 500, "500", id="a group of two is a group"
        ),
        pytest.param(ConfigurationError(), [ValueError, Exception], 500, "ValueError", id="the second base of a class"),
    ],
)
async def test_the_nearest_handler_answers_with_the_errors_status(autojump_clock, error, causes, status, text):
    app = app_that_raises(error)
    handle(app, *causes)
    response = await answer(app)

    assert (response.status_code, response.text) == (status, text)


async def test_an_error_without_a_handler_gets_the_usual_page(autojump_clock):
    app = app_that_raises(HTTPError(404, "no such room"))
    handle(app, 403, LookupError)

    assert "no such room" in (await answer(app)).text


async def test_a_path_that_nobody_answers_has_a_handler_too(autojump_clock):
    app = App()
    handle(app, 404)
    response = await answer(app, path="/nowhere")

    assert (response.status_code, response.text) == (404, "404")


async def test_the_last_handler_for_a_cause_is_taken(autojump_clock):
    app = app_that_raises(HTTPError(404))
    app.error(404)(lambda: "first")
    app.error(404)(lambda: "second")

    assert (await answer(app)).text == "second"


# -- what it gets, and gives --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_it_takes_the_request_and_the_error_by_name(kind, autojump_clock):
    error = LookupError("gone")
    app = app_that_raises(error)

    def plain(error, request):
        return [request.path, str(error)]

    async def asynchronous(request, error):
        return [request.path, str(error)]

    app.error(LookupError)({"plain": plain, "async": asynchronous}[kind])

    assert (await answer(app)).json() == ["/", "gone"]


async def source():
    yield "an event"


async def broken():
    raise LookupError
    yield


@each_case(
    ("value", "status", "content_type"),
    [
        pytest.param("text", 404, "text/html; charset=utf-8", id="text"),
        pytest.param({"a": 1}, 404, "application/json", id="JSON"),
        pytest.param(b"a", 404, "application/octet-stream", id="bytes"),
        pytest.param(Fragment("item.html", text="a"), 404, "text/html; charset=utf-8", id="Fragment"),
        pytest.param(Response("a", content_type="text/plain"), 200, "text/plain", id="Response has its own status"),
        pytest.param(Response("a", 410), 410, "text/html; charset=utf-8", id="Response with another status"),
        pytest.param(Redirect("/there"), 303, None, id="Redirect has its own status"),
        pytest.param(EventStream(source), 200, "text/event-stream; charset=utf-8", id="EventStream is always 200"),
        pytest.param(Stream("item.html", text="a"), 404, "text/html; charset=utf-8", id="Stream"),
    ],
)
async def test_what_it_returns_is_sent_with_the_errors_status(value, status, content_type):
    app = app_that_raises(HTTPError(404))

    @app.error(404)
    async def handler():
        return value

    response = await answer(app)

    assert response.status_code == status
    assert content_type is None or response.headers["content-type"] == content_type


async def test_it_may_read_the_body_that_the_handler_has_read():
    app = App()

    @app.route("/", methods=["POST"])
    async def index(request):
        await request.body()
        raise HTTPError(400)

    @app.error(400)
    async def handler(request):
        return await request.text()

    async with TestClient(app) as client:
        assert (await client.post("/", content="the body")).text == "the body"


async def test_so_may_it_where_the_response_could_not_begin(autojump_clock):
    app = App()

    @app.route("/", methods=["POST"])
    async def index(request):
        await request.body()
        return EventStream(broken)

    @app.error(LookupError)
    async def handler(request):
        return await request.text()

    async with TestClient(app) as client:
        with trio.fail_after(60):
            assert (await client.post("/", content="the body")).text == "the body"


async def test_the_errors_headers_are_sent_with_what_it_returns():
    app = App()

    @app.route("/")
    async def index():
        raise AssertionError("not called")

    @app.error(405)
    async def handler():
        return "text"

    assert (await answer(app, method="POST")).headers["allow"] == "GET, HEAD"  # a must, RFC 9110, 15.5.6


async def test_head_of_an_error_has_no_body():
    app = app_that_raises(HTTPError(404))

    @app.error(404)
    async def handler():
        return "text"

    response = await answer(app, method="HEAD")

    assert (response.status_code, response.content) == (404, b"")


# -- the log ------------------------------------------------------------------------------------------------------------


def logged(caplog):
    """The messages, without the references, which are drawn by lot."""
    return [re.sub(r" \(reference [0-9a-f]{8}\)$", "", record.message) for record in caplog.records]


@pytest.mark.parametrize(
    ("cause", "messages"),
    [
        pytest.param(LookupError, [], id="a class of its own knows what it handles"),
        pytest.param(Exception, ["GET / failed"], id="Exception handles what nobody has thought of"),
        pytest.param(500, ["GET / failed"], id="so does 500"),
    ],
)
async def test_an_error_is_logged_unless_somebody_knows_it(autojump_clock, caplog, cause, messages):
    app = app_that_raises(KeyError())
    handle(app, cause)
    await answer(app)

    assert logged(caplog) == messages


async def test_a_handler_that_fails_is_logged_and_the_error_gets_the_usual_page(caplog):
    app = app_that_raises(HTTPError(404, "no such room"))

    @app.error(404)
    async def fails():
        raise LookupError("kaputt")

    response = await answer(app)

    assert response.status_code == 404
    assert "no such room" in response.text
    assert "kaputt" not in response.text
    assert logged(caplog) == [f"the error handler {__name__}.{fails.__qualname__} failed"]
    assert "LookupError: kaputt" in caplog.text


async def test_a_handler_that_returns_what_stands_for_nothing_fails_as_well(caplog):
    app = app_that_raises(HTTPError(404, "no such room"))

    @app.error(404)
    async def wrong():
        return 5

    response = await answer(app)

    assert response.status_code == 404
    assert "no such room" in response.text
    assert "returned a value of type int" in caplog.text


async def test_a_handler_may_not_raise_another_status(caplog):
    app = app_that_raises(LookupError())

    @app.error(LookupError)
    async def confused():
        raise HTTPError(404)

    response = await answer(app)

    assert response.status_code == 500
    assert logged(caplog) == [f"the error handler {__name__}.{confused.__qualname__} failed"]


async def test_a_response_that_cannot_begin_is_an_error_like_any_other(autojump_clock):
    app = App()
    handle(app, LookupError)

    @app.route("/")
    async def index():
        return EventStream(broken)

    response = await answer(app)

    assert (response.status_code, response.text) == (500, "LookupError")
