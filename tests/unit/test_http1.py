"""HTTP/1.1, byte for byte: what is answered, what is refused, and when the connection ends."""

import logging
import re
from contextlib import suppress
from contextvars import ContextVar

import pytest
import trio
import trio.testing

from chirp_trio import App, EventStream
from chirp_trio.server.http1_exchange import LastChunk
from chirp_trio.server.messages import MAX_HEAD_BYTES, MAX_HEADER_LINES, MAX_TARGET_BYTES
from tests.cases import each_case
from tests.pairs import visiting

START = {"type": "http.response.start", "status": 200, "headers": []}
END = {"type": "http.response.body", "body": b""}
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
CUT = "the connection is closed"


def head(response):
    """Status and headers of the first response in this, without what all have, and what follows them."""
    first, _, rest = response.partition(b"\r\n\r\n")
    line, *headers = first.split(b"\r\n")
    shown = [line.lower() for line in headers if not line.startswith((b"date: ", b"server: "))]
    return int(line.split()[1]), shown, rest


def status(response):
    return int(response.split()[1]) if response else CUT


def statuses(response):
    return [int(found) for found in re.findall(rb"HTTP/1\.1 ([0-9]+) ", response)]


class Echo:
    """An app that answers with what it got, and keeps the scopes and messages that it was given."""

    def __init__(self, *, headers=()):
        self.scopes = []
        self.messages = []
        self._headers = list(headers)

    async def __call__(self, scope, receive, send):
        self.scopes.append(scope)
        body, more = b"", True
        while more:
            message = await receive()
            self.messages.append(message)
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            more = message["more_body"]
        body = f"{scope['method']} {scope['path']} ".encode() + body
        headers = [(b"content-length", b"%d" % len(body)), *self._headers]
        await send({**START, "headers": headers})
        await send({**END, "body": body})


async def idle(scope, receive, send):
    """An app that begins to answer, and then waits for the client to leave."""
    await send(START)
    while (await receive())["type"] != "http.disconnect":
        pass


# -- heads --------------------------------------------------------------------------------------------------------------


@each_case("pieces", [1, 2, 10, 1000])
async def test_a_request_is_the_same_in_however_many_pieces_it_comes(pieces):
    request = b"POST /a%20b?c HTTP/1.1\r\nHost: x\r\nA: 1\r\na: 2\r\ncontent-length: 300\r\n\r\n" + b"x" * 300
    app = Echo()
    async with visiting(app) as visit:
        size = -(-len(request) // pieces)
        for start in range(0, len(request), size):
            await trio.testing.wait_all_tasks_blocked()
            visit.send(request[start : start + size])
        assert head(await visit.answer()) == (200, [b"content-length: 310"], b"POST /a b " + b"x" * 300)
    (scope,) = app.scopes
    assert scope["headers"] == [(b"host", b"x"), (b"a", b"1"), (b"a", b"2"), (b"content-length", b"300")]
    assert (scope["http_version"], scope["scheme"], scope["query_string"]) == ("1.1", "http", b"c")
    assert (scope["client"], scope["server"]) == (None, ("", None))  # a Unix socket without a name


def of_size(size):
    """A head whose last header ends after so many bytes."""
    start = b"GET / HTTP/1.1\r\nhost: x\r\ncookie: "
    return start + b"x" * (size - len(start)) + b"\r\n\r\n"


LIMITS = {
    "a head as long as it may be": (of_size(MAX_HEAD_BYTES - 1), 200),
    "a head that is too long by one": (of_size(MAX_HEAD_BYTES), 431),
    "a head of 25 kB": (of_size(25_000), 200),
    "a head of 60 kB": (of_size(60_000), 431),
    "a target as long as it may be": (b"GET /" + b"x" * (MAX_TARGET_BYTES - 1) + b" HTTP/1.1\r\nhost: x\r\n\r\n", 200),
    "a target that is too long by one": (b"GET /" + b"x" * MAX_TARGET_BYTES + b" HTTP/1.1\r\nhost: x\r\n\r\n", 414),
    "a target of 60 kB": (b"GET /" + b"x" * 60_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 414),
    "as many lines as there may be": (b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a: \r\n" * (MAX_HEADER_LINES - 1) + b"\r\n", 200),
    "one line too many": (b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a: \r\n" * MAX_HEADER_LINES + b"\r\n", 431),
    "15,000 empty lines": (b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a:\r\n" * 15_000 + b"\r\n", 431),
    "lines that end with a line feed only": (b"GET / HTTP/1.1\nhost: x\n\n", 200),
    "HTTP/1.2": (b"GET / HTTP/1.2\r\nhost: x\r\n\r\n", 505),
    "HTTP/3.0": (b"GET / HTTP/3.0\r\nhost: x\r\n\r\n", 505),
    "HTTP/2, which was not asked for": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "CONNECT": (b"CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\n", 501),
    "another coding": (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "two lengths": (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunks in HTTP/1.0": (b"POST / HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "two lengths of one kind": (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx", 400),
    "a length that is none": (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n", 400),
    "a space before the colon": (b"GET / HTTP/1.1\r\nhost: x\r\ntransfer-encoding : chunked\r\n\r\n", 400),
    "a target with a fragment": (b"GET /#x HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    "an empty line before it": (b"\r\n" + GET, 200),
    "two empty lines before it": (b"\r\n\r\n" + GET, 400),
    "a line feed before it": (b"\n" + GET, 400),
    "a target without a slash": (b"GET x HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    "a star that is not for OPTIONS": (b"GET * HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    "another scheme": (b"GET ftp://x/ HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 200, 400),
}


@each_case("pieces", [1, 10], ids=["in one piece", "in ten"])
@each_case("case", LIMITS)
async def test_a_head_gets_the_same_answer_in_one_piece_and_in_ten(case, pieces):
    request, expected = LIMITS[case]
    app = Echo()
    async with visiting(app) as visit:
        size = -(-len(request) // pieces)
        for start in range(0, len(request), size):
            await trio.testing.wait_all_tasks_blocked()
            visit.send(request[start : start + size])
        answer = await visit.answer()
        assert status(answer) == expected
        assert len(app.scopes) == (expected == 200)
        if expected != 200:
            assert head(answer)[1:] == ([b"content-length: 0", b"connection: close"], b"")
            assert visit.is_at_end


@each_case(
    ("target", "path", "query", "host"),
    [
        (b"http://a.example/b?c", "/b", b"c", b"a.example"),
        (b"HTTPS://a.example:8000/", "/", b"", b"a.example:8000"),
        (b"http://a.example", "/", b"", b"a.example"),
        (b"http://a.example?c", "/", b"c", b"a.example"),
        (b"/b", "/b", b"", b"x"),
    ],
)
async def test_a_target_may_name_the_host_which_counts_then(target, path, query, host):
    app = Echo()
    async with visiting(app) as visit:
        assert status(await visit.ask(b"GET " + target + b" HTTP/1.1\r\nhost: x\r\n\r\n")) == 200
    (scope,) = app.scopes
    assert (scope["path"], scope["query_string"], dict(scope["headers"])[b"host"]) == (path, query, host)


async def test_a_target_may_name_the_host_where_no_header_does():
    app = Echo()
    async with visiting(app) as visit:
        assert status(await visit.ask(b"GET http://a.example/b HTTP/1.0\r\n\r\n")) == 200
    assert app.scopes[0]["headers"] == [(b"host", b"a.example")]


HOSTS = [
    b"", b"a", b"a.example:8000", b"a.example:", b":80", b"my_app.internal", b"a,b", b"127.0.0.1", b"[::1]", b"[::1]:80",
    b"[fe80::1%25eth0]:80", b"xn--bcher-kva.example", b"a%2eexample",
]  # fmt: skip
NO_HOSTS = [
    b"a b", b"a\tb", b"a/b", b"a\\b", b"a?b", b"a#b", b"user@a", b"http://a", b"a:80:80", b"a:b", b"a:-1", b"[::1", b"::1]",
    b"[]", b"[::1]a", b"<a>", b'"a"', b"a%zz", b"a%2", b"a{b}", b"a|b", b"a^b", b"a`b", b"a\x01", b"a\x7f", b"b\xfccher",
    "b\u00fccher".encode(),
]  # fmt: skip


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
async def test_a_host_is_a_host_or_the_request_is_refused(version):
    """Who takes the part of a text for the host may take another one than the proxy in front (RFC 9112, 3.2)."""
    for host in HOSTS + NO_HOSTS:
        app = Echo()
        async with visiting(app) as visit:
            answer = await visit.ask(b"GET / HTTP/" + version + b"\r\nhost: " + host + b"\r\n\r\n")
            assert (host, status(answer)) == (host, 200 if host in HOSTS else 400)
        assert [dict(scope["headers"])[b"host"] for scope in app.scopes] == [host] * (host in HOSTS)


async def test_a_host_in_the_target_is_a_host_or_the_request_is_refused():
    for host in HOSTS + NO_HOSTS:
        if not host or set(host) & set(b" \t\x01\x7f?"):
            continue  # it ends what is taken for the target, or for the host
        async with visiting(Echo()) as visit:
            answer = await visit.ask(b"GET http://" + host + b" HTTP/1.1\r\nhost: x\r\n\r\n")
            is_host = host in HOSTS or b"/" in host  # what follows is the path
            assert (host, status(answer)) == (host, 200 if is_host else 400)


async def test_a_method_has_case_and_may_be_any():
    async with visiting(Echo()) as visit:
        for method in (b"get", b"BREW", b"OPTIONS"):
            assert head(await visit.ask(method + b" / HTTP/1.1\r\nhost: x\r\n\r\n"))[2] == method + b" / "


async def test_clients_that_end_a_body_with_an_empty_line_are_understood(autojump_clock):
    """It is the beginning of no request, and costs nobody its connection (RFC 9112, 2.2)."""
    post = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello\r\n"
    async with visiting(Echo(), keep_alive_timeout=75, head_timeout=10) as visit:
        assert statuses(await visit.ask(post + post)) == [200, 200]
        await trio.sleep(70)
        assert statuses(await visit.ask(post)) == [200]


# -- timeouts -----------------------------------------------------------------------------------------------------------


async def test_a_client_that_sends_nothing_is_left_after_the_timeout(autojump_clock):
    async with visiting(Echo(), head_timeout=5) as visit:
        await trio.sleep(4.9)
        assert not visit.is_over
        await trio.sleep(0.2)
        assert visit.is_over
        assert await visit.answer() == b""


async def test_half_a_head_is_answered_after_the_timeout_however_slowly_it_comes(autojump_clock):
    async with visiting(Echo(), head_timeout=5, keep_alive_timeout=20) as visit:
        for byte in range(6):
            await trio.sleep(0.9)
            visit.send(GET[byte : byte + 1])
        await trio.sleep(0.5)
        assert status(await visit.answer()) == 408
        assert trio.current_time() < 6


async def test_a_connection_that_is_used_again_may_be_idle_for_longer(autojump_clock):
    async with visiting(Echo(), head_timeout=5, keep_alive_timeout=75) as visit:
        for _ in range(3):
            assert status(await visit.ask(GET)) == 200
            await trio.sleep(74)
        await trio.sleep(2)
        assert visit.is_over
        assert await visit.answer() == b""


@pytest.mark.parametrize("came", [GET + GET[:10], GET], ids=["with the request before", "later"])
async def test_half_a_head_after_a_response_has_the_timeout_of_a_head(autojump_clock, came):
    async with visiting(Echo(), head_timeout=5, keep_alive_timeout=75) as visit:
        assert status(await visit.ask(came)) == 200
        await trio.sleep(1)
        visit.send(GET[10:20])
        await trio.sleep(5.1)
        assert status(await visit.answer()) == 408


async def test_a_client_that_has_no_byte_of_the_response_left_to_take_may_wait(autojump_clock):
    """A stream that sends nothing has no timeout."""
    async with visiting(idle) as visit:
        visit.send(GET)
        await trio.sleep(10_000)
        assert not visit.is_over


# -- bodies -------------------------------------------------------------------------------------------------------------


@each_case(
    ("body", "expected"),
    [
        (b"content-length: 5\r\n\r\nhello", b"hello"),
        (b"transfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nx: y\r\n\r\n", b"hello"),
        (b"content-length: 0\r\n\r\n", b""),
        (b"\r\n", b""),
    ],
    ids=["length", "chunks", "empty", "none"],
)
async def test_bodies_are_what_was_sent_and_the_next_request_begins_behind_them(body, expected):
    async with visiting(Echo()) as visit:
        request = b"POST /1 HTTP/1.1\r\nhost: x\r\n" + body
        answer = await visit.ask(request + request.replace(b"/1 ", b"/2 "))
        assert statuses(answer) == [200, 200]
        assert b"POST /1 " + expected in answer
        assert answer.endswith(b"POST /2 " + expected)


@each_case(
    ("body", "expected"),
    [
        (b"5\r\nhelloXX", 400),
        (b"x\r\n", 400),
        (b"-1\r\n", 400),
        (b"5" * 100_000, 431),
        (b"1;a\0b\r\n!\r\n0\r\n\r\n", 400),
        (b"1;a\nb\r\n!\r\n0\r\n\r\n", 400),
        (b"0\r\n\nGET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        (b"0\r\na: b\n\r\n", 400),
        (b"0\r\na: b\n\nGET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        (b"0\r\na: b\n", 400),
    ],
    ids=[
        "no end of a chunk",
        "no length",
        "less than nothing",
        "without end",
        "NUL in an extension",
        "LF in an extension",
        "LF as the end",
        "LF after a trailer",
        "LF after a trailer and as the end",
        "LF in trailers that go on",
    ],
)
async def test_a_body_that_is_broken_is_refused_and_is_no_end(body, expected):
    app = Echo()
    async with visiting(app) as visit:
        answer = await visit.ask(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" + body)
        assert statuses(answer) == [expected]
        assert visit.is_at_end
    assert app.messages[-1] == {"type": "http.disconnect"}


async def test_who_waits_to_be_told_is_told_when_the_app_asks_for_the_body(autojump_clock):
    request = b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n"

    async def app(scope, receive, send):
        await trio.sleep(5)
        await Echo()(scope, receive, send)

    async with visiting(app) as visit:
        assert await visit.ask(request) == b""
        await trio.sleep(6)
        assert await visit.answer() == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert head(await visit.ask(b"hello"))[2] == b"POST / hello"
        assert status(await visit.ask(GET)) == CUT
        await trio.sleep(6)
        assert status(await visit.answer()) == 200, "the connection goes on"


async def test_who_waits_to_be_told_and_is_answered_at_once_is_told_that_the_connection_ends():
    """It will not send its body now, and nobody could tell a body from the next request."""

    async def app(scope, receive, send):
        await send({**START, "status": 403, "headers": [(b"content-length", b"0")]})
        await send(END)

    async with visiting(app) as visit:
        answer = await visit.ask(b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n")
        assert head(answer) == (403, [b"content-length: 0", b"connection: close"], b"")
        assert visit.is_at_end


async def test_pieces_are_chunks_of_their_own_whether_or_not_they_are_the_same_and_a_large_one_is_not_kept():
    small, same, large = b"small", bytes(bytearray(b"small")), b"x" * (64 * 1024 + 1)
    pieces = [small, small, same, b"other", small, large, large, small, large]

    async def app(scope, receive, send):
        connection = scope["extensions"]["chirp_trio.connection"]
        connection.start_nowait(START, pieces[0])
        for piece in pieces[1:]:
            connection.write_nowait(piece) or await connection.drain()
        await send(END)

    async with visiting(app) as visit:
        _, _, body = head(await visit.ask(GET))

    assert body == b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])
    assert LastChunk.pair == (small, b"5\r\nsmall\r\n")


@pytest.mark.parametrize("length", [None, b"3"], ids=["chunks", "length"])
async def test_who_waits_to_be_told_is_not_told_once_the_response_has_begun(length):
    """It would be a part of the response."""

    async def app(scope, receive, send):
        await send({**START, "headers": [] if length is None else [(b"content-length", length)]})
        assert (await receive())["body"] == b"hello"
        await send({**END, "body": b"end"})

    async with visiting(app) as visit:
        visit.send(b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n")
        await visit.read()
        answer = await visit.ask(b"hello")  # it has waited for long enough (RFC 9110, 10.1.1)
        assert answer == (b"end" if length else b"3\r\nend\r\n0\r\n\r\n")
        assert visit.received.count(b"HTTP/1.1") == 1
        assert visit.is_at_end


async def test_where_there_is_no_body_to_wait_for_the_connection_goes_on():
    async def app(scope, receive, send):
        await send({**START, "headers": [(b"content-length", b"0")]})
        await send(END)

    async with visiting(app) as visit:
        answer = await visit.ask(b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 0\r\n\r\n")
        assert head(answer) == (200, [b"content-length: 0"], b"")
        assert status(await visit.ask(GET)) == 200


async def test_a_body_that_does_not_come_is_given_up_after_the_timeout(autojump_clock):
    async with visiting(Echo(), body_timeout=20) as visit:
        visit.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhe")
        await trio.sleep(19.9)
        assert not visit.is_over
        await trio.sleep(0.2)
        assert status(await visit.answer()) == 408


@pytest.mark.parametrize(("rate", "arrives"), [(1, False), (200, False), (400, True)])
async def test_a_body_that_comes_too_slowly_is_given_up_and_one_on_a_slow_line_is_not(autojump_clock, rate, arrives):
    async with visiting(Echo(), body_timeout=60) as visit:
        visit.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 400000\r\n\r\n")
        sent = 0
        while sent < 400_000 and not visit.is_over:
            await trio.sleep(10)
            with suppress(BrokenPipeError):
                visit.send(b"x" * rate * 10)
            sent += rate * 10
            await visit.read()
        assert status(visit.received) == (200 if arrives else 408)
        assert arrives or trio.current_time() < 400


async def test_a_body_has_no_timeout_while_the_app_does_not_ask_for_it(autojump_clock):
    async def app(scope, receive, send):
        await trio.sleep(1000)
        await Echo()(scope, receive, send)

    async with visiting(app, body_timeout=5) as visit:
        visit.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhe")
        await trio.sleep(1001)
        assert status(await visit.answer()) == 200


@pytest.mark.parametrize("came", [b"he", b"hello"], ids=["in part", "whole"])
async def test_after_a_body_that_nobody_has_read_the_connection_goes_on_if_all_of_it_is_there(came):
    async def app(scope, receive, send):
        await send({**START, "headers": [(b"content-length", b"0")]})
        await send(END)

    async with visiting(app) as visit:
        answer = await visit.ask(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n" + came)
        assert status(answer) == 200
        if came == b"hello":
            assert status(await visit.ask(GET)) == 200
        else:
            assert visit.is_at_end


@each_case("head", [b"connection: close\r\n", b"expect: 100-continue\r\n", b""], ids=repr)
@each_case("version", [b"1.1", b"1.0"])
async def test_who_is_answered_while_its_body_still_comes_can_send_on_and_read_the_response(autojump_clock, version, head):
    """A reset would take the response away from it, or look to a proxy as if the server had failed (RFC 9112, 9.6)."""

    async def app(scope, receive, send):
        await send({**START, "status": 413, "headers": [(b"content-length", b"0")]})
        await send(END)

    async with visiting(app) as visit:
        visit.send(b"POST / HTTP/" + version + b"\r\nhost: x\r\ncontent-length: 5000\r\n" + head + b"\r\n")
        for _ in range(5):
            await trio.sleep(0.1)
            visit.send(b"x" * 1000)  # BrokenPipeError, after a reset
        assert status(await visit.answer()) == 413
        await trio.sleep(1)
        assert (visit.is_at_end, visit.is_over) == (True, True)


async def test_what_a_client_sends_ahead_is_kept_to_a_bound_however_often_the_app_looks(autojump_clock):
    async def app(scope, receive, send):
        await send(START)
        while True:
            with trio.move_on_after(1):
                assert (await receive())["type"] == "http.request"
                assert (await receive())["type"] == "http.disconnect"
                return

    async with visiting(app) as visit:
        visit.send(GET)
        sent = 0
        with suppress(BrokenPipeError, ConnectionResetError):
            while sent < 200 * 1024:
                visit.send(b"x" * 1024)
                sent += 1024
                await trio.sleep(0.1)
        assert 64 * 1024 <= sent < 80 * 1024


async def test_what_a_client_sends_ahead_is_kept_to_a_bound(autojump_clock):
    """It is told that the client has left, and the connection ends."""
    async with visiting(idle) as visit:
        visit.send(GET)
        await visit.read()
        for _ in range(200):
            try:
                visit.send(b"x" * 1024)
            except BlockingIOError, BrokenPipeError, ConnectionResetError:
                break
            await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(5)
        assert visit.is_over


# -- HTTP/2, with http2_cleartext ---------------------------------------------------------------------------------------

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\4\0\0\0\0\0"


@each_case(
    ("began", "expected"),
    [
        (PREFACE, []),
        (GET + PREFACE, [200, 505]),
        (PREFACE.replace(b"*", b"/"), [505]),
        (PREFACE.replace(b"\r\n\r\nSM", b"\r\na: b\r\n\r\nSM"), [505]),
        (PREFACE.replace(b"\r\n\r\nSM", b"\r\ncontent-length: 6\r\n\r\nSM"), [505]),
        (PREFACE.replace(b"2.0", b"1.1").replace(b"\r\n", b"\r\nhost: x\r\n", 1), [400]),
    ],
    ids=["as it is", "after a request", "another target", "a header", "a body", "another version"],
)
async def test_http2_begins_a_connection_with_nothing_else_than_its_preface(began, expected):
    """What looks like it elsewhere has come past somebody who took it for something else."""
    async with visiting(Echo(), http2_cleartext=True) as visit:
        answer = await visit.ask(began + SETTINGS)
        assert statuses(answer) == expected
        assert answer.endswith(b"\0\0\0\4\1\0\0\0\0") == (not expected)  # it acknowledges settings


# -- no upgrade to HTTP/2 -----------------------------------------------------------------------------------------------


@each_case("cleartext", [False, True], ids=["as it is", "with http2_cleartext"])
@each_case(
    ("body", "expected"),
    [
        (b"\r\n", b""),
        (b"content-length: 5\r\n\r\nhello", b"hello"),
        (b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"hello"),
    ],
    ids=["no body", "length", "chunks"],
)
async def test_who_asks_for_an_upgrade_to_http2_is_answered_in_http1(body, expected, cleartext):
    """As Java's HttpClient does with every request (RFC 9113 has removed that upgrade, and servers may pass it over)."""
    request = (
        b"POST /java HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUA"
        b"AEAA\r\nHost: x\r\nUpgrade: h2c\r\nUser-Agent: Java-http-client/21\r\n" + body
    )
    async with visiting(Echo(), http2_cleartext=cleartext) as visit:
        for _ in range(2):  # and so is the next one on the connection
            code, headers, rest = head(await visit.ask(request))
            assert (code, rest) == (200, b"POST /java " + expected)
            assert headers == [b"content-length: %d" % len(rest)]


# -- responses ----------------------------------------------------------------------------------------------------------


async def test_a_response_has_a_reason_a_date_and_the_servers_name():
    async with visiting(Echo(headers=[(b"x-a", b"b")])) as visit:
        answer = await visit.ask(GET)
    assert re.fullmatch(
        rb"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nx-a: b\r\ndate: \w{3}, \d\d \w{3} \d{4} [0-9:]{8} GMT\r\nserver: "
        rb"chirp_trio\r\n\r\nGET / ",
        answer,
    )


@pytest.mark.parametrize("name", [None, "something else"])
async def test_the_servers_name_can_be_changed_and_left_out(name):
    async with visiting(Echo(), server_header=name) as visit:
        answer = await visit.ask(GET)
    assert (b"server:" in answer) == (name is not None)
    assert name is None or b"\r\nserver: something else\r\n" in answer


async def test_a_body_without_a_length_comes_in_chunks():
    async def app(scope, receive, send):
        await send(START)
        for piece in (b"one", b"", b"two"):
            await send({**END, "body": piece, "more_body": True})
        scope["extensions"]["chirp_trio.connection"].write_nowait(b"three")
        await send({**END, "body": b"four"})

    async with visiting(app) as visit:
        assert head(await visit.ask(GET)) == (
            200,
            [b"transfer-encoding: chunked"],
            b"3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n4\r\nfour\r\n0\r\n\r\n",
        )
        assert not visit.is_at_end


async def test_to_http_1_0_a_body_without_a_length_ends_with_the_connection():
    async def app(scope, receive, send):
        await send(START)
        await send({**END, "body": b"one", "more_body": True})
        await send({**END, "body": b"two"})

    async with visiting(app) as visit:
        assert head(await visit.ask(b"GET / HTTP/1.0\r\n\r\n")) == (200, [b"connection: close"], b"onetwo")
        assert visit.is_at_end


async def test_pieces_put_into_a_body_of_http_1_0_are_no_chunks():
    async def app(scope, receive, send):
        await send(START)
        connection = scope["extensions"].get("chirp_trio.connection")
        if connection and connection.is_open:
            connection.write_nowait(b"one")
        else:
            await send({**END, "body": b"one", "more_body": True})
        await send(END)

    async with visiting(app) as visit:
        assert head(await visit.ask(b"GET / HTTP/1.0\r\n\r\n"))[2] == b"one"


@each_case(
    ("request_line", "code", "length"),
    [(b"HEAD", 200, b"10"), (b"HEAD", 200, None), (b"GET", 204, None), (b"GET", 304, None), (b"GET", 304, b"10")],
)
async def test_a_response_without_a_body_has_none_and_the_next_one_comes_behind_it(request_line, code, length):
    """Whatever the app sends, also past `send()`: otherwise it would be read as the next response."""

    async def app(scope, receive, send):
        headers = [] if length is None else [(b"content-length", length)]
        await send({**START, "status": code, "headers": headers})
        assert not scope["extensions"]["chirp_trio.connection"].is_open
        await send({**END, "body": b"HTTP/1.1 2", "more_body": True})
        await send(END)

    async with visiting(app) as visit:
        request = request_line + b" / HTTP/1.1\r\nhost: x\r\n\r\n"
        answer = await visit.ask(request + request)
        assert statuses(answer) == [code, code]
        assert head(answer)[2].startswith(b"HTTP/1.1 %d" % code)
        assert not visit.is_at_end


@pytest.mark.parametrize(("code", "kept"), [(204, []), (304, [b"content-length: 5"])])
async def test_where_there_is_no_body_nothing_is_said_of_its_end(code, kept):
    """Who believes that would wait for it, and take the next response for a part of it (RFC 9110, 8.6; RFC 9112, 6.1)."""
    said = [(b"content-length", b"5"), (b"transfer-encoding", b"chunked")]

    async def app(scope, receive, send):
        await send({**START, "status": code, "headers": said})
        await send(END)

    async with visiting(app) as visit:
        assert head(await visit.ask(GET)) == (code, kept, b"")


@pytest.mark.parametrize(("version", "keep"), [(b"1.1", None), (b"1.1", b"close"), (b"1.0", None)])
async def test_a_connection_goes_on_unless_either_side_says_otherwise(version, keep):
    header = b"" if keep is None else b"connection: " + keep + b"\r\n"
    async with visiting(Echo()) as visit:
        answer = await visit.ask(b"GET / HTTP/" + version + b"\r\nhost: x\r\n" + header + b"\r\n")
        assert status(answer) == 200
        assert (b"connection: close" in head(answer)[1]) == visit.is_at_end == (version == b"1.0" or keep is not None)


async def test_an_app_may_end_the_connection():
    async with visiting(Echo(headers=[(b"connection", b"close")])) as visit:
        assert head(await visit.ask(GET))[1] == [b"content-length: 6", b"connection: close"]
        assert visit.is_at_end


async def test_requests_in_advance_are_answered_one_after_the_other():
    async with visiting(Echo()) as visit:
        answer = await visit.ask(b"".join(GET.replace(b"/ ", b"/%d " % number) for number in range(20)))
        assert statuses(answer) == [200] * 20
        assert re.findall(rb"GET /(\d+) ", answer) == [b"%d" % number for number in range(20)]


# -- apps that fail -----------------------------------------------------------------------------------------------------


async def failing(visit, caplog, kind):
    """What comes of a request whose app raises, and whether that was logged."""
    answer = await visit.ask(GET)
    assert [record.getMessage() for record in caplog.records] == ["GET /: the app raised"]
    assert isinstance(caplog.records[0].exc_info[1], kind)
    return answer


@pytest.mark.parametrize(
    "error", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit], ids=lambda error: error.__name__
)
async def test_an_app_that_raises_before_its_response_is_answered_for(error, caplog):
    async def app(scope, receive, send):
        raise error("secret")

    async with visiting(app) as visit:
        answer = await failing(visit, caplog, Exception)
        assert head(answer) == (500, [b"content-length: 0", b"connection: close"], b"")
        assert b"secret" not in answer
        assert visit.is_at_end


@pytest.mark.parametrize("length", [None, b"100"], ids=["chunks", "length"])
async def test_an_app_that_raises_in_its_response_leaves_it_without_an_end(length, caplog):
    async def app(scope, receive, send):
        await send({**START, "headers": [] if length is None else [(b"content-length", length)]})
        await send({**END, "body": b"one", "more_body": True})
        raise ValueError

    async with visiting(app) as visit:
        assert head(await failing(visit, caplog, ValueError))[2] == (b"one" if length else b"3\r\none\r\n")
        assert visit.is_at_end


async def test_an_app_that_says_nothing_is_answered_for(caplog):
    async def app(scope, receive, send):
        pass

    async with visiting(app) as visit:
        assert status(await visit.ask(GET)) == 500
        assert visit.is_at_end


async def test_an_app_that_leaves_its_response_without_an_end_ends_the_connection():
    async def app(scope, receive, send):
        await send(START)

    async with visiting(app) as visit:
        assert head(await visit.ask(GET)) == (200, [b"transfer-encoding: chunked"], b"")
        assert visit.is_at_end


@pytest.mark.parametrize(("sent", "error"), [(b"more than five", True), (b"less", True), (b"right", False)])
async def test_a_body_that_is_not_as_long_as_was_said_is_a_failure_of_the_app(sent, error, caplog):
    async def app(scope, receive, send):
        await send({**START, "headers": [(b"content-length", b"5")]})
        await send({**END, "body": sent})

    async with visiting(app) as visit:
        answer = await visit.ask(GET)
        assert visit.is_at_end == error == bool(caplog.records)
        assert len(head(answer)[2]) <= 5


@pytest.mark.parametrize(
    "changes",
    [
        {"status": 99},
        {"status": 103},
        {"headers": [(b"a b", b"c")]},
        {"headers": [(b"a", b"b\r\nc: d")]},
        {"headers": [(b"content-length", b"x")]},
        {"headers": [(b"content-length", b"1"), (b"content-length", b"2")]},
        {"headers": [("a", "b")]},
        {"headers": [(b":status", b"200")]},
    ],
    ids=repr,
)
async def test_a_response_that_is_none_is_a_failure_of_the_app(changes, caplog):
    async def app(scope, receive, send):
        await send({**START, **changes})
        await send(END)

    async with visiting(app) as visit:
        answer = await failing(visit, caplog, Exception)
        assert head(answer) == (500, [b"content-length: 0", b"connection: close"], b"")


async def test_an_app_that_catches_a_refusal_may_answer_otherwise(caplog):
    async def app(scope, receive, send):
        with pytest.raises(Exception, match="header"):
            await send({**START, "headers": [(b"a b", b"c")]})
        await send({**START, "headers": [(b"content-length", b"2")]})
        await send({**END, "body": b"ok"})

    async with visiting(app) as visit:
        assert head(await visit.ask(GET)) == (200, [b"content-length: 2"], b"ok")


# -- leaving ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("leave", ["close", "reset", "half"])
async def test_an_app_is_told_that_its_client_has_left(leave):
    async with visiting(idle) as visit:
        visit.send(GET)
        await visit.read()
        {"close": visit.theirs.close, "reset": visit.reset, "half": lambda: visit.theirs.shutdown(1)}[leave]()
        await trio.testing.wait_all_tasks_blocked()
        assert visit.is_over or leave == "half"


ENDING = {
    "no body": GET,
    "a length": b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello",
    "chunks": b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\na: b\r\n\r\n",
}


@pytest.mark.parametrize("case", ENDING)
async def test_a_client_that_sends_no_more_is_answered_if_its_request_is_complete_and_told_if_it_is_not(case):
    """As `nc -N` does, and whoever lost a part (RFC 9112, 8)."""
    request = ENDING[case]
    for end in range(1, len(request) + 1):
        async with visiting(Echo()) as visit:
            visit.send(request[:end])
            visit.theirs.shutdown(1)
            answer = await visit.answer()
            assert (request[:end], statuses(answer)) == (request[:end], [200 if end == len(request) else 400])
            assert visit.is_at_end


@pytest.mark.parametrize("case", ENDING)
async def test_a_request_may_be_divided_anywhere(case):
    request = ENDING[case]
    for place in range(1, len(request)):
        async with visiting(Echo()) as visit:
            await visit.ask(request[:place])
            answer = await visit.ask(request[place:] + GET)
            assert (place, statuses(answer)) == (place, [200, 200])


async def test_a_client_that_leaves_in_the_middle_of_its_body_has_left():
    app = Echo()
    async with visiting(app) as visit:
        visit.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhe")
        await trio.testing.wait_all_tasks_blocked()
    assert app.messages[-1] == {"type": "http.disconnect"}


async def test_whoever_does_not_read_is_given_up_after_the_timeout(autojump_clock):
    async def app(scope, receive, send):
        await send(START)
        await send({**END, "body": b"x" * 1_000_000})
        assert (await receive())["type"] == "http.disconnect"

    async with visiting(app, write_timeout=9) as visit:
        visit.send(GET)
        await trio.sleep(8.9)
        assert not visit.is_over
        await trio.sleep(0.2)
        assert visit.is_over


# -- stopping -----------------------------------------------------------------------------------------------------------


async def test_a_server_that_stops_leaves_idle_connections_at_once(autojump_clock):
    async with visiting(Echo()) as visit:
        await visit.ask(GET)
        visit.stop()
        await visit.read()
        assert visit.is_at_end
        assert trio.current_time() == 0


async def test_the_rest_of_a_later_request_is_waited_for_a_moment_when_the_server_stops(autojump_clock):
    async with visiting(Echo()) as visit:
        await visit.ask(GET)
        visit.send(GET[:10])
        await trio.sleep(1)
        visit.stop()
        await trio.sleep(0.4)
        answer = await visit.ask(GET[10:])
        assert (statuses(answer), visit.is_at_end) == ([200], True)
        assert b"connection: close" in head(answer)[1]


async def test_the_rest_of_a_later_request_is_not_waited_for_longer(autojump_clock):
    async with visiting(Echo()) as visit:
        await visit.ask(GET)
        visit.send(GET[:10])
        await trio.sleep(1)
        visit.stop()
        await trio.sleep(0.6)
        assert visit.is_over


async def test_a_request_that_is_on_its_way_when_the_server_stops_is_answered_as_the_last_one(autojump_clock):
    async with visiting(Echo()) as visit:
        visit.stop()
        await trio.sleep(0.4)
        answer = await visit.ask(GET + GET)
        assert (statuses(answer), visit.is_at_end) == ([200], True)
        assert b"connection: close" in head(answer)[1]


async def test_a_connection_without_a_request_is_not_waited_for_when_the_server_stops(autojump_clock):
    async with visiting(Echo()) as visit:
        visit.stop()
        await trio.sleep(0.4)
        visit.send(GET[:5])
        await trio.sleep(0.2)
        assert visit.is_over


async def test_a_response_goes_on_when_the_server_stops_until_its_app_is_told_to_leave(autojump_clock):
    async def app(scope, receive, send):
        await send(START)
        await idle_until_left(receive)
        await send({**END, "body": b"bye"})

    async def idle_until_left(receive):
        while (await receive())["type"] != "http.disconnect":
            pass

    async with visiting(app) as visit:
        visit.send(GET)
        await trio.sleep(1)
        visit.stop()
        await trio.sleep(1)
        assert not visit.is_over
        visit.ask_to_leave()
        answer = await visit.answer()
        assert head(answer)[2] == b"3\r\nbye\r\n0\r\n\r\n"
        assert visit.is_at_end


# -- WebSockets ---------------------------------------------------------------------------------------------------------

OPENING = (
    b"GET /socket HTTP/1.1\r\nhost: x\r\nconnection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\n"
    b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-version: 13\r\n"
)


def frame(opcode, data):
    return bytes([0x80 | opcode, 0x80 | len(data), 0, 0, 0, 0]) + data


async def echo_socket(scope, receive, send):
    assert scope["type"] == "websocket"
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


async def test_a_websocket_is_opened_used_and_closed():
    async with visiting(echo_socket) as visit:
        answer = await visit.ask(OPENING + b"\r\n")
        code, headers, _ = head(answer)
        assert code == 101
        assert b"upgrade: websocket" in headers
        assert await visit.ask(frame(1, b"hello")) == b"\x81\x05hello"
        await visit.ask(frame(8, b"\x03\xe8"))
        assert visit.is_at_end


async def test_who_speaks_before_a_websocket_is_open_is_refused():
    async with visiting(echo_socket) as visit:
        assert status(await visit.ask(OPENING + b"\r\n" + frame(1, b"hello"))) == 400
        assert visit.is_at_end


@pytest.mark.parametrize(
    "body", [b"content-length: 5\r\n\r\nhello", b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n"], ids=range(2)
)
async def test_a_websocket_with_a_body_is_refused(body, caplog):
    async with visiting(echo_socket) as visit:
        assert status(await visit.ask(OPENING + body)) == 400
        assert visit.is_at_end
    assert caplog.records == []


async def test_a_bad_opening_of_a_websocket_is_refused_and_the_connection_ends():
    async with visiting(echo_socket) as visit:
        assert (
            status(await visit.ask(OPENING.replace(b"sec-websocket-version: 13", b"sec-websocket-version: 12") + b"\r\n"))
            == 400
        )
        assert visit.is_at_end


@pytest.mark.parametrize(
    "change",
    [
        (b"AAAAAAAAAAAAAAAAAAAAAA==", b"short"),
        (b"AAAAAAAAAAAAAAAAAAAAAA==", b"AAAAAAAAAAAAAAAAAAAAA?=="),
        (b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n", b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" * 2),
        (b"sec-websocket-version: 13", b"sec-websocket-version: 13\xff"),
        (b"sec-websocket-version: 13", b"sec-websocket-version: 13\r\nsec-websocket-protocol: chat, \xff"),
        (b"sec-websocket-version: 13", b"sec-websocket-version: 13\r\nsec-websocket-extensions: \xff"),
    ],
    ids=repr,
)
async def test_an_opening_of_a_websocket_that_cannot_be_read_is_refused_without_a_traceback(change, caplog):
    async with visiting(echo_socket) as visit:
        answer = await visit.ask(OPENING.replace(*change) + b"\r\n")
        assert head(answer) == (400, [b"content-length: 0", b"connection: close"], b"")
        assert visit.is_at_end
    assert not caplog.records


async def test_an_app_that_fails_in_a_websocket_ends_it(caplog):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        raise ValueError

    async with visiting(app) as visit:
        answer = await visit.ask(OPENING + b"\r\n")
        assert answer.endswith(b"\x88\x02\x03\xf3")  # 1011, an error of the server's
        assert visit.is_at_end
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_a_websocket_is_told_when_the_server_stops():
    async with visiting(echo_socket) as visit:
        await visit.ask(OPENING + b"\r\n")
        visit.stop()
        await visit.read()
        assert not visit.is_at_end
        visit.ask_to_leave()
        await visit.read()
        assert visit.is_at_end


@each_case(
    "change",
    [
        (b"GET", b"POST"),
        (b"upgrade: WebSocket", b"upgrade: h2c"),
        (b"connection: keep-alive, Upgrade", b"connection: keep-alive"),
        (b"HTTP/1.1", b"HTTP/1.0"),  # which knows no upgrade (RFC 9110, 7.8)
    ],
    ids=repr,
)
async def test_what_does_not_ask_for_a_websocket_in_every_way_is_a_request(change):
    async with visiting(Echo()) as visit:
        assert status(await visit.ask(OPENING.replace(*change) + b"\r\n")) == 200


user = ContextVar("user", default="nobody")


@pytest.mark.parametrize("how", ["a handler sets", "a source sets"])
async def test_what_is_set_for_a_request_is_not_there_for_the_next_one_on_its_connection(autojump_clock, how):
    """Behind a proxy that is the request of somebody else."""
    app = App()

    async def source():
        user.set("ada")
        yield user.get()

    @app.route("/log-in")
    async def log_in():
        if how == "a handler sets":
            user.set("ada")
        return EventStream(source)

    @app.route("/")
    async def index():
        await trio.sleep(1)
        return f"it is {user.get()}"

    async with visiting(app) as visit:
        for _ in range(2):
            visit.send(b"GET /log-in HTTP/1.1\r\nhost: localhost\r\n\r\n")
            await trio.sleep(5)
            assert b"ada" in await visit.answer()
            visit.send(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
            await trio.sleep(5)
            assert b"it is nobody" in await visit.answer()
