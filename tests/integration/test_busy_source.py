"""What never waits, or never reads, holds up nobody else."""

import threading
from contextlib import contextmanager

import pytest

from tests.integration.clients import HTTP1, HTTP2
from tests.integration.server import SERVERS, chirp_trio, ended, ending, kept_in_order

PROTOCOLS = pytest.mark.parametrize("protocol", [HTTP1, HTTP2], ids=["HTTP/1.1", "HTTP/2"])
BUSY = pytest.mark.parametrize("busy", ["flood", "trickle"])
TICKS = b"".join(b"data: %d\n\n" % number for number in range(1, 6))


@pytest.fixture(scope="module", params=SERVERS)
def server(request):
    with SERVERS[request.param]("busy:app") as server, kept_in_order(server):
        yield server


@contextmanager
def reading(client, path):
    """A client that reads all that comes, as fast as it can, until the block is left."""
    response = client.request(path)
    client.receive()
    over = threading.Event()

    def read():
        while not over.is_set():
            client.receive()
            response.body = response.body[-10:]

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@PROTOCOLS
@BUSY
def test_other_connections_go_on_beside_a_source_that_never_waits(server, protocol, busy):
    mark = server.mark()
    with protocol(server.address) as client, reading(client, f"/{busy}/function"):
        for other_protocol in HTTP1, HTTP2:
            with other_protocol(server.address) as other:
                response = other.request("/ticks/function")
                other.wait_for_end(response)

                assert response.body == TICKS
    server.wait_for_line(f"/{busy}/function: ended, disconnected", since=mark)
    server.wait_until_at_rest()


@BUSY
def test_other_streams_of_an_http2_connection_go_on_beside_it(server, busy):
    mark = server.mark()
    with HTTP2(server.address) as client:
        torrent = client.request(f"/{busy}/function")
        for _ in range(2):
            response = client.request("/ticks/function")
            while not response.complete:
                client.receive()
                torrent.body = b""

            assert response.body == TICKS
        client.reset(torrent)
        server.wait_for_line(f"/{busy}/function: ended, disconnected", since=mark)
    server.wait_until_at_rest()


@PROTOCOLS
@BUSY
def test_a_source_that_never_waits_is_closed_when_its_client_leaves(server, protocol, busy):
    path = f"/{busy}/function"
    with ending(server, busy, ended(path, "disconnected")), protocol(server.address) as client:
        client.wait_for(client.request(path), b"x")


# -- request bodies that nobody reads -----------------------------------------------------------------------------------

MANY = [b"piece"] * 40  # hypercorn's queue holds ten


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [("/answer", 200, b"answered"), ("/error", 500, b"could not answer"), ("/nowhere", 404, b"Not Found")],
    ids=["a handler", "an error", "no route"],
)
def test_a_request_body_that_nobody_reads_is_no_reason_to_hang(server, path, status, text):
    with HTTP1(server.address) as client:
        response = client.request(path, method="POST", body=MANY)
        client.wait_for_end(response)

        assert response.status == status
        assert text in response.body
    server.wait_until_at_rest()


def test_an_event_stream_reads_what_its_handler_has_not(server):
    with ending(server, "finite", ended("/finite/function", "completed")), HTTP1(server.address) as client:
        response = client.request("/finite/function", method="POST", body=MANY)
        client.wait_for_end(response)

        assert response.body == b"data: first\n\ndata: second\n\n"


@PROTOCOLS
def test_the_end_of_a_client_that_has_sent_a_body_is_seen(server, protocol):
    with ending(server, "quiet", ended("/quiet/function", "disconnected")), protocol(server.address) as client:
        client.wait_for(client.request("/quiet/function", method="POST", body=MANY), b"data: first\n\n")


@pytest.mark.parametrize("path", ["/answer", "/finite/function"], ids=["a handler", "an event stream"])
def test_http2_is_answered_too_when_nobody_reads_its_body(path):
    with chirp_trio("busy:app") as server, HTTP2(server.address) as client:
        client.wait_for_end(client.request(path, method="POST", body=MANY))
        client.wait_for_end(client.request("/finite/function"))
