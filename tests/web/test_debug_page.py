"""What debug mode shows of an error: the application's own lines first, the request, the routes; and nobody else sees it."""

import re

import pytest
import trio

from chirp_trio import App, AppConfig, EventStream, HTTPError, Template
from chirp_trio.testing import TestClient


def own_function():
    raise LookupError("no <such> thing")  # the line that is meant


async def page(app, path="/", **headers):
    async with TestClient(app) as client:
        return await client.get(path, headers=headers)


def failing_app(error_or_function, **config):
    app = App(AppConfig(**{"debug": True, **config}))

    @app.get("/items/{id:int}")
    async def index(id):
        if isinstance(error_or_function, Exception):
            raise error_or_function
        error_or_function()

    return app


# -- the application's own lines ----------------------------------------------------------------------------------------


async def test_the_line_that_raised_is_shown_before_any_frame_of_the_library():
    text = (await page(failing_app(own_function), "/items/7")).text

    marked = re.findall(r"<mark> *(\d+)  (.*?)</mark>", text)
    assert [line for _, line in marked] == [
        "    raise LookupError(&quot;no &lt;such&gt; thing&quot;)  # the line that is meant",
        "        error_or_function()",
    ]
    assert "test_debug_page.py:" in text.partition("<mark>")[0]
    assert text.index("<mark>") < text.index("dispatch.py")
    assert "in own_function" in text


async def test_only_the_innermost_of_them_is_open():
    text = (await page(failing_app(own_function), "/items/7")).text

    assert text.count("<details open>") == 1


async def test_what_lies_behind_an_error_has_its_lines_as_well():
    def translate():
        try:
            own_function()
        except LookupError as error:
            raise ValueError("translated") from error

    text = (await page(failing_app(translate), "/items/7")).text

    assert "<p>ValueError: translated</p>" in text
    assert "Behind it: LookupError: no &lt;such&gt; thing" in text
    assert text.index("raise ValueError") < text.index("raise LookupError")


async def test_what_a_group_holds_has_its_lines_as_well():
    app = App(debug=True)

    async def fail(name):
        raise LookupError(name)

    @app.get("/")
    async def index():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail, "one")
            nursery.start_soon(fail, "two")

    text = (await page(app)).text

    assert "Behind it: LookupError: one" in text
    assert "Behind it: LookupError: two" in text


async def test_a_template_is_shown_with_the_line_that_fails_and_the_name_that_was_meant(tmp_path):
    (tmp_path / "page.html").write_text("<h1>\n{{ nme }}\n</h1>\n")
    app = App(AppConfig(template_dir=tmp_path, debug=True))

    @app.get("/")
    def index():
        return Template("page.html", name="Ada")

    text = (await page(app)).text

    assert "Did you mean &#x27;name&#x27;?" in text
    assert re.findall(r"<mark> *(\d+)  (.*?)</mark>", text) == [("2", "{{ nme }}")]


async def test_so_is_one_that_does_not_parse(tmp_path):
    (tmp_path / "page.html").write_text("<h1>\n{% macro f(x) %}\n</h1>\n")
    app = App(AppConfig(template_dir=tmp_path, debug=True))

    @app.get("/")
    def index():
        return Template("page.html")

    text = (await page(app)).text

    assert "what Jinja calls a macro is a def" in text
    assert re.findall(r"<mark> *(\d+)  (.*?)</mark>", text) == [("2", "{% macro f(x) %}")]


async def test_an_error_whose_text_cannot_be_had_is_shown_all_the_same():
    class Unspeakable(Exception):
        def __str__(self):
            raise RuntimeError

    response = await page(failing_app(Unspeakable()), "/items/7")

    assert response.status_code == 500
    assert "Unspeakable: &lt;its text cannot be had&gt;" in response.text


async def test_an_error_that_is_its_own_cause_ends():
    error = LookupError("round")
    error.__cause__ = error

    assert (await page(failing_app(error), "/items/7")).status_code == 500


# -- the request --------------------------------------------------------------------------------------------------------


async def test_the_request_is_shown_without_its_secrets():
    text = (
        await page(
            failing_app(own_function),
            "/items/7?tag=a&tag=b",
            cookie="session=hunter2",
            authorization="Basic hunter3",
            **{"x-a": "<b>"},
        )
    ).text

    assert "<tr><th>path parameter id</th><td>7</td></tr>" in text
    assert "<tr><th>query tag</th><td>[&#x27;a&#x27;, &#x27;b&#x27;]</td></tr>" in text
    assert "/items/{id:int}, answered by " in text
    assert re.search(r"answered by [^<]*test_debug_page\.py:\d+\)", text)
    assert "<tr><th>x-a</th><td>&lt;b&gt;</td></tr>" in text
    assert "hunter" not in text


# -- a path that nobody answers -----------------------------------------------------------------------------------------


async def test_a_404_lists_the_routes_and_the_one_that_is_nearest():
    response = await page(failing_app(own_function), "/itms/7")

    assert response.status_code == 404
    assert "GET /itms/7 is none of this app's routes." in response.text
    assert "<tr><th>GET</th><td>/items/{id:int}  →  " in response.text
    assert "Did you mean <code>/items/{id:int}</code>?" in response.text


async def test_a_405_lists_them_too():
    async with TestClient(failing_app(own_function)) as client:
        response = await client.post("/items/7")

    assert response.status_code == 405
    assert "POST /items/7 is none of this app's routes." in response.text
    assert "/items/{id:int}" in response.text


async def test_an_app_without_routes_is_told_to_have_none():
    assert "It has none yet." in (await page(App(debug=True))).text


@pytest.mark.parametrize("headers", [{"hx-request": "true"}, {"accept": "application/json"}], ids=["htmx", "JSON"])
async def test_htmx_and_json_are_told_the_sentence_alone(headers):
    assert "items" not in (await page(failing_app(own_function), "/nowhere", **headers)).text


async def test_other_errors_of_http_list_no_routes():
    assert "Routes" not in (await page(failing_app(HTTPError(403)), "/items/7")).text


async def test_without_debug_mode_a_404_lists_none():
    response = await page(failing_app(own_function, debug=False), "/itms/7")

    assert "items" not in response.text
    assert "Did you mean" not in response.text


async def test_another_machine_is_shown_none():
    async with TestClient(failing_app(own_function), client=("192.0.2.1", 5000)) as client:
        response = await client.get("/itms/7")

    assert "items" not in response.text


# -- the reference ------------------------------------------------------------------------------------------------------

KINDS = {"page": {}, "htmx": {"hx-request": "true"}, "JSON": {"accept": "application/json"}}


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("kind", KINDS)
async def test_an_unexpected_error_has_a_reference_in_the_log_and_in_the_answer(caplog, kind, debug):
    response = await page(failing_app(own_function, debug=debug), "/items/7", **KINDS[kind])

    [record] = caplog.records
    reference = re.search(r"\(reference ([0-9a-f]{8})\)", record.getMessage())[1]
    assert record.exc_info
    if kind == "JSON":
        assert response.json()["reference"] == reference
    else:
        assert f'<p class="reference">Reference: {reference}</p>' in response.text


@pytest.mark.parametrize("kind", KINDS)
async def test_an_error_that_is_not_logged_has_none(caplog, kind):
    response = await page(failing_app(HTTPError(404, "no such room"), debug=False), "/items/7", **KINDS[kind])

    assert "eference:" not in response.text
    assert '"reference"' not in response.text
    assert not caplog.records


async def test_an_error_handler_is_given_the_reference(caplog):
    app = failing_app(own_function, debug=False)

    @app.error(500)
    async def sorry(reference):
        return f"sorry: {reference}"

    @app.error(404)
    async def nowhere(reference):
        return f"nowhere: {reference}"

    text = (await page(app, "/items/7")).text

    assert f"(reference {text.removeprefix('sorry: ')})" in caplog.text
    assert (await page(app, "/nowhere")).text == "nowhere: None"


async def test_where_the_error_handler_fails_the_answer_has_the_reference_of_that(caplog):
    app = failing_app(HTTPError(403, "not you"), debug=False)

    @app.error(403)
    async def fails():
        raise LookupError("kaputt")

    response = await page(app, "/items/7")

    assert re.search(r"Reference: ([0-9a-f]{8})<", response.text)[1] in caplog.text


async def test_a_stream_whose_error_has_no_text_ends_as_any_other(autojump_clock, caplog):
    class Unspeakable(Exception):
        def __str__(self):
            raise RuntimeError

    app = App(debug=True)

    @app.get("/")
    async def live():
        async def source():
            yield 1
            raise Unspeakable

        return EventStream(source)

    async with TestClient(app, raise_stream_errors=False) as client:
        result = await client.sse("/")

    assert result.events[-1].event == "chirp:error"
    assert "Unspeakable: <its text cannot be had>" in result.events[-1].data
