"""HTTP/2 that nobody sends by accident: it leaves nothing behind, and holds up nobody."""

import signal
import time
from contextlib import suppress

import pytest

from tests.integration.clients import HTTP2, PATIENCE
from tests.integration.hostility import MEBIBYTE, TICK, is_closed, leaving_nothing
from tests.integration.server import chirp_trio, kept_in_order, wait_until

PING = b"\0\0\x08\x06\0\0\0\0\0" + b"hello..."


@pytest.fixture(scope="module")
def server():
    with chirp_trio("besieged:app") as server, kept_in_order(server):
        yield server


def become_idle(client):
    """Open a stream, and give it up."""
    response = client.request("/ticks")
    client.wait_for(response, TICK)
    client.reset(response)


def test_idle_connections_are_closed_in_time():
    with (
        chirp_trio("besieged:app", "--head-timeout", "1", "--keep-alive-timeout", "1") as server,
        HTTP2(server.address) as silent,
        HTTP2(server.address) as fickle,
    ):
        become_idle(fickle)
        for client in silent, fickle:
            wait_until(lambda client=client: is_closed(client))
            assert is_closed(client)


def test_idle_connections_do_not_hold_up_the_end_of_the_server():
    with (
        chirp_trio("besieged:app", "--graceful-timeout", "1000") as server,
        HTTP2(server.address),
        HTTP2(server.address) as fickle,
    ):
        become_idle(fickle)
        server.signal(signal.SIGTERM)

        assert server.wait() == 0


def test_a_reset_of_the_connection_ends_all_of_its_streams():
    with chirp_trio("besieged:app") as server:
        server.get("/finite/function")
        server.rest()
        for _ in range(30):
            with HTTP2(server.address) as client:
                for _ in range(20):
                    client.request("/ticks")
                client.leave_by_reset()
        report = server.wait_until_at_rest()

        assert report["ticks opened"] == report["ticks closed"]


def test_streams_that_are_reset_as_fast_as_they_are_opened_leave_nothing(server):
    with leaving_nothing(server):
        with HTTP2(server.address) as client, suppress(ConnectionError):
            for _ in range(1000):
                client.reset(client.request("/ticks"))
        time.sleep(0.1)


def test_pings_without_end_end_their_connection(server):
    memory = server.resident_bytes()
    with leaving_nothing(server), HTTP2(server.address, receive_buffer=4096) as client, suppress(ConnectionError):
        deadline = time.monotonic() + PATIENCE
        while True:
            assert time.monotonic() < deadline
            client.socket.sendall(PING * 1000)  # and its answers are not read
    assert server.resident_bytes() < memory + 8 * MEBIBYTE


def test_ten_thousand_header_lines_get_an_error_or_a_stream(server):
    with leaving_nothing(server), HTTP2(server.address) as client, suppress(EOFError, ConnectionError):
        client.wait_for(client.request("/ticks", headers=[(f"x-{number}", "y") for number in range(10_000)]), TICK)


def test_an_endless_body_is_drained_beside_the_stream(server):
    with leaving_nothing(server), HTTP2(server.address) as client:
        response = client.request("/ticks", body_follows=True)
        for _ in range(100):
            while client.may_send(response) < 0x1000:
                client.receive()
            client.send_data(response, b"x" * 0x1000)
        response.body = b""
        client.wait_for(response, TICK * 2)
