"""Readers that are slow and read all the time: they get all of it, and what that costs the server grows as the event does."""

import time

import pytest

from tests.certificates import client_context, make_certificate
from tests.integration.clients import HTTP1, HTTP2
from tests.integration.server import chirp_trio

MEBIBYTE = 1 << 20


def read_slowly(client, response, rate):
    """Read to the end, with pauses so that it is so many bytes a second; seconds that it took."""
    began = time.monotonic()
    while not response.complete:
        client.receive()
        ahead = len(response.body) / rate - (time.monotonic() - began)
        if ahead > 0:
            time.sleep(ahead)
    return time.monotonic() - began


@pytest.fixture(params=["HTTP/1.1", "TLS", "HTTP/2", "HTTP/2 over TLS"])
def slow(request, tmp_path):
    """A client with a small receive buffer, and its server."""
    protocol = HTTP2 if "HTTP/2" in request.param else HTTP1
    options, trust = [], None
    if "TLS" in request.param:
        certificate, key = make_certificate(tmp_path)
        options = ["--certfile", certificate, "--keyfile", key]
        trust = client_context(certificate, "h2" if protocol is HTTP2 else "http/1.1")
    with (
        chirp_trio("large:app", *options) as server,
        protocol(server.address, receive_buffer=65536, tls=trust) as client,
    ):
        yield client


def test_an_event_that_takes_many_times_the_send_timeout_arrives_whole_where_the_client_reads_all_the_time(slow):
    """The event stream gives up who takes no bytes for a second; this one takes three seconds."""
    response = slow.request("/large/6")

    assert read_slowly(slow, response, rate=2 * MEBIBYTE) > 2
    assert response.body == b"data: hello\n\ndata: " + b"x" * (6 * MEBIBYTE) + b"\n\n"


def test_what_a_large_event_costs_grows_no_faster_than_the_event():
    with chirp_trio("large:app") as server:

        def cost(mebibytes):
            with HTTP1(server.address, receive_buffer=16384) as client:
                before = float(server.get("/cpu")[1])
                client.socket.sendall(b"GET /large/%d HTTP/1.1\r\nhost: test\r\n\r\n" % mebibytes)
                left = mebibytes * MEBIBYTE
                while left > 0:
                    left -= len(client.socket.recv(8192))
                return float(server.get("/cpu")[1]) - before

        small, large = (min(cost(mebibytes) for _ in range(2)) for mebibytes in (6, 24))
    assert large < 8 * small  # 4 is linear, 16 quadratic
