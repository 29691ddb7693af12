"""What a request says of the client that asks for a stream, by the headers that real clients send (November 2026)."""

import pytest

from chirp_trio import last_event_id
from chirp_trio.htmx import stream_headers
from chirp_trio.stream.client import (
    BYE,
    BYTE_READER,
    EVENT_READER,
    EVENT_SOURCE,
    HELLO,
    HTMX4,
    LIKE_EVENT_SOURCE,
    kind_of_client,
)
from tests.cases import each_case

STREAM = {"accept": "text/event-stream"}
NO_CACHE = {"cache-control": "no-cache"}
FETCH = {"pragma": "no-cache", **NO_CACHE}
NODE = {"sec-fetch-mode": "cors", "user-agent": "node"}

GET = {
    "Chromium, EventSource": (STREAM | FETCH | {"sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}, EVENT_SOURCE),
    "Firefox, EventSource": (STREAM | FETCH | {"sec-fetch-dest": "empty"}, EVENT_SOURCE),
    "eventsource 5 (npm)": (STREAM | FETCH | NODE, EVENT_SOURCE),
    "undici, EventSource": (STREAM | FETCH | {"sec-fetch-mode": "cors", "user-agent": "undici"}, EVENT_SOURCE),
    "event-source-polyfill": (STREAM | FETCH | NODE, EVENT_SOURCE),
    "chirp-trio tail": (STREAM | FETCH | {"accept-encoding": "identity", "user-agent": "chirp-trio"}, EVENT_SOURCE),
    "TestClient, EventSource": (stream_headers("eventsource", "http://testserver/"), EVENT_SOURCE),
    "TestClient, htmx 4": (stream_headers("htmx4", "http://testserver/"), HTMX4),
    "htmx 4, hx-sse": ({"accept": "text/html, text/event-stream", "hx-request": "true", "hx-source": "div"}, HTMX4),
    "launchdarkly-eventsource": (STREAM | NO_CACHE, LIKE_EVENT_SOURCE),
    "aiohttp-sse-client": (STREAM | NO_CACHE | {"user-agent": "Python/3.14 aiohttp/3.14.5"}, LIKE_EVENT_SOURCE),
    "httpx-sse, mcp": (STREAM | {"cache-control": "no-store", "user-agent": "python-httpx/0.28.1"}, EVENT_READER),
    "fetch-event-source": (STREAM | NODE, EVENT_READER),
    "fetch (Node)": ({"accept": "*/*"} | NODE, BYTE_READER),
    "requests, sseclient-py": ({"accept": "*/*", "user-agent": "python-requests/2.34.2"}, BYTE_READER),
    "curl": ({"accept": "*/*", "user-agent": "curl/8.14"}, BYTE_READER),
    "openai-python": ({"accept": "application/json", "user-agent": "OpenAI/Python 3.57.0"}, BYTE_READER),
    "a browser's address bar": ({"accept": "text/html,*/*;q=0.8", "cache-control": "max-age=0"}, BYTE_READER),
    "no headers": ({}, BYTE_READER),
    "htmx 4 wants HTML": ({"accept": "text/html", "hx-request": "true"}, BYTE_READER),
    "in other letters": ({"ACCEPT": "Text/Event-Stream", "Cache-Control": "No-Cache", "PRAGMA": "No-Cache"}, EVENT_SOURCE),
    "among others": (
        {"accept": "application/json, text/event-stream;q=0.5", "cache-control": "no-cache, no-store"},
        LIKE_EVENT_SOURCE,
    ),
}
POST = {
    "fetch-event-source": (STREAM | NODE | {"content-type": "application/json"}, EVENT_READER),
    "htmx 4": ({"accept": "text/html, text/event-stream", "hx-request": "true"}, EVENT_READER),
    "as EventSource, which never posts": (STREAM | FETCH, EVENT_READER),
    "mcp, streamable HTTP": ({"accept": "application/json, text/event-stream"}, EVENT_READER),
    "openai-python": ({"accept": "application/json"}, BYTE_READER),
}


@each_case(
    ("method", "headers", "kind"),
    [
        pytest.param(method, *case, id=f"{method}: {name}")
        for method, cases in {"GET": GET, "POST": POST}.items()
        for name, case in cases.items()
    ],
)
def test_a_client_is_known_by_what_it_sends(method, headers, kind):
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert kind_of_client({"type": "http", "method": method, "headers": pairs}) is kind


def test_a_scope_may_be_without_headers():
    assert kind_of_client({"type": "http", "method": "GET"}) is BYTE_READER


@each_case(
    ("kind", "place", "hello", "bye"),
    [
        (EVENT_SOURCE, b"id: 7\n\n", b"retry: 3000\n\n", b"retry: 3000\n\n"),
        (LIKE_EVENT_SOURCE, b"id: 7\n\n", b"retry: 3000\n", b"retry: 3000\n"),
        (HTMX4, b"id: 7\n\n", b"retry: 3000\nevent: chirp:hello\n\n", b"retry: 3000\nevent: chirp:bye\n\n"),
        (EVENT_READER, b"id: 7\n", b"retry: 3000\n", b"retry: 3000\n"),
        (BYTE_READER, b"id: 7\n", b"retry: 3000\n", b"retry: 3000\n"),
    ],
)
def test_what_is_no_event_is_told_to_each_kind_in_its_way(kind, place, hello, bye):
    assert kind.encode_place("7") == place
    assert kind.encode_reconnection_time(3000, HELLO) == hello
    assert kind.encode_reconnection_time(3000, BYE) == bye


@each_case(
    ("query", "header", "found"),
    [
        pytest.param(b"", None, None, id="a new client"),
        pytest.param(b"", "41 ✅".encode(), "41 ✅", id="UTF-8"),
        pytest.param(b"", b"41 \xff", "41 \ufffd", id="no UTF-8"),
        pytest.param(b"", b"", "", id="an empty header"),
        pytest.param(b"last_event_id=7", None, "7", id="written by the application"),
        pytest.param(b"lastEventId=41", None, "41", id="event-source-polyfill, reconnecting-eventsource"),
        pytest.param(b"evs_preamble=2056&evs_last_event_id=41", None, "41", id="eventsource-polyfill"),
        pytest.param(b"lastEventId=41%20%E2%9C%85", None, "41 ✅", id="a polyfill, UTF-8"),
        pytest.param(b"last_event_id=7&lastEventId=41", None, "41", id="a polyfill is newer than the page"),
        pytest.param(b"last_event_id=7&last_event_id=8", None, "8", id="the last one"),
        pytest.param(b"lastEventId=7&lastEventId=41", None, "41", id="a polyfill that appends to the page's own"),
        pytest.param(b"lastEventId=41&last_event_id=7", b"43", "43", id="the header is newer than both"),
        pytest.param(b"lasteventid=41&LAST_EVENT_ID=7", None, None, id="names of others"),
    ],
)
def test_the_last_event_id_of_a_client(query, header, found):
    headers = [(b"accept", b"text/event-stream")]
    if header is not None:
        headers.append((b"Last-Event-ID", header))
    assert last_event_id({"type": "http", "headers": headers, "query_string": query}) == found
