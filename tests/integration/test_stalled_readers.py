"""Clients that do not read: they cost the others nothing, are given up in time, and fill no memory."""

import signal
import time
from contextlib import ExitStack
from statistics import median

import pytest

from tests.integration.clients import HTTP1, HTTP2, read_together
from tests.integration.server import chirp_trio, last_report, wait_until
from tests.integration.soak.settings import LONG

MANY = 100 if LONG else 40
STREAMS = 100  # that a connection may have, by hypercorn's default
MEBIBYTE = 2**20
ATTEMPTS = 5  # a busy machine delays whom it likes, but not each time


@pytest.fixture(scope="module")
def server():
    with chirp_trio("crowded:app") as server:
        yield server


@pytest.fixture
def connections():
    with ExitStack() as stack:
        yield stack


def connect(connections, server, path, number=MANY, *, receive_buffer=None):
    """Clients that have asked for this, spread over the 0.2 seconds between two events of a stream."""
    responses = {}
    for _ in range(number):
        client = connections.enter_context(HTTP1(server.address, receive_buffer=receive_buffer))
        responses[client] = client.request(path)
        time.sleep(0.2 / number)
    return responses


def stall(connections, server, path, number=MANY):
    """The same, and they never read."""
    return connect(connections, server, path, number, receive_buffer=4096)


def ages(readers, seconds):
    """How late each event has been read, of all that are sent and come within these seconds."""
    began = time.monotonic()  # what was sent before has waited for us, and not for the server
    found = []
    for response in read_together(readers, seconds):
        *events, response.body = response.body.split(b"\n\n")
        now = time.monotonic()
        sent = [float(event.removeprefix(b"data: ")) for event in events if not event.startswith(b"retry: ")]
        found += [now - at for at in sent if at >= began]
    return found


def test_stalled_readers_cost_the_others_nothing_and_are_gone_in_time(server, connections):
    readers = connect(connections, server, "/ticks")
    ages(readers, 0.5)
    rested = server.open_files()
    stall(connections, server, "/flood")
    ages(readers, 1)
    while server.open_files() != rested:  # whatever the first crowd makes the server keep for the next
        ages(readers, 1)
    memory = server.resident_bytes()
    for _ in range(ATTEMPTS):
        before = ages(readers, 1)
        mark = server.mark()
        stalled = stall(connections, server, "/flood")
        during = ages(readers, 2)  # their deadline, and a second
        while server.open_files() != rested:
            ages(readers, 1)

        assert server.lines(mark) == ["DEBUG chirp_trio.stream: /flood: ended, stalled"] * MANY
        for client, response in stalled.items():
            with pytest.raises(ConnectionResetError):
                client.wait_for_end(response)
        # In twice the time, and a tenth of their deadline, because other processes want to run too.
        if len(during) > 1.5 * len(before) > 0 and median(during) < 3 * median(before) + 0.1:
            break
    else:
        pytest.fail(f"beside stalled readers, events are late: {sorted(during)}; without them: {sorted(before)}")
    assert server.resident_bytes() < memory + MANY * MEBIBYTE / 6  # what a socket takes for each would be far more


def seconds_to_stop(stalled):
    """How long a server with many readers needs for its end, beside so many that have stalled."""
    with chirp_trio("crowded:app") as server, ExitStack() as connections:
        readers = connect(connections, server, "/ticks")
        stall(connections, server, "/patient", stalled)
        wait_until(lambda: server.report().get("flood opened", 0) == stalled)
        ages(readers, 0.5)
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        ages(readers, 10)

        assert server.wait() == 0
        took = time.monotonic() - began
        assert all(response.complete for response in readers.values())
        report = last_report(server.lines()[-1])
        assert (report["ticks closed"], report.get("flood closed", 0), report["left"]) == (MANY, stalled, [])
    return took


def test_a_server_with_stalled_readers_does_not_wait_for_them():
    """Half a second is the patience that it has with them; three are its graceful timeout. The rest is the machine's."""
    slowness = seconds_to_stop(stalled=0)

    assert seconds_to_stop(stalled=MANY) < 2.5 + slowness


WINDOWS = {
    "of each stream": {"window": 0},
    "of the connection": {"window": 2**31 - 1},
    "of TCP": {"window": 2**31 - 1, "connection_window": 2**31 - 1, "receive_buffer": 4096},
}


@pytest.mark.parametrize("closed", WINDOWS)
def test_an_http2_client_that_closes_its_window_fills_no_memory(server, closed):
    memory = server.resident_bytes()
    before = server.report().get("flood opened", 0)
    with HTTP2(server.address, **WINDOWS[closed]) as client:
        for _ in range(STREAMS):
            client.request("/patient")
        wait_until(lambda: server.report().get("flood opened", 0) == before + STREAMS)
        deadline = time.monotonic() + (10 if LONG else 1)
        most = memory
        while time.monotonic() < deadline:
            most = max(most, server.resident_bytes())
            time.sleep(0.05)

        assert most < memory + 32 * MEBIBYTE
        assert server.report().get("flood opened", 0) == before + STREAMS
