"""`--drain-delay`: not ready first, while requests are still taken, and then the stop."""

import signal

import pytest

from tests.integration.clients import HTTP1
from tests.integration.server import chirp_trio, wait_until

DELAY = "1.5"


def test_the_server_takes_requests_while_it_is_not_ready_any_more():
    with chirp_trio("healthy:app", "--drain-delay", DELAY) as server:
        assert server.get("/health/ready") == (200, b'{"status": "ready"}')
        server.signal(signal.SIGTERM)
        wait_until(lambda: server.get("/health/ready")[0] == 503)
        assert server.get("/health/live")[0] == 200  # on a connection of its own
        assert server.process.poll() is None
        assert server.wait() == 0
        with pytest.raises(ConnectionRefusedError):
            server.get("/health/live")


def test_streams_go_on_meanwhile_and_end_in_order():
    with chirp_trio("endings:app", "--drain-delay", DELAY) as server:
        with HTTP1(server.address) as client:
            response = client.request("/quiet/function")
            client.wait_for(response, b"data: first\n\n")
            server.signal(signal.SIGTERM)
            with HTTP1(server.address) as late:
                late.wait_for(late.request("/quiet/function"), b"data: first\n\n")
            client.wait_for_end(response)
        assert server.wait() == 0


def test_without_it_the_server_stops_at_once():
    with chirp_trio("healthy:app") as server:
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
