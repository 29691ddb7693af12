"""The access log of a real server: what its clients have got, and how that ended."""

import re
import signal

import pytest

from tests.integration.clients import HTTP1, HTTP2
from tests.integration.server import chirp_trio

PROTOCOLS = pytest.mark.parametrize(
    ("protocol", "version"), [(HTTP1, "HTTP/1.1"), (HTTP2, "HTTP/2")], ids=["HTTP/1.1", "HTTP/2"]
)
FIRST = b"data: first\n\n"


@pytest.fixture
def server():
    with chirp_trio("endings:app", "--access-log") as server:
        yield server


def the_entry(server):
    """The one line that there is, once it has come, without the duration."""
    server.wait_for_line("chirp_trio.access: ")
    (line,) = [line for line in server.lines() if "chirp_trio.access: " in line]
    return re.sub(r"\d+\.\d{3} s", "N s", line.removeprefix("INFO chirp_trio.access: "))


@PROTOCOLS
def test_a_stream_that_is_exhausted_is_complete(server, protocol, version):
    with protocol(server.address) as client:
        response = client.request("/finite/function")
        client.wait_for_end(response)

    size = len(response.body)
    assert the_entry(server) == f'127.0.0.1 "GET /finite/function {version}" 200 {size} bytes N s complete'


@PROTOCOLS
def test_a_client_that_leaves_has_one_line_when_it_has_left(server, protocol, version):
    with protocol(server.address) as client:
        client.wait_for(client.request("/quiet/function"), FIRST)
        assert len(server.lines()) == 1  # the start-up line

    assert the_entry(server) == f'127.0.0.1 "GET /quiet/function {version}" 200 {len(FIRST)} bytes N s client left'
    assert server.stop() == 0
    the_entry(server)


@PROTOCOLS
def test_the_end_of_the_server_completes_a_stream(server, protocol, version):
    with protocol(server.address) as client:
        response = client.request("/quiet/function")
        client.wait_for(response, FIRST)
        server.signal(signal.SIGTERM)
        client.wait_for_end(response)
    assert server.wait() == 0

    size = len(FIRST + b"retry: 1234\n")
    assert the_entry(server) == f'127.0.0.1 "GET /quiet/function {version}" 200 {size} bytes N s complete'


def test_an_error_has_its_status(server):
    _, body = server.get("/refuses/function")

    assert the_entry(server) == f'127.0.0.1 "GET /refuses/function HTTP/1.1" 403 {len(body)} bytes N s complete'
