"""HTTP/1.1 that nobody sends by accident: each request gets an error or its stream, and leaves nothing behind."""

import time
from contextlib import suppress

import pytest

from tests.integration.clients import HTTP1, HTTP2, PATIENCE, Client
from tests.integration.hostility import MEBIBYTE, TICK, TIMEOUTS, is_closed, leaving_nothing, send_without_end
from tests.integration.server import chirp_trio, ended, kept_in_order, wait_until

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DEPARTURES = pytest.mark.parametrize("leave", [Client.leave, Client.leave_by_reset], ids=["FIN", "RST"])


def head(path, *lines):
    method = "POST" if path == "/read" else "GET"
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: server", *lines, "", ""]).encode()


@pytest.fixture(scope="module")
def server():
    with chirp_trio("besieged:app") as server, kept_in_order(server):
        yield server


@pytest.fixture(scope="module")
def other_server():
    with chirp_trio("besieged:app", "--graceful-timeout", "1000") as server:
        server.get("/finite/function")
        server.rest()
        yield server


def receive_until(client, text):
    received = b""
    while text not in received:
        data = client.socket.recv(65536)
        assert data, f"the server closed the connection after {received!r}"
        received += data
    return received


def receive_all(client):
    """What comes until the server closes the connection."""
    received = b""
    with suppress(ConnectionError):
        while data := client.socket.recv(65536):
            received += data
    return received


# -- nothing, or half a request -----------------------------------------------------------------------------------------


def open_files_at_rest(server):
    """How many there are, once that has not changed for a moment."""
    counts = []

    def is_at_rest():
        counts.append(server.open_files())
        return len(counts) > 20 and len(set(counts[-20:])) == 1

    wait_until(is_at_rest)
    return counts[-1]


def test_an_idle_connection_is_closed_as_soon_as_its_client_leaves():
    with chirp_trio("besieged:app", "--keep-alive-timeout", "1000", "--head-timeout", "1000") as server:
        server.get("/finite/function")  # what is open only at the start is closed by then
        files = open_files_at_rest(server)
        clients = [HTTP1(server.address), HTTP1(server.address), HTTP2(server.address), HTTP2(server.address)]
        for client in clients[1:3]:
            client.wait_for_end(client.request("/finite/function"))
        wait_until(lambda: server.open_files() == files + len(clients))
        for client in clients:
            client.leave()
        wait_until(lambda: server.open_files() == files)

        assert server.open_files() == files


BEGINNINGS = {
    "nothing": b"",
    "a line": b"GET /ticks HT",
    "headers": b"GET /ticks HTTP/1.1\r\nHost: server\r\n",
    "a request after another": head("/finite/function") + b"GET",
}


def test_clients_that_never_complete_a_request_are_sent_away():
    with chirp_trio("besieged:app", *TIMEOUTS) as server, kept_in_order(server), leaving_nothing(server):
        began = time.monotonic()
        silent = [HTTP1(server.address) for _ in range(10) for _ in BEGINNINGS]
        dripping = [HTTP1(server.address) for _ in range(10)]
        for client, beginning in zip(silent, [*BEGINNINGS.values()] * 10, strict=True):
            client.socket.sendall(beginning)
        for client in dripping:
            client.socket.sendall(BEGINNINGS["headers"])
        left = {*silent, *dripping}
        while left and time.monotonic() - began < PATIENCE:
            for client in left.intersection(dripping):
                with suppress(ConnectionError):
                    client.socket.sendall(b"X: y\r\n")
            time.sleep(0.1)
            left = {client for client in left if not is_closed(client)}

        assert not left
        for client in silent + dripping:
            client.leave()


HALVES = {
    "a line": b"GET /ticks HT",
    "headers": b"GET /ticks HTTP/1.1\r\nHost: server\r\nX: ",
    "a body that a stream drains": head("/silent", "Content-Length: 10") + b"half",
    "a body that a handler reads": head("/read", "Content-Length: 10") + b"half",
    "a chunk": head("/read", "Transfer-Encoding: chunked") + b"a\r\nhalf",
    "an HTTP/2 preface": PREFACE[:10],
    "an HTTP/2 frame": PREFACE + b"\0\0\xff\4\0\0\0\0\0",
}


@DEPARTURES
@pytest.mark.parametrize("half", HALVES)
def test_half_a_request_is_over_when_its_client_leaves(server, half, leave):
    with leaving_nothing(server), HTTP1(server.address) as client:
        client.socket.sendall(HALVES[half])
        time.sleep(0.02)  # so that it arrives as a half
        leave(client)


# -- too much -----------------------------------------------------------------------------------------------------------

LINES = {
    "all different": [f"X-{number}: y" for number in range(10_000)],
    "all the same": ["a: b"] * 10_000,
}


@pytest.mark.parametrize("pieces", [1, 100])
@pytest.mark.parametrize("lines", LINES)
def test_ten_thousand_header_lines_get_an_error_or_a_stream(server, lines, pieces):
    request = head("/ticks", *LINES[lines])
    size = len(request) // pieces + 1
    received = b""
    with leaving_nothing(server), HTTP1(server.address) as client, suppress(ConnectionError):
        # A reset is an error too: that of a server that has said what is wrong, and has not read all.
        for start in range(0, len(request), size):
            client.socket.sendall(request[start : start + size])
            time.sleep(0.001)
        received = client.socket.recv(65536)

        assert received.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 200 "))


BODIES = {
    "with a length": head("/ticks", "Content-Length: 5") + b"hello",
    "in chunks": head("/ticks", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n",
    "that does not come": head("/ticks", "Content-Length: 5"),
    "that asks first": head("/ticks", "Content-Length: 5", "Expect: 100-continue"),
}


@DEPARTURES
@pytest.mark.parametrize("body", BODIES)
def test_a_get_with_a_body_gets_its_stream(server, body, leave):
    with leaving_nothing(server), HTTP1(server.address) as client:
        client.socket.sendall(BODIES[body])
        receive_until(client, TICK)
        leave(client)


CHUNK = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"


def test_an_endless_body_is_drained_beside_the_stream(server):
    with leaving_nothing(server), HTTP1(server.address) as client:
        client.socket.sendall(head("/ticks", "Transfer-Encoding: chunked"))
        memory = server.resident_bytes()
        sent, received, is_open = send_without_end(client, CHUNK)

        assert is_open
        assert received.count(TICK) > 1
        assert sent > MEBIBYTE
        assert server.resident_bytes() < memory + 8 * MEBIBYTE


@pytest.mark.parametrize("path", ["/report", "/finite/function", "/read", "/nowhere"])
def test_an_endless_body_ends_with_the_answer(server, path):
    with leaving_nothing(server), HTTP1(server.address) as client:
        client.socket.sendall(head(path, "Transfer-Encoding: chunked"))
        _, _, is_open = send_without_end(client, CHUNK, seconds=20)

        assert not is_open


# -- what follows a request ---------------------------------------------------------------------------------------------

FOLLOWERS = {
    "garbage": bytes(range(256)),
    "an empty line": b"\r\n",
    "a request": head("/ticks"),
    "half a request": head("/ticks")[:10],
}
FOLLOWED = pytest.mark.parametrize("follower", FOLLOWERS)


def test_requests_in_advance_are_answered_one_after_the_other(server):
    with leaving_nothing(server), HTTP1(server.address) as client:
        client.socket.sendall(head("/finite/function") * 3 + head("/ticks", "Connection: close"))
        received = receive_until(client, TICK)

        assert received.count(b"data: second\n\n") == 3
        assert received.count(b"HTTP/1.1 200") == 4


def test_garbage_in_advance_is_an_error_after_the_answer(server):
    with leaving_nothing(server), HTTP1(server.address) as client:
        client.socket.sendall(head("/finite/function") + FOLLOWERS["garbage"])
        received = receive_all(client)

        assert received.count(b"data: second\n\n") == 1
        assert b"HTTP/1.1 400" in received


@FOLLOWED
def test_a_stream_goes_on_until_its_client_leaves_whatever_follows_its_request(other_server, follower):
    mark = other_server.mark()
    with HTTP1(other_server.address) as client:
        client.socket.sendall(head("/ticks") + FOLLOWERS[follower])
        receive_until(client, TICK)
        receive_until(client, TICK)
    other_server.wait_for_line("/ticks: ended, disconnected", since=mark)


def test_a_flood_after_the_request_fills_no_memory(other_server):
    with HTTP1(other_server.address) as client:
        client.socket.sendall(head("/ticks"))
        memory = other_server.resident_bytes()
        send_without_end(client, b"x" * 65536)

        assert other_server.resident_bytes() < memory + 8 * MEBIBYTE


@DEPARTURES
def test_a_stream_that_sends_nothing_ends_when_its_client_leaves_whatever_follows_its_request(other_server, leave):
    mark = other_server.mark()
    with HTTP1(other_server.address) as client:
        client.socket.sendall(head("/silent") + FOLLOWERS["garbage"])
        receive_until(client, b"data: first\n\n")
        leave(client)
    other_server.wait_for_line(ended("/silent", "disconnected"), since=mark)


def test_nothing_is_left_of_streams_whatever_followed_their_requests(other_server):
    other_server.wait_until_at_rest()


def test_what_follows_a_request_does_not_hold_up_the_end_of_the_server(other_server):
    with HTTP1(other_server.address) as client:
        client.socket.sendall(head("/ticks") + FOLLOWERS["garbage"])
        receive_until(client, TICK)

        assert other_server.stop() == 0
        assert b"0\r\n\r\n" in receive_all(client)  # the end of the body
