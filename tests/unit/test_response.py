"""Plain responses: their headers, their bodies, and what they refuse to be."""

from dataclasses import FrozenInstanceError

import pytest

from chirp_trio import Redirect, Response
from tests.cases import each_case

HTML = (b"content-type", b"text/html; charset=utf-8")


async def sent_by(response, method="GET"):
    """The two ASGI messages of a response."""
    messages = []

    async def send(message):
        messages.append(message)

    async def receive():
        raise AssertionError("a response reads nothing")

    await response({"type": "http", "method": method}, receive, send)
    start, body = messages
    assert (start["type"], body["type"], body["more_body"]) == ("http.response.start", "http.response.body", False)
    return start, body


@each_case(
    ("response", "headers"),
    [
        pytest.param(Response("ü"), [HTML, (b"content-length", b"2")], id="text is HTML, and counted in bytes"),
        pytest.param(
            Response(b"\0"), [(b"content-type", b"application/octet-stream"), (b"content-length", b"1")], id="bytes are bytes"
        ),
        pytest.param(Response(), [(b"content-type", b"application/octet-stream"), (b"content-length", b"0")], id="empty"),
        pytest.param(
            Response("a", content_type="text/css"), [(b"content-type", b"text/css"), (b"content-length", b"1")], id="its type"
        ),
        pytest.param(
            Response("a", headers={"Content-Type": "text/css"}, content_type="text/plain"),
            [(b"content-type", b"text/css"), (b"content-length", b"1")],
            id="a type among the headers wins",
        ),
        pytest.param(
            Response("a", headers={"Content-Length": "9"}),
            [(b"content-length", b"9"), HTML],
            id="a length among the headers wins",
        ),
        pytest.param(
            Response("", headers=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=ü")]),
            [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=\xfc"), HTML, (b"content-length", b"0")],
            id="pairs may repeat a name",
        ),
        pytest.param(Response("never sent", 204), [], id="204 has no body"),
        pytest.param(Response("", 304, {"ETag": "x"}), [(b"etag", b"x")], id="304 has no body"),
    ],
)
def test_the_headers_of_a_response(response, headers):
    assert response._encoded_headers() == headers


def test_headers_may_come_from_anything_that_yields_pairs():
    response = Response("", headers=((name, "1") for name in ("x-a", "x-b")))

    assert response.headers == (("x-a", "1"), ("x-b", "1"))
    assert response._encoded_headers() == response._encoded_headers()


async def test_a_response_is_sent_as_asgi_wants_it():
    start, body = await sent_by(Response("ü", 201, {"X-A": "1"}))

    assert start["status"] == 201
    assert start["headers"] == [(b"x-a", b"1"), HTML, (b"content-length", b"2")]
    assert body["body"] == b"\xc3\xbc"


async def test_head_gets_the_headers_of_get_and_no_body():
    start, body = await sent_by(Response("four"), method="HEAD")

    assert (b"content-length", b"4") in start["headers"]
    assert body["body"] == b""


@pytest.mark.parametrize("status", [204, 304])
async def test_a_status_without_a_body_sends_none(status):
    _, body = await sent_by(Response("never sent", status))

    assert body["body"] == b""


@each_case(
    ("arguments", "error", "message"),
    [
        pytest.param({"body": 5}, TypeError, "the body of a Response is of type int; it must be str or bytes", id="number"),
        pytest.param({"body": None}, TypeError, "is of type NoneType; it must be str or bytes", id="None"),
        pytest.param(
            {"body": "\ud800"}, ValueError, "the body of a Response holds '\\ud800' at position 0", id="half a surrogate pair"
        ),
        pytest.param({"status": "200"}, TypeError, "the status of a Response is '200'; it must be an int", id="status text"),
        pytest.param({"status": True}, TypeError, "the status of a Response is True; it must be an int", id="status bool"),
        pytest.param({"status": 199}, ValueError, "status of a Response is 199; it must be from 200 to 599", id="too low"),
        pytest.param({"status": 600}, ValueError, "the status of a Response is 600; it must be from 200", id="too high"),
        pytest.param({"headers": {"a b": "c"}}, ValueError, "the header name 'a b' is no HTTP token", id="header name"),
        pytest.param({"headers": {"a": "b\r\nc: d"}}, ValueError, "the header 'a' has the value", id="a header in a header"),
        pytest.param({"headers": {"a": 1}}, TypeError, "the header 'a': 1 must be a str and a str", id="header number"),
        pytest.param({"content_type": "a\nb"}, ValueError, "the header 'content-type' has the value", id="content type"),
    ],
)
def test_a_response_that_cannot_be_sent_is_refused_when_it_is_made(arguments, error, message):
    with pytest.raises(error) as refusal:
        Response(**arguments)

    assert message in str(refusal.value)


def test_responses_are_values():
    response = Response("a", 201, {"b": "c"})

    assert response == Response("a", 201, [("b", "c")])
    assert response != Response("a", 202, {"b": "c"})
    with pytest.raises(FrozenInstanceError):
        response.status = 500


@each_case("status", [301, 302, 303, 307, 308])
async def test_a_redirect_sends_its_status_and_location(status):
    start, body = await sent_by(Redirect("/there", status))

    assert start["status"] == status
    assert (b"location", b"/there") in start["headers"]
    assert (b"content-length", b"0") in start["headers"]
    assert body["body"] == b""


async def test_a_redirect_makes_a_browser_follow_with_get():
    start, _ = await sent_by(Redirect("/there"))

    assert start["status"] == 303


@each_case(
    ("location", "sent"),
    [
        pytest.param("https://a.example:8/b?c=d&e=[f]#g", b"https://a.example:8/b?c=d&e=[f]#g", id="a URL as it is"),
        pytest.param("?page=2", b"?page=2", id="a relative one"),
        pytest.param("/caf\xe9 \u2603", b"/caf%C3%A9%20%E2%98%83", id="what is not ASCII"),
        pytest.param("/caf%C3%A9", b"/caf%C3%A9", id="what is encoded already"),
        pytest.param("/a\r\nset-cookie: b=c", b"/a%0D%0Aset-cookie:%20b=c", id="no header in it"),
    ],
)
async def test_a_location_is_sent_as_a_url(location, sent):
    start, _ = await sent_by(Redirect(location))

    assert (b"location", sent) in start["headers"]


@each_case("status", [200, 300, 304, 305, 306, 404, None, True], ids=repr)
def test_a_status_that_redirects_nobody_is_refused(status):
    with pytest.raises((TypeError, ValueError), match="it must be 301, 302, 303, 307 or 308"):
        Redirect("/", status)


@each_case("location", [None, 5, b"/"], ids=repr)
def test_a_location_that_is_no_text_is_refused(location):
    with pytest.raises(TypeError, match="it must be a path or a URL"):
        Redirect(location)


def test_an_empty_location_is_refused():
    with pytest.raises((TypeError, ValueError), match="the location of a Redirect is ''; it must be a path or a URL"):
        Redirect("")
