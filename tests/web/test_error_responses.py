"""What a client sees of an error, what the log does, and who may answer instead."""

import json
import re

import pytest
import trio

from chirp_trio import App, AppConfig, EventStream, HTTPError
from chirp_trio.testing import TestClient

SECRET = "password <b>hunter2</b>"


def app_that_raises(error, **config):
    app = App(AppConfig(**config))

    @app.route("/")
    async def index():
        raise error

    return app


async def answer(app, **headers):
    async with TestClient(app) as client:
        return await client.get("/", headers={name.replace("_", "-"): value for name, value in headers.items()})


# -- what the client sees -----------------------------------------------------------------------------------------------


async def test_an_http_error_is_a_page_with_its_status_detail_and_headers():
    error = HTTPError(401, "who are <you>?", [("WWW-Authenticate", "Basic"), ("X-A", "1")])
    response = await answer(app_that_raises(error))

    assert response.status_code == 401
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert (response.headers["www-authenticate"], response.headers["x-a"]) == ("Basic", "1")
    assert "<title>401 Unauthorized</title>" in response.text
    assert "<p>who are &lt;you&gt;?</p>" in response.text


async def test_any_other_error_is_a_500_that_says_nothing_of_itself():
    response = await answer(app_that_raises(LookupError(SECRET)))

    assert response.status_code == 500
    assert "<h1>500 Internal Server Error</h1>" in response.text
    assert "<p>The server could not answer this request.</p>" in response.text
    for internal in ("LookupError", "hunter2", "Traceback", __file__):
        assert internal not in response.text


async def test_in_debug_mode_it_is_a_page_with_the_traceback_escaped():
    response = await answer(app_that_raises(LookupError(SECRET), debug=True))

    assert response.status_code == 500
    assert "<p>LookupError: password &lt;b&gt;hunter2&lt;/b&gt;</p>" in response.text
    assert "<pre>Traceback (most recent call last):" in response.text
    assert "raise error" in response.text
    assert "<b>" not in response.text


async def test_in_debug_mode_an_http_error_needs_no_traceback():
    response = await answer(app_that_raises(HTTPError(404, "no such room"), debug=True))

    assert "no such room" in response.text
    assert "Traceback" not in response.text


HTMX = {"hx_request": "true"}
JSON = {"accept": "application/json"}


async def test_htmx_gets_an_element():
    response = await answer(app_that_raises(HTTPError(404, "no <room>")), **HTMX)

    assert response.status_code == 404
    assert response.text == '<div class="chirp-error" data-status="404" role="alert">no &lt;room&gt;</div>'


async def test_htmx_gets_a_page_where_it_wants_one():
    response = await answer(app_that_raises(HTTPError(404)), hx_boosted="true", **HTMX)

    assert response.text.startswith("<!doctype html>")


async def test_who_accepts_json_and_no_html_gets_an_object():
    response = await answer(app_that_raises(HTTPError(404, "no <room>", [("x-a", "1")])), **JSON)

    assert (response.status_code, response.headers["content-type"], response.headers["x-a"]) == (404, "application/json", "1")
    assert response.json() == {"status": 404, "error": "no <room>"}


async def test_who_accepts_both_gets_a_page():
    response = await answer(app_that_raises(HTTPError(404)), accept="text/html, application/json")

    assert response.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("headers", [HTMX, JSON], ids=["htmx", "json"])
async def test_every_shape_keeps_internals_to_itself(headers):
    response = await answer(app_that_raises(LookupError(SECRET)), **headers)

    assert response.status_code == 500
    assert "The server could not answer this request." in response.text
    assert "hunter2" not in response.text
    assert "Traceback" not in response.text


async def test_htmx_gets_the_traceback_in_debug_mode_escaped():
    response = await answer(app_that_raises(LookupError(SECRET), debug=True), **HTMX)

    assert response.text.startswith('<div class="chirp-error" data-status="500" role="alert">LookupError: password &lt;b&gt;')
    assert "<pre>Traceback (most recent call last):" in response.text
    assert "<b>" not in response.text


async def test_json_has_the_traceback_in_debug_mode():
    told = (await answer(app_that_raises(LookupError(SECRET), debug=True), **JSON)).json()

    assert told["error"] == f"LookupError: {SECRET}"
    assert told["traceback"].startswith("Traceback (most recent call last):")


@pytest.mark.parametrize("headers", [{}, HTMX, JSON], ids=["page", "htmx", "json"])
async def test_in_debug_mode_text_that_utf_8_cannot_carry_is_shown_as_well(headers):
    response = await answer(app_that_raises(LookupError("file\udcff"), debug=True), **headers)

    assert response.status_code == 500
    assert "LookupError: file" in response.text


async def test_an_http_error_out_of_a_nursery_keeps_its_status():
    app = App()

    async def fail():
        raise HTTPError(403, "not you")

    @app.route("/")
    async def index():
        async with trio.open_nursery() as outer, trio.open_nursery():
            outer.start_soon(fail)

    response = await answer(app)

    assert response.status_code == 403
    assert "not you" in response.text


async def test_an_http_error_in_a_plain_handler_keeps_its_status(autojump_clock):
    app = App()

    @app.route("/")
    def index():
        raise HTTPError(403, "not you")

    assert (await answer(app)).status_code == 403


async def test_an_http_error_with_a_header_that_cannot_be_sent_is_a_500_whose_log_names_the_line(caplog):
    app = App()

    @app.route("/")
    async def handler():
        raise HTTPError(403, headers=[("a b", "c")])

    response = await answer(app)

    assert response.status_code == 500
    assert "is no HTTP token" in caplog.text
    assert 'raise HTTPError(403, headers=[("a b", "c")])' in caplog.text


async def test_an_error_before_the_first_event_of_a_stream_keeps_its_status():
    app = App()

    async def source():
        raise HTTPError(403, "not you")
        yield

    @app.route("/")
    async def index():
        return EventStream(source)

    response = await answer(app)

    assert response.status_code == 403
    assert "not you" in response.text


# -- the log ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("debug", [False, True])
async def test_an_error_is_logged_once_with_its_traceback(caplog, debug):
    error = LookupError(SECRET)
    await answer(app_that_raises(error, debug=debug))

    (record,) = caplog.records
    assert (record.name, record.levelname) == ("chirp_trio.web", "ERROR")
    assert re.fullmatch(r"GET / failed \(reference [0-9a-f]{8}\)", record.message)
    assert record.exc_info[1] is error


async def test_an_http_error_is_not_logged(caplog):
    await answer(app_that_raises(HTTPError(503)))

    assert caplog.records == []


async def test_an_error_of_a_source_before_its_first_event_is_logged_once(caplog):
    app = App()

    async def source():
        raise LookupError(SECRET)
        yield

    @app.route("/")
    async def index():
        return EventStream(source)

    assert (await answer(app)).status_code == 500
    (record,) = caplog.records
    assert record.message.startswith("GET / failed (reference ")


async def test_the_client_keeps_its_connection_and_its_app_after_an_error():
    app = app_that_raises(LookupError())

    @app.route("/other")
    async def other():
        return "still here"

    async with TestClient(app) as client:
        assert (await client.get("/")).status_code == 500
        assert (await client.get("/other")).text == "still here"


async def test_a_json_error_is_json_whatever_the_detail_holds():
    response = await answer(app_that_raises(HTTPError(400, 'a "quoted"\nline ☃')), **JSON)

    assert json.loads(response.content)["error"] == 'a "quoted"\nline ☃'
