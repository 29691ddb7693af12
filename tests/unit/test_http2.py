"""HTTP/2: what one request does, or does not do, costs itself."""

import functools

import pytest
import trio
from h2.errors import ErrorCodes
from hyperframe.frame import (
    DataFrame,
    ExtensionFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from chirp_trio.server.http2_budget import Budget
from tests.cases import each_case
from tests.integration import frames
from tests.unit.http2_harness import PSEUDO, answering, connected


def echoing(seen):
    async def app(scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                seen.append("disconnect")
                return
            body, more = body + message["body"], message["more_body"]
        seen.append((scope["method"], scope["path"], scope["headers"], body))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    return app


async def open_stream(scope, receive, send, *, left=None):
    """An app that begins a response, and ends it when it is told to."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        pass
    if left is not None:
        left.append(scope["path"])
    await send({"type": "http.response.body", "body": b"over"})


async def test_a_request_is_answered():
    async with connected(answering(b"x" * 50_000)) as client:
        stream_id = client.request("/")
        stream = (await client.settle())[stream_id]

    assert stream.status == 200
    assert stream.body == b"x" * 50_000
    assert stream.is_complete
    assert stream.reset is None


async def test_an_app_finds_the_body_the_host_and_one_cookie():
    seen = []
    async with connected(echoing(seen)) as client:
        headers = [("cookie", "a=1"), ("accept", "*/*"), ("cookie", "b=2"), ("content-length", "10")]
        stream_id = client.request("/a%20b?c", headers=headers, ends=False)
        client.h2.send_data(stream_id, b"12345")
        client.h2.send_data(stream_id, b"67890", end_stream=True)
        client.send()
        stream = (await client.settle())[stream_id]

    expected = [(b"host", b"example.org"), (b"accept", b"*/*"), (b"content-length", b"10"), (b"cookie", b"a=1; b=2")]
    assert seen == [("GET", "/a b", expected, b"1234567890")]
    assert stream.body == b"1234567890"


MALFORMED = {
    "a name in capitals": {"headers": [("X-Loud", "1")]},
    "a header of the connection": {"headers": [("connection", "close")]},
    "te that is not trailers": {"headers": [("te", "gzip")]},
    "no method": {"pseudo": PSEUDO[1:]},
    "no scheme": {"pseudo": [PSEUDO[0], PSEUDO[2]]},
    "no host": {"pseudo": PSEUDO[:2]},
    "two methods": {"pseudo": [*PSEUDO, PSEUDO[0]]},
    "two paths": {"headers": [(":path", "/")]},
    "an unknown pseudo-header": {"pseudo": [*PSEUDO, (":protocol", "websocket")]},
    "a status": {"pseudo": [*PSEUDO, (":status", "200")]},
    "a pseudo-header after a header": {"pseudo": [*PSEUDO[1:], ("x", "y"), PSEUDO[0]]},
    "an empty path": {"path": ""},
    "a path without a slash": {"path": "index"},
    "a path with a fragment": {"path": "/x#y"},
    "a star": {"path": "*"},
    "a path that is not ASCII": {"path": "/é"},
    "a method that is not ASCII": {"pseudo": [(":method", "GÉT"), *PSEUDO[1:]]},
    "another host": {"headers": [("host", "example.com")]},
    "a host with a user": {"pseudo": [*PSEUDO[:2], (":authority", "user@example.org")]},
    "a host with a space": {"pseudo": [*PSEUDO[:2], (":authority", "example.org x")]},
    "a host with a path": {"pseudo": PSEUDO[:2], "headers": [("host", "example.org/x")]},
    "a line break in a value": {"headers": [("x", "a\r\nb: c")]},
    "a space before a value": {"headers": [("x", " a")]},
    "a name with a space": {"headers": [("x y", "a")]},
    "an empty name": {"headers": [("", "a")]},
    "a length that is no number": {"headers": [("content-length", "ten")]},
    "a length with a sign": {"headers": [("content-length", "+0")]},
    "two lengths": {"headers": [("content-length", "0"), ("content-length", "1")]},
    "a length and no body": {"headers": [("content-length", "1")]},
}


@each_case("case", MALFORMED)
async def test_a_malformed_request_costs_its_stream_only(case):
    async with connected(open_stream) as client:
        beside = client.request("/stream")
        malformed = client.request(**({"path": "/"} | MALFORMED[case]))
        after = client.request("/after")
        streams = await client.settle()

        assert streams[malformed].reset == ErrorCodes.PROTOCOL_ERROR
        assert [bytes(streams[stream_id].body) for stream_id in (beside, after)] == [b"begun", b"begun"]
        assert client.goaway is None


async def test_an_informational_status_costs_its_stream_only():
    async with connected(open_stream) as client:
        beside = client.request("/stream")
        await client.settle()
        block = client.h2.encoder.encode([*PSEUDO, (":path", "/"), (":status", "100")])
        client.wire.sent.send_nowait(HeadersFrame(3, block, flags=["END_HEADERS", "END_STREAM"]).serialize())
        await trio.testing.wait_all_tasks_blocked()

        assert RstStreamFrame(3, error_code=ErrorCodes.PROTOCOL_ERROR).serialize() in client.wire.written
        await client.settle()
        assert client.goaway is None
        assert client.streams[beside].reset is None


@pytest.mark.parametrize("body", [b"123", b"12345"])
async def test_a_body_of_another_length_costs_its_stream_only(body):
    seen = []
    async with connected(echoing(seen)) as client:
        stream_id = client.request("/", headers=[("content-length", "4")], ends=False)
        client.h2.send_data(stream_id, body, end_stream=True)
        client.send()
        streams = await client.settle()
        after = client.request("/")
        await client.settle()

        assert streams[stream_id].reset == ErrorCodes.PROTOCOL_ERROR
        assert streams[after].is_complete
    assert seen[0] == "disconnect"


@each_case(
    ("status", "request_"),
    [
        (501, {"pseudo": [(":method", "CONNECT"), (":authority", "example.org")]}),
        (414, {"path": "/" + "x" * 9000}),
        (431, {"headers": [("x", "y")] * 101}),
        (431, {"headers": [("x", "y" * 17_000), ("z", "y" * 17_000)]}),
    ],
)
async def test_a_request_that_cannot_be_answered_gets_a_status_and_no_body(status, request_):
    async with connected(open_stream) as client:
        stream_id = client.request(**({"path": "/"} | request_))
        stream = (await client.settle())[stream_id]

        assert stream.status == status
        assert stream.is_complete
        assert not stream.body
        assert client.goaway is None


async def test_a_hundred_cookies_are_one_header():
    async with connected(answering()) as client:
        stream_id = client.request("/", headers=[("cookie", f"a{number}=1") for number in range(150)])
        assert (await client.settle())[stream_id].status == 200


async def test_trailers_end_the_body():
    seen = []
    async with connected(echoing(seen)) as client:
        stream_id = client.request("/", ends=False)
        client.h2.send_data(stream_id, b"body")
        client.h2.send_headers(stream_id, [("checksum", "1")], end_stream=True)
        client.send()
        stream = (await client.settle())[stream_id]

    assert stream.body == b"body"
    assert stream.is_complete


async def test_trailers_that_end_nothing_cost_their_stream_only():
    async with connected(open_stream) as client:
        beside = client.request("/stream")
        stream_id = client.request("/", ends=False)
        client.h2.streams[stream_id].state_machine.trailers_sent = None
        client.send(b"\0\0\1\1\4" + stream_id.to_bytes(4) + b"\x88")
        streams = await client.settle()

        assert streams[stream_id].reset == ErrorCodes.PROTOCOL_ERROR
        assert client.goaway is None
        assert streams[beside].reset is None


STREAM_ERRORS = {
    "a window of nothing more": (ErrorCodes.PROTOCOL_ERROR, frames.window_update, 0),
    "a window that overflows": (ErrorCodes.FLOW_CONTROL_ERROR, frames.window_update, 2**31 - 1),
    "a priority of another size": (
        ErrorCodes.FRAME_SIZE_ERROR,
        functools.partial(frames.frame, frames.PRIORITY, 0),
        bytes(6),
    ),
    "a priority that depends on itself": (ErrorCodes.PROTOCOL_ERROR, lambda stream, _: frames.priority(stream, stream), None),
    "more than its window": (
        ErrorCodes.FLOW_CONTROL_ERROR,
        lambda stream, size: frames.data(stream, bytes(size)) * 8,
        10_000,
    ),
}


@each_case("case", STREAM_ERRORS)
async def test_what_is_wrong_with_a_stream_costs_that_stream_only(case):
    """RFC 9113, 5.4.2."""
    code, make, argument = STREAM_ERRORS[case]
    async with connected(open_stream) as client:
        beside = client.request("/stream", ends=False)
        wrong = client.request("/", ends=False)
        await client.settle()
        client.h2.streams[wrong].max_outbound_frame_size = 2**20
        client.send(make(wrong, argument))
        after = client.request("/after")
        streams = await client.settle()

        assert streams[wrong].reset == code
        assert [bytes(streams[stream_id].body) for stream_id in (beside, after)] == [b"begun", b"begun"]
        assert client.goaway is None


@each_case("case", [case for case in STREAM_ERRORS if case != "more than its window"])
async def test_where_there_is_no_stream_that_could_be_ended_the_connection_is(case):
    code, make, argument = STREAM_ERRORS[case]
    if case == "a window that overflows":
        code = ErrorCodes.PROTOCOL_ERROR  # it is no window yet
    async with connected(open_stream) as client:
        client.request("/")
        await client.settle()
        client.send(make(5, argument))
        await client.settle()

        assert client.goaway[0] == code
        assert client.is_over


@each_case("case", [case for case in STREAM_ERRORS if case != "more than its window"])
async def test_what_is_wrong_with_a_stream_that_is_over_changes_nothing(case):
    _, make, argument = STREAM_ERRORS[case]
    async with connected(answering()) as client:
        over = client.request("/")
        await client.settle()
        client.send(make(over, argument))
        after = client.request("/")
        streams = await client.settle()

        assert streams[after].is_complete
        assert client.goaway is None


async def test_a_head_that_depends_on_itself_costs_its_stream_only():
    async with connected(open_stream) as client:
        beside = client.request("/stream")
        await client.settle()
        head = b"\0\0\0\3\0" + frames.block([*PSEUDO, (":path", "/")])
        client.send(frames.frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM | 0x20, 3, head))
        await trio.testing.wait_all_tasks_blocked()

        assert frames.reset(3, frames.PROTOCOL_ERROR) in client.wire.written
        await client.settle()
        assert client.goaway is None
        assert client.streams[beside].reset is None


async def test_what_is_sent_beyond_a_window_is_given_back_to_the_connection():
    """Or whoever does that often would stop the streams of others."""
    async with connected(open_stream) as client:
        for number in range(1, 601, 2):
            # More than fits into the window of one, and in all more than fits into the connection's.
            client.send(frames.request(number, "/", method="POST", ends=False) + frames.data(number, bytes(16_000)) * 5)
            await trio.testing.wait_all_tasks_blocked()
            assert frames.reset(number, frames.FLOW_CONTROL_ERROR) in client.wire.written
            client.wire.written.clear()
            client.server.frames.budget = Budget()

        assert not client.is_over


async def test_a_body_that_nobody_reads_stops_nobody_else():
    async def app(scope, receive, send):
        if scope["path"] == "/busy":
            await trio.sleep_forever()
        await answering()(scope, receive, send)

    async with connected(app) as client:
        for _ in range(5):
            busy = client.request("/busy", ends=False)
            left = 65_535
            while left:
                size = min(left, 16_384)
                client.h2.send_data(busy, b"x" * size)
                left -= size
            client.send()
            await client.settle()
        stream_id = client.request("/", ends=False)
        client.h2.send_data(stream_id, b"x" * 16_384, end_stream=True)
        client.send()
        assert (await client.settle())[stream_id].is_complete


async def test_a_body_may_be_longer_than_the_window():
    seen = []
    async with connected(echoing(seen)) as client:
        stream_id = client.request("/", ends=False)
        for _ in range(20):
            client.h2.send_data(stream_id, b"x" * 10_000)
            client.send()
            await client.settle()
        client.h2.end_stream(stream_id)
        client.send()
        await client.settle()

    assert len(seen[0][3]) == 200_000


async def test_a_body_that_does_not_come_is_given_up(autojump_clock):
    seen = []
    async with connected(echoing(seen), body_timeout=5) as client:
        stream_id = client.request("/", ends=False)
        await trio.sleep(4)
        assert not (await client.settle())[stream_id].headers
        await trio.sleep(2)
        assert (await client.settle())[stream_id].status == 408
    assert seen == ["disconnect"]


async def test_a_client_that_waits_to_be_told_is_told_to_go_on():
    seen = []
    async with connected(echoing(seen)) as client:
        stream_id = client.request("/", headers=[("expect", "100-continue")], ends=False)
        assert (await client.settle())[stream_id].informational == [[(b":status", b"100")]]


async def test_a_response_that_is_complete_stops_the_rest_of_the_request():
    async with connected(answering()) as client:
        stream_id = client.request("/", ends=False)
        stream = (await client.settle())[stream_id]

    assert stream.is_complete
    assert stream.reset == ErrorCodes.NO_ERROR


async def test_a_request_whose_reset_comes_with_it_starts_nothing():
    seen = []
    async with connected(echoing(seen)) as client:
        stream_id = client.request("/", waits=True)
        client.h2.reset_stream(stream_id)
        client.send()
        await client.settle()

    assert seen == []


async def test_whoever_gives_up_many_requests_has_no_more_of_them_begun_in_vain(autojump_clock):
    seen = []
    async with connected(echoing(seen)) as client:

        def request_ten():
            return [client.request("/", ends=False, waits=True) for _ in range(10)]

        def give_up(numbers):
            for number in numbers:
                client.h2.reset_stream(number)

        for _ in range(6):
            numbers = request_ten()
            client.send()
            await trio.sleep(0.001)
            # If nobody looks meanwhile, these requests are read together with their resets.
            give_up(numbers)
            for _ in range(3):
                client.send()
                numbers = request_ten()
                client.send()
                await trio.sleep(0.001)
                give_up(numbers)
            client.send()
            await trio.sleep(0.05)
        honest = client.request("/")
        await trio.sleep(0.05)
        streams = await client.settle()

    assert len(seen) < 6 * 40 / 2
    assert streams[honest].is_complete


@each_case("size", [1, 2, 7, 10, 100])
async def test_frames_mean_the_same_however_they_are_cut(size):
    seen = []
    sent = (
        frames.ping()
        + frames.request(1, "/a", method="POST", ends=False)
        + frames.settings(initial_window_size=70_000) * 2
        + frames.data(1, b"hel")
        + frames.frame(frames.DATA, frames.END_STREAM | frames.PADDED, 1, b"\2lo\0\0")
        + frames.frame(frames.HEADERS, frames.END_STREAM, 3, frames.block([*PSEUDO, (":path", "/b")])[:20])
        + frames.continuation(3, frames.block([*PSEUDO, (":path", "/b")])[20:], ends=True)
        + frames.ping(b"goodbye!")
    )
    async with connected(echoing(seen)) as client:
        await client.settle()
        for at in range(0, len(sent), size):
            client.wire.sent.send_nowait(sent[at : at + size])
            await trio.testing.wait_all_tasks_blocked()
        await trio.testing.wait_all_tasks_blocked()
        written = bytes(client.wire.written)

    assert sorted((path, body) for _, path, _, body in seen) == [("/a", b"hello"), ("/b", b"")]
    for answer in (b"12345678", b"goodbye!"):
        assert written.count(frames.frame(frames.PING, frames.ACK, 0, answer)) == 1
    assert written.count(frames.SETTINGS_ACK) == 2
    assert client.goaway is None


async def test_a_head_in_too_many_pieces_ends_the_connection():
    async with connected(answering()) as client:
        client.send(frames.frame(frames.HEADERS, frames.END_STREAM, 1, b""))
        for _ in range(50):
            client.send(frames.continuation(1, b"") * 50)
        await client.settle()
        assert client.goaway[0] == ErrorCodes.ENHANCE_YOUR_CALM


async def test_many_requests_in_one_read_leave_others_their_turns():
    turns, started_at = 0, []

    async def app(scope, receive, send):
        started_at.append(turns)
        await answering(b"")(scope, receive, send)

    async with connected(app) as client, trio.open_nursery() as nursery:

        @nursery.start_soon
        async def others():
            nonlocal turns
            while True:
                turns += 1
                await trio.lowlevel.checkpoint()

        for _ in range(96):
            client.request("/", waits=True)
        client.send()
        while len(started_at) < 96:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()

    assert max(started_at.count(turn) for turn in started_at) <= 32


async def test_whoever_resets_a_stream_has_left():
    left = []
    async with connected(functools.partial(open_stream, left=left)) as client:
        stream_id = client.request("/a")
        client.request("/b")
        await client.settle()
        client.h2.reset_stream(stream_id)
        client.send()
        await client.settle()

        assert left == ["/a"]


@pytest.mark.parametrize("end", ["eof", "error"])
async def test_the_end_of_the_connection_is_told_to_all(end):
    left = []
    async with connected(functools.partial(open_stream, left=left)) as client:
        for path in ("/a", "/b"):
            client.request(path)
        await client.settle()
        client.wire.sent.send_nowait(b"" if end == "eof" else PingFrame(0, b"12345678").serialize()[:-1] + b"\0" * 3000)
        await trio.testing.wait_all_tasks_blocked()

        assert sorted(left) == ["/a", "/b"]
        assert client.is_over


async def test_a_connection_that_breaks_the_rules_ends_whatever_is_left_of_it(autojump_clock):
    left = []

    async def app(scope, receive, send):
        await trio.sleep(1)
        left.append((await receive())["type"])

    async with connected(app) as client:
        stream_id = client.request("/", ends=False)
        client.h2.send_data(stream_id, b"unread" * 1000)
        client.send()
        await trio.testing.wait_all_tasks_blocked()
        client.wire.sent.send_nowait(WindowUpdateFrame(0, window_increment=1).serialize()[:-4] + bytes(4))
        await trio.sleep(2)
        await client.settle()

        assert client.goaway == (ErrorCodes.PROTOCOL_ERROR, stream_id)
        assert client.is_over
    assert left == ["http.disconnect"]


# -- how many, how long ---------------------------------------------------------------------------------------------------


async def test_after_a_thousand_requests_the_open_streams_go_on():
    async def app(scope, receive, send):
        await (open_stream if scope["path"] == "/stream" else answering())(scope, receive, send)

    async with connected(app) as client:
        beside = client.request("/stream")
        for number in [90] * 11 + [8, 1]:  # 999: with the one beside, a thousand; the last one alone
            assert client.goaway is None
            last = [client.request("/") for _ in range(number)][-1]
            streams = await client.settle()
        assert client.goaway == (ErrorCodes.NO_ERROR, last)
        assert streams[last].is_complete
        assert not streams[beside].is_complete

        client.server.ask_to_leave()
        streams = await client.settle()
        assert streams[beside].body == b"begunover"
        assert client.is_over


async def test_a_stop_lets_open_streams_end_and_takes_no_more():
    async with connected(open_stream) as client:
        beside = client.request("/stream")
        await client.settle()
        late = client.request("/late", waits=True)
        client.server.stop()
        client.send()
        for _ in range(2):
            streams = await client.settle()

        assert client.goaway == (ErrorCodes.NO_ERROR, beside)
        assert streams[late].reset == ErrorCodes.REFUSED_STREAM
        assert not client.is_over
        client.server.ask_to_leave()
        assert (await client.settle())[beside].is_complete
        assert client.is_over


async def test_a_client_that_goes_away_gets_the_responses_that_go_on():
    async with connected(open_stream) as client:
        stream_id = client.request("/stream")
        await client.settle()
        client.wire.sent.send_nowait(b"\0\0\x08\x07\0\0\0\0\0" + b"\0" * 8)
        await client.settle()
        assert not client.is_over
        client.server.ask_to_leave()
        assert (await client.settle())[stream_id].body == b"begunover"
        assert client.is_over


async def test_more_streams_than_allowed_are_refused_and_the_others_go_on():
    async with connected(open_stream) as client:
        client.h2.remote_settings.max_concurrent_streams = 1000
        client.h2.remote_settings.acknowledge()
        opened = [client.request("/") for _ in range(102)]
        await client.settle()
        streams = await client.settle()

        assert [streams[stream_id].reset for stream_id in opened[-3:]] == [None, 7, 7]
        assert client.goaway is None


@pytest.mark.parametrize("pings", [False, True])
async def test_a_connection_without_a_request_is_closed(autojump_clock, pings):
    async with connected(answering(), head_timeout=5) as client:
        for _ in range(4):
            await trio.sleep(1)
            if pings:
                client.h2.ping(b"12345678")
                client.send()
            assert not client.is_over
        await trio.sleep(2)
        await client.settle()
        assert client.goaway == (ErrorCodes.NO_ERROR, 0)
        assert client.is_over


async def test_an_idle_connection_is_closed_in_time_and_one_with_a_stream_is_not(autojump_clock):
    async with connected(open_stream, keep_alive_timeout=20) as client:
        stream_id = client.request("/")
        await client.settle()
        await trio.sleep(1000)
        assert not client.is_over
        client.h2.reset_stream(stream_id)
        client.send()
        await trio.sleep(19)
        assert not client.is_over
        await trio.sleep(2)
        assert client.is_over


FLOODS = {
    "pings": PingFrame(0, b"12345678"),
    "settings": SettingsFrame(0, settings={4: 70_000}),
    "priority": PriorityFrame(1, depends_on=0, stream_weight=1),
    "resets": RstStreamFrame(1),
    "empty data": DataFrame(3, b""),
    "windows": WindowUpdateFrame(0, window_increment=1),
    "a stream's windows": WindowUpdateFrame(3, window_increment=1),
    "unknown frames": ExtensionFrame(0xB, 0),
}


@each_case("case", FLOODS)
async def test_a_flood_ends_its_connection(case):
    flood = FLOODS[case].serialize()
    async with connected(open_stream) as client:
        for _ in range(2):
            client.request("/", ends=False)
        beside = [client.request("/") for _ in range(2)]
        await client.settle()
        for _ in range(40):
            client.wire.sent.send_nowait(flood * 50)
        await client.settle()

        assert client.goaway[0] == ErrorCodes.ENHANCE_YOUR_CALM
        assert all(client.streams[stream_id].reset == ErrorCodes.ENHANCE_YOUR_CALM for stream_id in beside)
        assert client.is_over


@each_case("case", FLOODS)
async def test_a_few_of_them_now_and_then_do_not(autojump_clock, case):
    flood = FLOODS[case].serialize()
    async with connected(open_stream) as client:
        for _ in range(2):
            client.request("/", ends=False)
        await client.settle()
        for _ in range(100):
            client.wire.sent.send_nowait(flood * 5)
            await trio.sleep(1)
        await client.settle()

        assert client.goaway is None


async def test_a_client_that_acknowledges_each_frame_floods_nobody(mock_clock):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1200):  # more than what is of no use may be
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await send({"type": "http.response.body"})

    async with connected(app, window=1, connection_window=0) as client:
        stream_id = client.request("/")
        for _ in range(1210):
            await trio.testing.wait_all_tasks_blocked()
            client.read()
            if client.streams[stream_id].is_complete:
                break
        assert len(client.streams[stream_id].body) == 1200
        assert client.goaway is None


async def test_an_upload_in_small_pieces_is_taken_slowly_and_not_ended(autojump_clock):
    """It may be honest, as what somebody types is; so it costs so many frames a second at most."""
    seen = []
    frame = DataFrame(1, b"x").serialize()
    async with connected(echoing(seen)) as client:
        client.request("/", ends=False)
        for _ in range(30):
            client.wire.sent.send_nowait(frame * 1000)
        client.wire.sent.send_nowait(frames.data(1, b"", ends=True))
        while not seen:
            await trio.sleep(1)
            client.read()
            client.wire.sent.send_nowait(frames.ping())

        assert client.goaway is None
    assert seen[0][3] == b"x" * 30_000
    assert 60 < trio.current_time() < 80  # 4,000 at once, and then 400 a second
