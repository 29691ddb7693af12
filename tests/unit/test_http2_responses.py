"""Responses by HTTP/2: they wait for nobody else's window, are held once, and always have an end."""

import pytest
import trio
from h2.errors import ErrorCodes

from tests.cases import each_case
from tests.unit.http2_harness import answering, connected


def sending(*messages):
    async def app(scope, receive, send):
        for message in messages:
            await send(message)

    return app


def start(status=200, headers=(), **more):
    return {"type": "http.response.start", "status": status, "headers": list(headers), **more}


def piece(body=b"", *, more=False):
    return {"type": "http.response.body", "body": body, "more_body": more}


async def raising(scope, receive, send):
    if scope["path"] == "/late":
        await send(start())
        await send(piece(b"begun", more=True))
    raise LookupError


@pytest.mark.parametrize("window", ["stream", "connection"])
async def test_a_client_whose_window_stays_closed_is_given_up_and_others_go_on(autojump_clock, window):
    async def app(scope, receive, send):
        await answering(b"x" * 100_000 if scope["path"] == "/page" else b"")(scope, receive, send)

    async with connected(app, window=65_535 if window == "connection" else 10, write_timeout=5) as client:
        client.takes = False
        pages = [client.request("/page") for _ in range(3)]
        await trio.sleep(4)
        streams = await client.settle()
        assert all(streams[page].reset is None for page in pages)
        assert len(client.server._exchanges) == 3
        await trio.sleep(2)
        streams = await client.settle()
        beside = client.request("/")
        await client.settle()

        assert all(streams[page].reset == ErrorCodes.CANCEL for page in pages)
        assert streams[beside].is_complete
        assert not client.server.outgoing._waiting


async def test_a_slow_client_gets_all_of_it(autojump_clock):
    async with connected(answering(b"x" * 2000), window=10, write_timeout=5) as client:
        page = client.request("/")
        for _ in range(250):
            await trio.sleep(4)
            client.read()
        assert len(client.streams[page].body) == 2000
        assert client.streams[page].is_complete


async def test_streams_take_turns_when_the_window_of_the_connection_is_opened():
    async with connected(answering(b"x" * 200_000), window=1_000_000) as client:
        client.takes = False
        pages = [client.request("/") for _ in range(4)]
        await client.settle()
        got = [len(client.streams[page].body) for page in pages]
        client.h2.increment_flow_control_window(4 * 16_384)
        client.send()
        await client.settle()
        assert sum(len(client.streams[page].body) for page in pages) == sum(got) + 4 * 16_384
        client.h2.increment_flow_control_window(1_000_000)
        client.send()
        await client.settle()
        assert all(client.streams[page].is_complete for page in pages)


async def test_a_client_that_does_not_read_at_all_is_given_up(autojump_clock):
    async with connected(answering(b"x" * 60_000)) as client:
        client.wire.is_stuck = True
        client.request("/")
        await trio.sleep(29)
        assert not client.wire.is_gone
        await trio.sleep(2)
        assert client.wire.is_gone
        assert not client.server._exchanges


async def test_acknowledgements_for_a_client_that_does_not_read_are_bounded():
    async with connected(answering(), window=1_000_000) as client:
        client.wire.is_stuck = True
        client.server.frames.charge = lambda points: None
        for _ in range(100):
            client.wire.sent.send_nowait(b"\0\0\x08\x06\0\0\0\0\0hello..." * 1000)
        await trio.testing.wait_all_tasks_blocked()
        assert len(client.wire._kept) < 100_000


@pytest.mark.parametrize(("path", "reset"), [("/", None), ("/late", ErrorCodes.INTERNAL_ERROR)])
async def test_an_app_that_raises_is_a_500_or_a_reset(path, reset):
    async with connected(raising) as client:
        stream = (await client.settle())[client.request(path)]
        await client.settle()

    assert stream.status == (200 if reset else 500)
    assert stream.reset == reset


UNFINISHED = {
    "no end": [start(), piece(b"begun", more=True)],
    "no body": [start()],
    "a body that is too short": [start(headers=[(b"content-length", b"9")]), piece(b"short")],
    "a body that is too long": [start(headers=[(b"content-length", b"2")]), piece(b"long")],
    "no trailers": [start(trailers=True), piece(b"body")],
}


@each_case("case", UNFINISHED)
async def test_a_response_without_an_end_is_reset(case):
    async with connected(sending(*UNFINISHED[case])) as client:
        stream_id = client.request("/")
        stream = (await client.settle())[stream_id]

    assert stream.reset == ErrorCodes.INTERNAL_ERROR
    assert not stream.is_complete


@pytest.mark.parametrize("status", [100, 103, 199])
async def test_an_informational_status_is_no_response(status):
    async with connected(sending(start(status), piece())) as client:
        stream_id = client.request("/")
        assert (await client.settle())[stream_id].status == 500


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
async def test_what_has_no_body_gets_none(method, status):
    pseudo = [(":method", method), (":scheme", "http"), (":authority", "example.org")]
    async with connected(sending(start(status), piece(b"body"))) as client:
        stream_id = client.request("/", pseudo=pseudo)
        stream = (await client.settle())[stream_id]

    assert stream.is_complete
    assert not stream.body


async def test_early_hints_and_trailers_arrive():
    hint = {"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload"]}
    trailers = {"type": "http.response.trailers", "headers": [(b"checksum", b"1")]}
    async with connected(sending(hint, start(trailers=True), piece(b"body"), trailers)) as client:
        stream_id = client.request("/", headers=[("te", "trailers")])
        stream = (await client.settle())[stream_id]

    assert stream.informational == [[(b":status", b"103"), (b"link", b"</style.css>; rel=preload")]]
    assert stream.trailers == [(b"checksum", b"1")]
    assert stream.body == b"body"
    assert stream.is_complete


async def test_headers_of_a_connection_are_left_out():
    headers = [(b"Connection", b"close"), (b"Transfer-Encoding", b"chunked"), (b"X", b"y")]
    async with connected(sending(start(headers=headers), piece())) as client:
        stream_id = client.request("/")
        names = [name for name, _ in (await client.settle())[stream_id].headers]

    assert names == [b":status", b"x", b"date", b"server"]


async def test_a_send_that_is_cancelled_leaves_the_connection_whole(autojump_clock):
    async def app(scope, receive, send):
        await send(start())
        with trio.move_on_after(1):
            await send(piece(b"a" * 20, more=True))
        await send(piece(b"b" * 20))

    async with connected(app, window=10) as client:
        client.takes = False
        stream_id = client.request("/")
        await trio.sleep(2)
        client.h2.increment_flow_control_window(100, stream_id)
        await client.settle()
        stream = (await client.settle())[stream_id]

    assert stream.body == b"a" * 20 + b"b" * 20
    assert stream.is_complete
