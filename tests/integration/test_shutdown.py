"""Signals: every client gets a proper end, every source is closed, and the process is gone soon after."""

import re
import signal
import time

import pytest

from tests.integration.clients import HTTP1, HTTP2
from tests.integration.server import SERVERS, chirp_trio, ended, last_report, wait_until

FIRST = b"data: first\n\n"
SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])


@SIGNALS
@pytest.mark.parametrize("start", SERVERS.values(), ids=SERVERS)
def test_a_signal_completes_every_body_and_stops_the_server(start, number):
    with (
        start("endings:app") as server,
        HTTP1(server.address) as one,
        HTTP1(server.address) as two,
        HTTP2(server.address) as three,
    ):
        responses = {
            "/quiet/function": (one, one.request("/quiet/function")),
            "/quiet/nursery": (two, two.request("/quiet/nursery")),
            "/quiet/safe-channel": (three, three.request("/quiet/safe-channel")),
        }
        for client, response in responses.values():
            client.wait_for(response, FIRST)
        mark = server.mark()
        server.signal(number)
        for client, response in responses.values():
            client.wait_for_end(response)

        assert server.wait() == 0
        for _, response in responses.values():
            retry = re.fullmatch(FIRST + rb"retry: (\d+)\n", response.body)
            assert retry, response.body
            assert 1000 <= int(retry[1]) <= 5000
        *log, last = server.lines(mark)
        assert sorted(log) == [ended(path, "shutdown") for path in responses]
        assert last_report(last) == {"quiet opened": 3, "quiet closed": 3, "left": []}


def test_a_signal_completes_every_body_of_an_http2_connection():
    """Under hypercorn's command, which closes the connection as soon as the first of its streams has ended, it does not."""
    with chirp_trio("endings:app") as server, HTTP2(server.address) as client:
        responses = [client.request("/quiet/function") for _ in range(5)]
        for response in responses:
            client.wait_for(response, FIRST)
        server.signal(signal.SIGTERM)

        for response in responses:
            client.wait_for_end(response)


@pytest.mark.parametrize("start", SERVERS.values(), ids=SERVERS)
def test_a_reader_that_stalls_holds_up_neither_the_server_nor_the_other_streams(start):
    with (
        start("endings:app") as server,
        HTTP1(server.address) as client,
        HTTP1(server.address, receive_buffer=4096) as stalled,
    ):
        stalled.request("/patient")
        wait_until_stalled(server)
        response = client.request("/quiet/function")
        client.wait_for(response, FIRST)
        mark = server.mark()
        server.signal(signal.SIGTERM)
        client.wait_for_end(response)

        assert server.wait() == 0
        *log, last = server.lines(mark)
        assert sorted(log) == [ended("/patient", "shutdown"), ended("/quiet/function", "shutdown")]
        report = last_report(last)
        assert (report["flood closed"], report["quiet closed"], report["left"]) == (1, 1, [])


def test_an_http2_reader_that_stalls_does_not_hold_up_the_server_either():
    with (
        chirp_trio("endings:app", "--graceful-timeout", "1000") as server,
        HTTP2(server.address, receive_buffer=4096, window=2**31 - 1) as stalled,
    ):
        stalled.request("/patient")
        wait_until_stalled(server)
        server.signal(signal.SIGTERM)

        assert server.wait() == 0


def clinging(server, number):
    """A server whose only stream has a source that does not end, and that has been told to stop."""
    client = HTTP1(server.address)
    response = client.request("/clinging")
    client.wait_for(response, FIRST)
    server.signal(number)
    client.wait_for(response, b"retry: ")
    return client


def test_a_second_interrupt_ends_the_process_at_once():
    with chirp_trio("endings:app") as server, clinging(server, signal.SIGINT):
        time.sleep(0.6)  # sooner it is the same one, which somebody else has passed on
        assert server.process.poll() is None

        server.signal(signal.SIGINT)

        assert server.wait() == 128 + signal.SIGINT


def test_a_second_sigterm_is_the_same_stop_whose_end_is_certain():
    options = ["--graceful-timeout", "1", "--shutdown-timeout", "0"]
    with chirp_trio("endings:app", *options) as server, clinging(server, signal.SIGTERM):
        server.signal(signal.SIGTERM)

        assert server.wait() == 1
        line = server.wait_for_line("has not stopped within 3 s, and is ended now")
        assert "sources.py" in line.string


def wait_until_stalled(server):
    """Wait until the source of `/patient` is blocked, because its client does not read."""
    readings = [0, -1]

    def stands_still():
        time.sleep(0.2)
        readings.append(server.report().get("flood yielded", 0))
        return readings[-1] == readings[-2] > 0

    wait_until(stands_still)
    assert readings[-1] == readings[-2] > 0
