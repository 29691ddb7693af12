"""What a handler may return, and the response that each value stands for."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chirp_trio import App, AppConfig, EventStream, Fragment, HTTPError, Page, Redirect, Response, Stream, Template
from chirp_trio.testing import TestClient
from tests.cases import each_case

TEMPLATES = Path(__file__).parent / "templates"
HTML = "text/html; charset=utf-8"
ACCEPTED = (
    "str (HTML), dict or list (JSON), bytes, None (204), Response, Redirect, Template, Fragment, Page, Stream, HTML or what "
    "has __html__, OOB, ValidationError, EventStream, any ASGI response, or a tuple (value, status), (value, headers) or "
    "(value, status, headers)"
)


def app_that_returns(value, **config):
    app = App(AppConfig(template_dir=TEMPLATES, **config))

    @app.route("/")
    async def index():
        return value

    return app


async def answer(value, method="GET", **config):
    async with TestClient(app_that_returns(value, **config)) as client:
        return await client.request(method, "/")


async def source():
    yield "an event"


class Text(str):
    __slots__ = ()


class Mapping(dict):
    pass


@each_case(
    ("value", "content_type", "body"),
    [
        pytest.param("<p>Zürich", HTML, "<p>Zürich", id="str"),
        pytest.param("", HTML, "", id="empty str"),
        pytest.param(Text("<p>"), HTML, "<p>", id="subclass of str"),
        pytest.param(b"\x00x", "application/octet-stream", "\x00x", id="bytes"),
        pytest.param({"city": "Zürich", "n": None}, "application/json", '{"city":"Zürich","n":null}', id="dict"),
        pytest.param({}, "application/json", "{}", id="empty dict"),
        pytest.param(Mapping(a=1), "application/json", '{"a":1}', id="subclass of dict"),
        pytest.param([1, 2.5, "x", True], "application/json", '[1,2.5,"x",true]', id="list"),
        pytest.param([], "application/json", "[]", id="empty list"),
        pytest.param(Response("a,b", content_type="text/csv"), "text/csv", "a,b", id="Response"),
        pytest.param(
            Template("page.html", title="<T>", items=[1]),
            HTML,
            "<html><h1>&lt;T&gt;</h1><ul><li>1</li></ul></html>",
            id="Template",
        ),
        pytest.param(Fragment("page.html", "list", items=[1]), HTML, "<ul><li>1</li></ul>", id="Fragment of a block"),
        pytest.param(Fragment("item.html", text="a"), HTML, "<li>a</li>", id="Fragment of a template"),
        pytest.param(Page("page.html", "list", title="T", items=[]), HTML, "<html><h1>T</h1><ul></ul></html>", id="Page"),
        pytest.param(
            Stream("page.html", title="T", items=[1]), HTML, "<html><h1>T</h1><ul><li>1</li></ul></html>", id="Stream"
        ),
        pytest.param(EventStream(source), "text/event-stream; charset=utf-8", "data: an event\n\n", id="EventStream"),
    ],
)
async def test_a_value_is_answered_as_what_it_stands_for(value, content_type, body):
    response = await answer(value)

    assert response.status_code == 200
    assert response.headers["content-type"] == content_type
    assert response.text.rstrip("\n") == body.rstrip("\n")


async def test_none_is_204_without_a_body():
    response = await answer(None)

    assert (response.status_code, response.content) == (204, b"")
    assert "content-type" not in response.headers
    assert "content-length" not in response.headers


async def test_a_response_is_sent_as_it_is():
    response = await answer(Response(b"GIF89a", 201, [("X-A", "1"), ("X-A", "2")], "image/gif"))

    assert (response.status_code, response.content) == (201, b"GIF89a")
    assert response.headers.get_list("x-a") == ["1", "2"]
    assert response.headers["content-type"] == "image/gif"


async def test_a_redirect_sends_the_client_elsewhere():
    response = await answer(Redirect("/there", 308))

    assert (response.status_code, response.headers["location"]) == (308, "/there")


@each_case(
    "value",
    ["text", b"bytes", {"a": 1}, Response("text"), Template("item.html", text="a")],
    ids=lambda value: type(value).__name__,
)
async def test_head_is_answered_as_get_without_the_body(value):
    got, headed = await answer(value), await answer(value, method="HEAD")

    assert headed.content == b""
    assert headed.status_code == got.status_code
    assert dict(headed.headers) == dict(got.headers)


async def test_head_of_a_stream_is_answered_without_starting_it():
    async def never():
        raise AssertionError("started")
        yield

    response = await answer(EventStream(never), method="HEAD")

    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"


# -- what may not be returned -------------------------------------------------------------------------------------------


@dataclass
class Point:
    x: int = 1


def generator():
    yield "a"


async def async_generator():
    yield "a"


CURES = {
    "async_generator": "; return EventStream(...) of it to send its items as events",
    "HTTPError": "; it is an exception: raise it",
    "int": "; str() makes it text",
    "set": "; list(...) of it is JSON",
    "bytearray": "; bytes(...) of it is a body",
    "generator": "; return EventStream of an `async def` that yields events, or Stream(...), a page that is sent as it is "
    "rendered",
    "function": "; it is a function: call it, or return EventStream(...) of it if it yields",
}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        pytest.param(5, "int", id="int"),
        pytest.param(True, "bool", id="bool"),
        pytest.param({"a"}, "set", id="set"),
        pytest.param(bytearray(b"a"), "bytearray", id="bytearray"),
        pytest.param(Point(), "Point", id="dataclass"),
        pytest.param(generator(), "generator", id="generator"),
        pytest.param(async_generator(), "async_generator", id="async generator that is in no EventStream"),
        pytest.param(generator, "function", id="function"),
        pytest.param(Response, "type", id="class"),
        pytest.param(HTTPError(404), "HTTPError", id="error that is not raised"),
        pytest.param(Path("/"), "PosixPath", id="path"),
    ],
)
async def test_any_other_value_is_a_500_whose_log_names_the_handler_and_what_is_accepted(value, kind, caplog):
    response = await answer(value)

    assert response.status_code == 500
    (record,) = caplog.records
    error = record.exc_info[1]
    assert type(error) is TypeError
    assert str(error) == (
        f"the handler {__name__}.app_that_returns.<locals>.index returned a value of type {kind}; it may return "
        f"{ACCEPTED}{CURES.get(kind, '')}"
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param({"at": object()}, "type object", id="no JSON"),
        pytest.param({"a": ["\ud800"]}, "half of a surrogate pair", id="text that is none, in JSON"),
        pytest.param("\ud800", "half of a surrogate pair", id="text that is none"),
        pytest.param(Template("nothing.html"), "there is no template 'nothing.html' in", id="no such template"),
        pytest.param(Fragment("page.html", "nothing"), "has no block 'nothing'; its blocks: 'list'", id="no such block"),
        pytest.param(
            Page("undefined.html", "x"), "template 'undefined.html', line 2: 'nothing' is not defined", id="undefined"
        ),
        pytest.param(Stream("nothing.html"), "there is no template 'nothing.html' in", id="no such page"),
    ],
)
async def test_a_value_that_cannot_be_sent_is_a_500(value, message, caplog):
    response = await answer(value)

    assert response.status_code == 500
    (record,) = caplog.records
    assert message in str(record.exc_info[1])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(datetime(2024, 2, 29, 12, tzinfo=UTC), "2024-02-29T12:00:00Z", id="datetime"),
        pytest.param(uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001", id="uuid"),
        pytest.param(Point(), {"x": 1}, id="dataclass"),
    ],
)
async def test_json_may_hold_more_than_json_has(value, text):
    assert (await answer({"value": value})).json() == {"value": text}
