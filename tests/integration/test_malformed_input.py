"""Whatever a client sends, it ends nothing but its own connection, and fills no memory."""

import time
from contextlib import suppress

import pytest

from tests.integration.clients import HTTP1, HTTP2
from tests.integration.server import chirp_trio

UPGRADE = (
    b"GET / HTTP/1.1\r\n"
    b"Host: server\r\n"
    b"Connection: Upgrade\r\n"
    b"Upgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"\r\n"
)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

MALFORMED = {
    "noise": bytes(range(256)) * 4,
    "noise after a preface": PREFACE + bytes(range(256)) * 4,
    "a path that is not ASCII": b"GET /\xff HTTP/1.1\r\nHost: server\r\n\r\n",
    "a chunk without a length": b"POST / HTTP/1.1\r\nHost: server\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: server\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "endless headers": b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000,
    "a WebSocket": UPGRADE,
    "an upgrade to HTTP/2 without settings": b"GET / HTTP/1.1\r\nHost: server\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
}


@pytest.fixture(scope="module")
def server():
    with chirp_trio("endings:app") as server:
        yield server


@pytest.fixture
def own_server():
    with chirp_trio("endings:app") as server:
        yield server


def assert_serving(server):
    with HTTP1(server.address) as client:
        response = client.request("/finite/function")
        client.wait_for_end(response)

        assert response.body == b"data: first\n\ndata: second\n\n"


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_input_ends_its_own_connection_only(server, case):
    mark = server.mark()
    with HTTP1(server.address) as client:
        client.socket.sendall(MALFORMED[case])
        client.socket.recv(65536)
    with HTTP1(server.address) as client:
        client.socket.sendall(MALFORMED[case])
        client.leave_by_reset()

    assert_serving(server)
    server.wait_for_line("ended, completed", since=mark)
    assert len(server.lines(mark)) == 1


def test_data_for_an_http2_stream_that_is_answered_already(own_server):
    with HTTP2(own_server.address) as client:
        response = client.request("/nowhere", method="POST", body_follows=True)
        client.wait_for_end(response)
        client.socket.sendall(b"\0\0\4\0\0" + response.stream_id.to_bytes(4) + b"late")
        client.request("/finite/function")
        with suppress(EOFError):
            client.receive()

    assert_serving(own_server)


def test_data_for_a_websocket_that_is_refused(own_server):
    with HTTP1(own_server.address) as client:
        client.socket.sendall(UPGRADE + b"x")
        while client.socket.recv(65536):
            pass

    assert_serving(own_server)


def test_an_http2_client_that_closes_its_window_fills_no_memory(own_server):
    with HTTP2(own_server.address, window=0) as client:
        client.request("/patient")
        time.sleep(0.2)

        assert own_server.report().get("flood yielded", 0) < 1000  # of 2 kB each
