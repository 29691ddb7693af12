"""The specification's examples on hypercorn's trio worker: what arrives, byte by byte."""

import re

import pytest

from chirp_trio.testing import TestClient
from tests.integration.apps.specification import app
from tests.integration.clients import HTTP1, HTTP2
from tests.integration.server import hypercorn

PROTOCOLS = pytest.mark.parametrize("protocol", [HTTP1, HTTP2], ids=["HTTP/1.1", "HTTP/2"])

BODIES = {
    "/yield-types": (
        b"data: Hello, World!\n"
        b"\n"
        b'data: {"count":42,"status":"ok"}\n'
        b"\n"
        b'data: <div class="notification">New alert</div>\n'
        b"\n"
        b"event: ping\n"
        b"id: 1\n"
        b"data: custom\n"
        b"\n"
    ),
    "/sse-event": (
        b"event: user-join\n"
        b"id: evt-42\n"
        b"retry: 5000\n"
        b"data: User joined\n"
        b"\n"
    ),
    "/notifications": (
        b"event: notification\n"
        b'data: <div class="notification">12:00: New alert</div>\n'
        b"\n"
        b"event: notification\n"
        b'data: <div class="notification">12:01: &lt;b&gt;bold&lt;/b&gt;</div>\n'
        b"\n"
        b"event: notification\n"
        b'data: <div class="notification">12:02: \xc3\x9cber</div>\n'
        b"\n"
    ),
}  # fmt: skip


PANEL = (
    b"event: stats-update\n"
    b"data: \n"
    b"data:       <p>%d %% of the CPU</p>\n"
    b"data:     \n"
    b"\n"
)  # fmt: skip


@pytest.fixture(scope="module")
def server():
    with hypercorn("specification:app") as server:
        yield server
        assert server.stop() == 0
        assert len(server.lines()) == 1, "only that it runs is worth a word"


@PROTOCOLS
@pytest.mark.parametrize("path", BODIES)
def test_an_example_sends_what_it_says(server, protocol, path):
    with protocol(server.address) as client:
        response = client.request(path)
        client.wait_for_end(response)

        assert response.body == BODIES[path]


@PROTOCOLS
def test_an_example_that_never_ends_sends_as_it_goes(server, protocol):
    with protocol(server.address) as client:
        response = client.request("/events")
        client.wait_for(response, b"long\n\n")

        assert response.body == b'data: one\n\ndata: {"two":2}\n\ndata: three\ndata: lines\ndata: long\n\n'


def test_the_dashboard_sends_its_panel_again_and_again(server):
    with HTTP1(server.address) as one, HTTP2(server.address) as two:
        first = one.request("/dashboard/live")
        one.wait_for(first, PANEL % 1)
        second = two.request("/dashboard/live")
        two.wait_for(second, PANEL % 2)
        # Five seconds later both want the next figure, and on a busy machine either may be the first.
        for client, response in ((one, first), (two, second)):
            while response.body.count(b"\n\n") < 2:
                client.receive()

        # And when it lets the server run, but not this process, a third one may be there already.
        first_two = {b"".join(re.findall(rb".*?\n\n", response.body, re.DOTALL)[:2]) for response in (first, second)}
        assert first_two in (
            {PANEL % 1 + PANEL % 3, PANEL % 2 + PANEL % 4},
            {PANEL % 1 + PANEL % 4, PANEL % 2 + PANEL % 3},
        )


def test_the_headers_are_those_of_an_event_stream_and_no_others(server):
    with HTTP1(server.address) as client:
        response = client.request("/sse-event")
        client.wait_for_end(response)

        assert response.status == 200
        assert [header for header in response.headers if header[0] not in ("date", "server")] == [
            ("content-type", "text/event-stream; charset=utf-8"),
            ("cache-control", "no-store, no-transform"),
            ("x-accel-buffering", "no"),
            ("transfer-encoding", "chunked"),  # hypercorn's
        ]


# -- Testing SSE ----------------------------------------------------------------------------------------------------------
# The specification's own test, as it stands there.


async def test_notifications():
    async with TestClient(app) as client:
        result = await client.sse("/notifications", max_events=3)
        assert len(result.events) == 3
        assert "notification" in result.events[0].data
