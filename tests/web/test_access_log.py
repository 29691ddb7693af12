"""The access log: one line for each request, when its response has ended, with how it did."""

import logging
import math

import pytest
import trio
import trio.testing

from chirp_trio.server.access_log import AccessLog
from chirp_trio.testing import TestClient

START = {"type": "http.response.start", "status": 200, "headers": []}


def body(data, *, more=False):
    return {"type": "http.response.body", "body": data, "more_body": more}


@pytest.fixture
def lines(caplog):
    """What is logged, as it comes."""
    caplog.set_level(logging.INFO, "chirp_trio.access")

    def messages():
        return [record.getMessage() for record in caplog.records if record.name == "chirp_trio.access"]

    return messages


async def run(app, *, patience=math.inf, **changes):
    """One request to the app, with the log around it; `changes` are for its scope."""

    async def server(scope, receive, send):
        if scope["type"] == "http":
            await AccessLog(app)({**scope, **changes}, receive, send)

    async with TestClient(server, client=("192.0.2.7", 1)) as client:
        with trio.move_on_after(patience):
            await client.get("/live?token=secret")


async def two_pieces(scope, receive, send):
    await send(START)
    await send(body(b"12345", more=True))
    await trio.sleep(2)
    await send(body(b"678"))
    await trio.sleep(30)  # what an app does afterwards is not part of the response


async def test_a_line_has_client_request_status_bytes_duration_and_end(lines, autojump_clock):
    await run(two_pieces)

    assert lines() == ['192.0.2.7 "GET /live HTTP/1.1" 200 8 bytes 2.000 s complete']


async def test_the_line_comes_when_the_response_ends(lines, autojump_clock):
    seen = []

    async def look():
        for second in (1, 3):
            await trio.sleep_until(began + second)
            seen.append(len(lines()))

    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(look)
        await run(two_pieces)
    assert seen == [0, 1]


async def test_a_client_that_leaves_shows(lines, autojump_clock):
    async def app(scope, receive, send):
        await send(START)
        await send(body(b"123", more=True))
        while (await receive())["type"] != "http.disconnect":
            pass
        await send(body(b""))  # some end their body all the same

    await run(app, patience=5)

    assert lines() == ['192.0.2.7 "GET /live HTTP/1.1" 200 3 bytes 5.000 s client left']


async def test_a_disconnect_after_the_end_does_not_show(lines, autojump_clock):
    async def app(scope, receive, send):
        await send(START)
        await send(body(b"123"))
        while (await receive())["type"] != "http.disconnect":
            pass

    await run(app)

    assert lines() == ['192.0.2.7 "GET /live HTTP/1.1" 200 3 bytes 0.000 s complete']


async def test_a_disconnect_within_the_last_send_does_not_show(lines):
    """hypercorn tells of it there."""

    async def server(scope, receive, send):
        if scope["type"] != "http":
            return
        done = trio.Event()

        async def receive_late():
            await done.wait()
            return {"type": "http.disconnect"}

        async def send_late(message):
            if not message.get("more_body", True):
                done.set()
                await trio.testing.wait_all_tasks_blocked()
            await send(message)

        await AccessLog(app)(scope, receive_late, send_late)

    async def app(scope, receive, send):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive)
            await send(START)
            await send(body(b""))

    async with TestClient(server) as client:
        await client.get("/")

    assert [line.rpartition(" ")[2] for line in lines()] == ["complete"]


async def fails_at_once(scope, receive, send):
    raise ValueError("boom")


async def fails_later(scope, receive, send):
    await send(START)
    raise ValueError("boom")


@pytest.mark.parametrize(("app", "expected"), [(fails_at_once, "500 0 bytes"), (fails_later, "200 0 bytes")])
async def test_an_app_that_raises_shows_and_raises(lines, autojump_clock, app, expected):
    with pytest.raises(ValueError, match="boom"):
        await run(app)

    end = "complete" if app is fails_at_once else "cut short"
    assert lines() == [f'192.0.2.7 "GET /live HTTP/1.1" {expected} 0.000 s {end}']


async def test_a_request_that_is_cancelled_shows(lines, autojump_clock):
    async def impatient(scope, receive, send):
        with trio.move_on_after(1):
            await AccessLog(two_pieces)(scope, receive, send)
        await send(body(b""))

    async with TestClient(impatient, client=("192.0.2.7", 1)) as client:
        await client.get("/live")

    assert lines() == ['192.0.2.7 "GET /live HTTP/1.1" 200 5 bytes 1.000 s cut short']


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        pytest.param({"method": "HEAD"}, '192.0.2.7 "HEAD /live HTTP/1.1" 200 0 bytes', id="HEAD"),
        pytest.param({"client": None}, '- "GET /live HTTP/1.1"', id="a Unix socket"),
        pytest.param({"http_version": "2"}, '"GET /live HTTP/2"', id="HTTP/2"),
        pytest.param({}, '"GET /live HTTP/1.1"', id="a query is nobody's business"),
        pytest.param({"raw_path": b'/a%0Ab\n\x1b[31m\xff"'}, '"GET /a%0Ab%0A%1B[31m%FF%22 HTTP/1.1"', id="a hostile path"),
        pytest.param({"method": "GET\r\nx"}, '"GET%0D%0Ax /live HTTP/1.1"', id="a hostile method"),
    ],
)
async def test_what_stands_in_a_line(lines, autojump_clock, scope, expected):
    await run(two_pieces, **scope)

    assert expected in lines()[0]


async def test_bytes_that_go_around_send_are_counted(lines, autojump_clock):
    class Direct:
        body_bytes = 0

    async def app(scope, receive, send):
        await send(START)
        scope["extensions"]["chirp_trio.connection"].body_bytes += 10
        await send(body(b"123"))

    await run(app, extensions={"chirp_trio.connection": Direct()})

    assert "200 13 bytes" in lines()[0]


async def test_what_is_no_request_passes_through(lines):
    types = []

    async def app(scope, receive, send):
        types.append(scope["type"])

    async with TestClient(AccessLog(app)):
        pass

    assert types == ["lifespan"]
    assert lines() == []
