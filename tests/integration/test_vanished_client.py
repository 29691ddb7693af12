"""Clients whose network is gone: nothing says so, and the server finds out all the same."""

import socket

import pytest

from tests.integration.clients import HTTP1, HTTP2
from tests.integration.namespaces import SERVER_ADDRESS, inside, two_machines
from tests.integration.server import SCRIPTS, Server, ended, last_report, wait_until

WRITE_TIMEOUT = 2  # seconds


@pytest.fixture
def cable():
    with two_machines() as cable:
        yield cable


@pytest.fixture
def server(cable):
    # Only its socket is in that namespace, and so are the connections: a process is forked where the others are.
    with inside(cable.server):
        listener = socket.create_server((SERVER_ADDRESS, 0))
    with listener:
        options = ["--bind", f"fd://{listener.fileno()}", "--http2-cleartext", "--write-timeout", str(WRITE_TIMEOUT)]
        server = Server([SCRIPTS / "chirp-trio", "run", *options, "crowded:app"], inherited=[listener.fileno()])
        server.address = listener.getsockname()
    with server:
        server.wait_for_line("serving crowded:app")
        yield server


def test_clients_that_vanish_are_found_whatever_is_sent_to_them(cable, server):
    """Where something is, because it is not acknowledged; where nothing is, by keepalive."""
    files = server.open_files()
    with inside(cable.client):
        clients = [protocol(server.address) for protocol in (HTTP1, HTTP1, HTTP2, HTTP2)]
    paths = ["/ticks", "/quiet", "/ticks", "/quiet"]
    for client, path in zip(clients, paths, strict=True):
        client.wait_for(client.request(path), b"\n\n")
    assert server.open_files() == files + len(clients)
    mark = server.mark()
    cable.cut()
    wait_until(lambda: server.open_files() == files)

    assert server.open_files() == files  # without our settings, keepalive takes two hours
    assert sorted(server.lines(mark)) == sorted(ended(path, "disconnected") for path in paths)
    assert server.stop() == 0
    report = last_report(server.lines()[-1])
    assert (report["ticks closed"], report["quiet closed"], report["left"]) == (2, 2, [])
    for client in clients:
        client.leave()
