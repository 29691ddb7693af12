"""HTTP/2 that is odd (RFC 9113): a bad request costs itself, and only what breaks the connection ends the connection."""

import struct
import time

import pytest

from tests.integration import frames
from tests.integration.clients import PATIENCE, Client
from tests.integration.frames import FrameReader, data, frame, headers, request, request_headers, reset, window_update
from tests.integration.hostility import MEBIBYTE, TICK, leaving_nothing
from tests.integration.server import chirp_trio, kept_in_order, wait_until

BYSTANDER = 1  # the stream that goes on


@pytest.fixture(scope="module")
def server():
    with chirp_trio("besieged:app") as server, kept_in_order(server):
        yield server


class Frames(Client):
    """A connection that sends frames as they are, and has one stream of ticks."""

    def __init__(self, address, first=frames.START):
        super().__init__(address)
        self._reader = FrameReader()
        self.statuses = {}
        self.ended = set()
        self.resets = {}
        self.goaway = None  # the last stream and the code
        self.is_closed = False
        self.ticks = 0
        self.send(first + request(BYSTANDER, "/ticks"))

    def send(self, sent):
        self.socket.sendall(sent)

    def read(self):
        """Take in some frames, if any more come."""
        try:
            received = self.socket.recv(65536)
        except ConnectionError:
            received = b""
        self.is_closed = not received
        for kind, flags, stream, payload in self._reader.feed(received):
            if kind == frames.DATA and stream == BYSTANDER:
                self.ticks += payload.count(TICK)
            if kind == frames.HEADERS:
                self.statuses.setdefault(stream, int(self._reader.headers(payload)[":status"]))
            if kind in (frames.DATA, frames.HEADERS) and flags & frames.END_STREAM:
                self.ended.add(stream)
            if kind == frames.RST_STREAM:
                self.resets[stream] = int.from_bytes(payload)
            if kind == frames.GOAWAY:
                self.goaway = struct.unpack(">II", payload[:8])
            if kind == frames.SETTINGS and not flags & frames.ACK:
                self.send(frames.SETTINGS_ACK)

    def read_until(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition() and not self.is_closed and time.monotonic() < deadline:
            self.read()
        assert condition(), vars(self)

    def goes_on(self):
        """The bystander gets more, and another request is answered."""
        self.send(request(99, "/echo"))
        ticks = self.ticks
        self.read_until(lambda: self.ticks > ticks + 1 and 99 in self.ended)
        assert self.statuses[99] == 200
        assert self.goaway is None
        assert BYSTANDER not in self.resets


@pytest.fixture
def client(server):
    with leaving_nothing(server), Frames(server.address) as client:
        client.read_until(lambda: client.ticks)
        yield client


def odd(*further, method="GET", path="/echo", ends=True):
    return headers(3, [*request_headers(path, method=method), *further], ends=ends)


def without(name):
    return headers(3, [pair for pair in request_headers("/echo") if pair[0] != name])


# new server: most of these, and some below: the one before ended the connection, or silently its streams

# -- what costs its own stream ------------------------------------------------------------------------------------------

STREAM_ERRORS = {
    "a name in capitals": odd(("Foo", "x")),
    "connection": odd(("connection", "close")),
    "keep-alive": odd(("keep-alive", "5")),
    "transfer-encoding": odd(("transfer-encoding", "chunked")),
    "upgrade": odd(("upgrade", "h2c")),
    "te": odd(("te", "gzip")),
    "no method": without(":method"),
    "no path": without(":path"),
    "no scheme": without(":scheme"),
    "an empty path": odd(path=""),
    "a path without a slash": odd(path="echo"),
    "two paths": odd((":path", "/echo")),
    "a pseudo-header after the others": headers(3, [("x", "y"), *request_headers("/echo")]),
    "a pseudo-header that nobody knows": headers(3, [(":foo", "x"), *request_headers("/echo")]),
    "a pseudo-header of responses": headers(3, [(":status", "200"), *request_headers("/echo")]),
    "a value with LF": odd(("x", "a\nb")),
    "a value with CR": odd(("x", "a\rb")),
    "a value with NUL": odd(("x", "a\0b")),
    "a name with a space": odd(("x y", "a")),
    "a name with a colon": odd(("x:y", "a")),
    "an empty name": odd(("", "a")),
    "a path that is not ASCII": odd(path="/é"),
    "a method that is not ASCII": odd(method="GÉT"),
    "a path with a space": odd(path="/echo HTTP/1.1"),
    "a tunnel": headers(3, [(":method", "CONNECT"), (":authority", "server:80")]),
    "a tunnel with a path": odd(method="CONNECT"),
    "a length that is less": odd(("content-length", "1"), method="POST", ends=False) + data(3, b"hello", ends=True),
    "a length that is more": odd(("content-length", "9"), method="POST", ends=False) + data(3, b"hello", ends=True),
    "a length of a request without a body": odd(("content-length", "5"), method="POST"),
    "a length that is no number": odd(("content-length", "abc"), method="POST", ends=False) + data(3, b"x", ends=True),
    "two lengths": odd(("content-length", "1"), ("content-length", "2"), method="POST", ends=False)
    + data(3, b"x", ends=True),
    "a window that overflows": odd(method="POST", ends=False) + window_update(3, 2**31 - 1),
    "a window of zero more": odd(method="POST", ends=False) + window_update(3, 0),
    "more than its window": odd(method="POST", path="/busy", ends=False) + data(3, b"x" * 16_000) * 5,
    "a priority of another size": odd(method="POST", ends=False) + frame(frames.PRIORITY, 0, 3, bytes(4)),
    "a priority that depends on itself": odd(method="POST", ends=False) + frames.priority(3, 3),
    "a head that depends on itself": frame(
        frames.HEADERS,
        frames.END_HEADERS | frames.END_STREAM | 0x20,
        3,
        b"\0\0\0\3\0" + frames.block(request_headers("/echo")),
    ),
    "data after its end": odd(method="POST", path="/busy") + data(3, b"more"),
    "trailers that are not the end": odd(method="POST", ends=False) + data(3, b"x") + headers(3, [("x", "y")], ends=False),
    "a pseudo-header in trailers": odd(method="POST", ends=False) + data(3, b"x") + headers(3, [(":path", "/")]),
}


@pytest.mark.parametrize("case", STREAM_ERRORS)
def test_an_odd_request_costs_itself_and_nobody_else(client, case):
    client.send(STREAM_ERRORS[case])
    client.read_until(lambda: 3 in client.resets or 3 in client.statuses)

    assert 3 in client.resets or 400 <= client.statuses[3] < 600
    client.goes_on()


# -- what breaks the connection -----------------------------------------------------------------------------------------

CONNECTION_ERRORS = {
    "an even number": request(4, "/echo"),
    "a number that is less": request(7, "/echo") + request(5, "/echo"),
    "a window of zero more": window_update(0, 0),
    "a window that overflows": window_update(0, 2**31 - 1) + window_update(0, 2**31 - 1),
    "a promise": frame(frames.PUSH_PROMISE, frames.END_HEADERS, 1, b"\0\0\0\2" + frames.block(request_headers("/"))),
    "too large a window for all": frames.settings(initial_window_size=2**31),
    "too small a frame": frames.settings(max_frame_size=1),
    "too large a frame size": frames.settings(max_frame_size=2**24),
    "a switch that is neither on nor off": frames.settings(enable_push=2),
    "settings of a stream": frame(frames.SETTINGS, 0, 1),
    "settings of five bytes": frame(frames.SETTINGS, 0, 0, b"12345"),
    "an answer with settings": frame(frames.SETTINGS, frames.ACK, 0, bytes(6)),
    "a ping of a stream": frame(frames.PING, 0, 1, bytes(8)),
    "a ping of seven bytes": frame(frames.PING, 0, 0, bytes(7)),
    "data of no stream": data(0, b"x"),
    "headers of no stream": headers(0, request_headers("/")),
    "data before its request": data(3, b"x"),
    "a reset before its request": reset(3),
    "a window before its request": window_update(3, 1),
    "a reset of no stream": reset(0),
    "a reset of three bytes": frame(frames.RST_STREAM, 0, 1, bytes(3)),
    "a continuation of nothing": frames.continuation(3, b"", ends=True),
    "something between a head and its continuation": (
        frame(frames.HEADERS, frames.END_STREAM, 3, frames.block(request_headers("/echo"))) + frames.ping()
    ),
    "a continuation of another stream": (
        frame(frames.HEADERS, frames.END_STREAM, 3, frames.block(request_headers("/echo")))
        + frames.continuation(5, b"", ends=True)
    ),
    "more padding than there is": frame(frames.HEADERS, frames.END_HEADERS | frames.PADDED, 3, b"\xff" + b"x"),
    "a head that is no HPACK": frame(frames.HEADERS, frames.END_HEADERS, 3, b"\xff\xff\xff\xff\xff\xff"),
    "a head that refers to nothing": frame(frames.HEADERS, frames.END_HEADERS, 3, b"\xfe"),
    "a frame that is too large": frame(frames.DATA, 0, 1, bytes(20_000)),
}


@pytest.mark.parametrize("case", CONNECTION_ERRORS)
def test_what_breaks_the_connection_ends_it_with_a_reason(server, case):
    with leaving_nothing(server), Frames(server.address) as client:
        client.read_until(lambda: client.ticks)
        client.send(CONNECTION_ERRORS[case])
        client.read_until(lambda: client.is_closed)

        assert client.goaway is not None
        assert client.goaway[1] != frames.NO_ERROR


# -- what is allowed ----------------------------------------------------------------------------------------------------

ECHO = frames.block(request_headers("/echo"))
ALLOWED = {
    "frames that nobody knows": frame(99, 0xFF, 3, b"x") + request(3, "/echo"),
    "settings that nobody knows": frame(frames.SETTINGS, 0, 0, struct.pack(">HI", 0xFFFF, 7)) + request(3, "/echo"),
    "priority before the request": frames.priority(3, 0) + request(3, "/echo"),
    "priority after its end": request(3, "/echo") + frames.priority(3, 1),
    "padding": frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM | frames.PADDED, 3, b"\4" + ECHO + bytes(4)),
    "padded data": (
        request(3, "/echo", method="POST", ends=False)
        + frame(frames.DATA, frames.END_STREAM | frames.PADDED, 3, b"\3hello" + bytes(3))
    ),
    "a head in pieces": (
        frame(frames.HEADERS, frames.END_STREAM, 3, ECHO[:5])
        + frames.continuation(3, ECHO[5:20])
        + frames.continuation(3, ECHO[20:], ends=True)
    ),
    "trailers": request(3, "/echo", method="POST", ends=False) + data(3, b"x") + headers(3, [("x-checksum", "1")]),
    "te: trailers": request(3, "/echo", ("te", "trailers")),
    "cookies in pieces": request(3, "/echo", ("cookie", "a=b"), ("cookie", "c=d")),
    "a host beside the authority": request(3, "/echo", ("host", "server")),
    "a larger table": frames.settings(header_table_size=2**31 - 1) + request(3, "/echo"),
    "empty data": request(3, "/echo", method="POST", ends=False) + data(3) + data(3, ends=True),
    "a smaller frame size asked for later": frames.settings(max_frame_size=2**14) + request(3, "/echo"),
}


@pytest.mark.parametrize("case", ALLOWED)
def test_what_the_standard_allows_is_answered(client, case):
    client.send(ALLOWED[case])
    client.read_until(lambda: 3 in client.ended)

    assert client.statuses[3] == 200
    client.goes_on()


@pytest.mark.parametrize("late", [reset(3), window_update(3, 1), frames.priority(3, 1)], ids=["RST", "WINDOW", "PRIORITY"])
def test_what_comes_after_the_end_of_a_stream_changes_nothing(client, late):
    client.send(request(3, "/echo"))
    client.read_until(lambda: 3 in client.ended)
    client.send(late)

    client.goes_on()


# -- many on one connection ---------------------------------------------------------------------------------------------


def test_a_client_that_says_goodbye_reads_its_streams_to_their_end(client):
    client.send(request(3, "/busy") + frames.goaway())
    ticks = client.ticks
    client.read_until(lambda: 3 in client.ended)

    assert client.statuses[3] == 200
    client.read_until(lambda: client.ticks > ticks + 10)


def test_a_stream_goes_on_after_a_thousand_requests_and_the_next_ones_are_told_where_to_go(client):
    number = BYSTANDER
    while number < 2 * 1200 and client.goaway is None:
        numbers = range(number + 2, number + 2 * 51, 2)
        number = numbers[-1]
        client.send(b"".join(request(number, "/echo") for number in numbers))
        client.read_until(lambda: number in client.ended or client.goaway is not None)  # noqa: B023
    if client.goaway is not None:
        last, code = client.goaway
        assert code == frames.NO_ERROR
        client.read_until(lambda: {*range(3, last + 1, 2)} <= client.ended)
    ticks = client.ticks
    client.read_until(lambda: client.ticks > ticks + 10)


def test_a_request_that_is_reset_in_the_same_read_starts_nothing(server, client):
    before = server.report()["ticks opened"]
    client.send(b"".join(request(number, "/ticks") + reset(number) for number in range(3, 41, 2)))
    client.goes_on()

    assert server.report()["ticks opened"] == before


def test_a_body_that_nobody_reads_holds_up_nobody(client):
    client.send(request(3, "/busy", method="POST", ends=False) + data(3, b"x" * 1000) * 60)
    ticks = client.ticks
    client.read_until(lambda: client.ticks > ticks + 10)  # half a second of two

    assert 3 not in client.ended
    client.goes_on()


def test_pages_whose_windows_stay_closed_are_held_once_and_given_up():
    with chirp_trio("besieged:app", "--write-timeout", "1") as server:
        server.get("/finite/function")
        server.rest()
        memory = most = server.resident_bytes()
        with Frames(server.address, frames.PREFACE + frames.settings(initial_window_size=0)) as client:
            client.send(b"".join(request(number, "/page") for number in range(3, 83, 2)))
            done = False

            def is_given_up():
                nonlocal most, done
                most = max(most, server.resident_bytes())
                done = {*range(3, 83, 2)} <= client.resets.keys() or client.is_closed
                if not done:
                    client.read()
                return done

            wait_until(is_given_up)
            assert done

        server.wait_until_at_rest()
        assert most < memory + 70 * MEBIBYTE  # forty pages of 1 MB, and not three times that
