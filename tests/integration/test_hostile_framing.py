"""HTTP/1.1 that is odd: each request is understood in one way only, or refused; nothing that is a body becomes a request."""

from contextlib import suppress

import pytest

from tests.integration.clients import HTTP1
from tests.integration.hostility import leaving_nothing
from tests.integration.server import chirp_trio, kept_in_order

CONTRABAND = b"GET /smuggled HTTP/1.1\r\nHost: server\r\n\r\n"
LAST = b"GET /echo HTTP/1.1\r\nHost: last\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def server():
    with chirp_trio("besieged:app") as server, kept_in_order(server):
        yield server


def post(*lines, body=b"", version=b"1.1"):
    return b"\r\n".join([b"POST /echo HTTP/%b" % version, b"Host: server", *lines, b"", body])


def get(*lines, line=b"GET /echo HTTP/1.1", host=b"Host: server"):
    return b"\r\n".join([line, *([host] if host else []), *lines, b"", b""])


CHUNKED = b"Transfer-Encoding: chunked"
LENGTH = b"Content-Length: %d" % len(CONTRABAND)


def exchange(server, sent):
    """All responses to what is sent, until the server closes the connection."""
    received = b""
    with HTTP1(server.address) as client, suppress(ConnectionError):
        client.socket.sendall(sent)
        while data := client.socket.recv(65536):
            received += data
    return received


def statuses(received):
    return [int(response[:3]) for response in received.split(b"HTTP/1.1 ")[1:]]


# -- refused ------------------------------------------------------------------------------------------------------------

REFUSED = {
    # which of two lengths is right? (RFC 9112, 6.3)
    "two lengths": post(b"Content-Length: 0", LENGTH, body=CONTRABAND),
    "a list of lengths": post(b"Content-Length: 0, %d" % len(CONTRABAND), body=CONTRABAND),
    "a length with a sign": post(b"Content-Length: +5", body=b"hello" + CONTRABAND),
    "a length below zero": post(b"Content-Length: -1", body=CONTRABAND),
    "a length with a base": post(b"Content-Length: 0x5", body=b"hello" + CONTRABAND),
    "a length in two words": post(b"Content-Length: 5 5", body=b"hello" + CONTRABAND),
    "a length with an underscore": post(b"Content-Length: 1_0", body=b"hello" + CONTRABAND),
    "no length": post(b"Content-Length: ", body=CONTRABAND),
    "a length without end": post(b"Content-Length: " + b"9" * 30, body=CONTRABAND),
    "a length in other digits": post("Content-Length: \N{ARABIC-INDIC DIGIT FIVE}".encode(), body=b"hello" + CONTRABAND),
    "a length with a fraction": post(b"Content-Length: 5.0", body=b"hello" + CONTRABAND),
    "a length and chunks": post(b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\n" + CONTRABAND),
    "chunks and a length": post(CHUNKED, b"Content-Length: 5", body=b"0\r\n\r\n" + CONTRABAND),
    "chunks of HTTP/1.0": post(CHUNKED, b"Connection: keep-alive", body=b"0\r\n\r\n" + CONTRABAND, version=b"1.0"),
    "a coding that nobody knows": post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + CONTRABAND),
    "chunks that are not last": post(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n" + CONTRABAND),
    "a coding before the chunks": post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n" + CONTRABAND),
    "two codings": post(CHUNKED, b"Transfer-Encoding: identity", body=b"0\r\n\r\n" + CONTRABAND),
    "chunks twice": post(CHUNKED, CHUNKED, body=b"0\r\n\r\n" + CONTRABAND),
    "a coding with a vertical tab": post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n" + CONTRABAND),
    "a coding in quotes": post(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n" + CONTRABAND),
    # whose header is it? (RFC 9112, 5.1 and 5.2)
    "a space before the colon": post(b"Content-Length : %d" % len(CONTRABAND), body=CONTRABAND),
    "a space before the colon of a coding": post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n" + CONTRABAND),
    "a first header that begins with a space": get(b" X: y", host=b"") + CONTRABAND,
    "a header without a colon": get(b"X") + CONTRABAND,
    "a header without a name": get(b": y") + CONTRABAND,
    "a name in two words": get(b"X Y: z") + CONTRABAND,
    "a name with a NUL": get(b"X\0: y") + CONTRABAND,
    "a name that is not ASCII": get("Ä: y".encode()) + CONTRABAND,
    "a bare CR in a value": get(b"X: a\rContent-Length: 50") + CONTRABAND,
    "a NUL in a value": get(b"X: a\0b") + CONTRABAND,
    "no host": get(host=b"") + CONTRABAND,
    "two hosts": get(b"Host: other") + CONTRABAND,
    "a host in two words": get(host=b"Host: server other") + CONTRABAND,
    "a host with a user": get(host=b"Host: user@server") + CONTRABAND,
    "a host with a path": get(host=b"Host: server/x") + CONTRABAND,
    "a host with two ports": get(host=b"Host: server:80:81") + CONTRABAND,
    "a host that is not ASCII": get(host="Host: b\u00fccher".encode()) + CONTRABAND,
    "half a host in brackets": get(host=b"Host: [::1") + CONTRABAND,
    "a user in the target": get(line=b"GET http://user@server/echo HTTP/1.1") + CONTRABAND,
    "an empty host in the target": get(line=b"GET http:///echo HTTP/1.1") + CONTRABAND,
    "a fragment": get(line=b"GET /echo#fragment HTTP/1.1") + CONTRABAND,
    "two empty lines before it": b"\r\n\r\n" + get() + CONTRABAND,
    # chunks (RFC 9112, 7.1)
    "a size with a sign": post(CHUNKED, body=b"+5\r\nhello\r\n0\r\n\r\n" + CONTRABAND),
    "a size with a base": post(CHUNKED, body=b"0x5\r\nhello\r\n0\r\n\r\n" + CONTRABAND),
    "a size with an underscore": post(CHUNKED, body=b"1_0\r\nhello\r\n0\r\n\r\n" + CONTRABAND),
    "a size below zero": post(CHUNKED, body=b"-1\r\nhello\r\n0\r\n\r\n" + CONTRABAND),
    "a size without end": post(CHUNKED, body=b"F" * 30 + b"\r\nhello\r\n" + CONTRABAND),
    "no size": post(CHUNKED, body=b"\r\nhello\r\n0\r\n\r\n" + CONTRABAND),
    "an LF in an extension": post(CHUNKED, body=b"0;a\n\r\n" + CONTRABAND),
    "an LF as the end of the trailers": post(CHUNKED, body=b"0\r\n\n" + CONTRABAND),
    "an LF after a trailer": post(CHUNKED, body=b"0\r\nX: y\n\n" + CONTRABAND),
    "an LF after a size": post(CHUNKED, body=b"0\n\n" + CONTRABAND),
    "a folded trailer": post(CHUNKED, body=b"0\r\nX: y\r\n z\r\n\r\n" + CONTRABAND),
    "a chunk that is longer than it says": post(CHUNKED, body=b"5\r\nhelloXX\r\n0\r\n\r\n" + CONTRABAND),
    # the first line (RFC 9112, 3)
    "two spaces": get(line=b"GET  /echo HTTP/1.1") + CONTRABAND,
    "tabs": get(line=b"GET\t/echo\tHTTP/1.1") + CONTRABAND,
    "a space in the target": get(line=b"GET /echo x HTTP/1.1") + CONTRABAND,
    "a method with a parenthesis": get(line=b"G(T /echo HTTP/1.1") + CONTRABAND,
    "a target that is not ASCII": get(line="GET /é HTTP/1.1".encode()) + CONTRABAND,
    "a target with a NUL": get(line=b"GET /\0 HTTP/1.1") + CONTRABAND,
    "a target without a slash": get(line=b"GET echo HTTP/1.1") + CONTRABAND,
    "a tunnel": get(line=b"CONNECT server:80 HTTP/1.1") + CONTRABAND,
    "HTTP/0.9": b"GET /echo\r\n\r\n" + CONTRABAND,
    "HTTP/3.0": get(line=b"GET /echo HTTP/3.0") + CONTRABAND,
    "HTTP/11": get(line=b"GET /echo HTTP/11") + CONTRABAND,
    "http in small letters": get(line=b"GET /echo http/1.1") + CONTRABAND,
    "TLS": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(200),
    # too much of it
    "ten thousand empty header lines": get(*[b"a:"] * 10_000) + CONTRABAND,
    "a line of 100 kB": get(b"X: " + b"y" * 100_000) + CONTRABAND,
    "a target of 100 kB": get(line=b"GET /" + b"a" * 100_000 + b" HTTP/1.1") + CONTRABAND,
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_can_be_understood_in_two_ways_is_refused_and_the_connection_closed(server, case):
    before = server.report().get("smuggled", 0)
    with leaving_nothing(server):
        received = exchange(server, REFUSED[case])

        assert b"smuggled" not in received
        assert len(statuses(received)) <= 1  # none where the reset has overtaken it
        assert all(400 <= status < 600 for status in statuses(received)), received
    assert server.report().get("smuggled", 0) == before


# -- taken --------------------------------------------------------------------------------------------------------------

HELLO = b'"body":"hello"'
TAKEN = {
    "the same length twice": (post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"), HELLO),
    "a length among tabs": (post(b"Content-Length:\t5\t", body=b"hello"), HELLO),
    "a coding in capitals": (post(b"TRANSFER-ENCODING: CHUNKED", body=b"5\r\nhello\r\n0\r\n\r\n"), HELLO),
    "chunks in pieces": (post(CHUNKED, body=b"1\r\nh\r\n003\r\nell\r\n1\r\no\r\n000\r\n\r\n"), HELLO),
    "extensions": (post(CHUNKED, body=b'5;a=b;c="d"\r\nhello\r\n0;e\r\n\r\n'), HELLO),
    "trailers": (post(CHUNKED, body=b"5\r\nhello\r\n0\r\nHost: evil\r\nContent-Length: 9\r\n\r\n"), b'"host":"server"'),
    "a request as a body": (post(LENGTH, body=CONTRABAND), b"GET /smuggled"),
    "a GET with a body": (get(LENGTH) + CONTRABAND, b"GET /smuggled"),
    "an empty host": (get(host=b"Host:"), b'"host":""'),
    "the whole URL": (get(line=b"GET http://server/echo HTTP/1.1"), b'"host":"server"'),
    "the whole URL, whose host counts": (get(line=b"GET http://other/echo HTTP/1.1"), b'"host":"other"'),
    "the whole URL in capitals": (get(line=b"GET HTTP://SERVER/echo HTTP/1.1"), b'"method":"GET"'),
    "an upgrade that nobody knows": (get(b"Connection: upgrade", b"Upgrade: foo"), b'"method":"GET"'),
    "an upgrade to HTTP/2": (
        get(b"Connection: upgrade, http2-settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"),
        b'"method":"GET"',
    ),
    "an upgrade to HTTP/2 with a body": (
        post(b"Connection: upgrade", b"Upgrade: h2c", b"HTTP2-Settings: ", b"Content-Length: 5", body=b"hello"),
        HELLO,
    ),
    "an upgrade to HTTP/2 with a chunked body": (
        post(b"Connection: upgrade", b"Upgrade: h2c", b"HTTP2-Settings: ", CHUNKED, body=b"5\r\nhello\r\n0\r\n\r\n"),
        HELLO,
    ),
    "an empty line before it": (b"\r\n" + get(), b'"method":"GET"'),
    "an empty line after a body": (post(b"Content-Length: 5", body=b"hello\r\n"), HELLO),
    "an IPv6 host": (get(host=b"Host: [::1]:80"), b'"host":"[::1]:80"'),
    "a value that is not ASCII": (get("X: ä".encode()), b'"method":"GET"'),
}


@pytest.mark.parametrize("case", TAKEN)
def test_what_the_standard_allows_is_taken_and_the_next_request_is_the_next_one(server, case):
    request, words = TAKEN[case]
    before = server.report().get("smuggled", 0)
    with leaving_nothing(server):
        received = exchange(server, request + LAST)

        assert statuses(received) == [200, 200], received
        assert words in received.split(b"HTTP/1.1 ")[1]
        assert b'"host":"last"' in received.split(b"HTTP/1.1 ")[2]
    assert server.report().get("smuggled", 0) == before


# -- either -------------------------------------------------------------------------------------------------------------

EITHER = {
    "a folded value": get(b"X: a\r\n b"),
    "a folded coding": post(b"Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n"),
    "lines that end with LF alone": b"GET /echo HTTP/1.1\nHost: server\n\n",
    "a size with a space after it": post(CHUNKED, body=b"5 \r\nhello\r\n0\r\n\r\n"),
    "HTTP/1.2": get(line=b"GET /echo HTTP/1.2"),
    "an extension of twenty kilobytes": post(CHUNKED, body=b"5;" + b"a" * 20_000 + b"\r\nhello\r\n0\r\n\r\n"),
    "an expectation that nobody knows": post(b"Expect: 200-ok", b"Content-Length: 5", body=b"hello"),
    "an asterisk": get(line=b"OPTIONS * HTTP/1.1"),
    "a method that nobody knows": get(line=b"FOO /echo HTTP/1.1"),
}


@pytest.mark.parametrize("case", EITHER)
def test_what_a_server_may_take_or_not_is_one_request(server, case):
    with leaving_nothing(server):
        received = exchange(server, EITHER[case] + LAST)

        first, *others = statuses(received)
        assert others == ([200] if b'"host":"last"' in received else [])
        assert others or first >= 400


def test_a_method_in_small_letters_is_another_method(server):
    received = exchange(server, get(line=b"get /echo HTTP/1.1") + LAST)

    assert statuses(received)[0] in (405, 501)


def test_trace_tells_nobody_the_cookies(server):
    received = exchange(server, get(b"Cookie: secret", line=b"TRACE /echo HTTP/1.1") + LAST)

    assert b"secret" not in received


def test_what_follows_a_head_request_is_the_next_response(server):
    received = exchange(server, get(line=b"HEAD /echo HTTP/1.1") + LAST)

    first, second = received.split(b"HTTP/1.1 ")[1:]
    assert first.endswith(b"\r\n\r\n")
    assert b'"host":"last"' in second
