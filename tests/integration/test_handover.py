"""A new server takes over the port of the one before, which stops, while clients come all the time: none of them is reset."""

import socket
import threading
from contextlib import ExitStack, contextmanager

import pytest

from tests.integration.clients import PATIENCE
from tests.integration.server import SCRIPTS, Server, announced, wait_until

CLIENTS = 12
ROUNDS = 4
REQUEST = b"GET /nowhere HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"


@contextmanager
def server_on(port):
    command = [SCRIPTS / "chirp-trio", "run", "--reuse-port", "--port", str(port), "endings:app"]
    with Server(command) as server:
        server.address = announced(server)
        yield server


class Clients:
    """Threads that connect, ask and read the answer, again and again."""

    def __init__(self, address):
        self._address = address
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(CLIENTS)]
        self.answers = 0
        self.failures = []

    def _run(self):
        while not self._over.is_set():
            try:
                self._ask()
            except OSError as error:
                self.failures.append(repr(error))

    def _ask(self):
        with socket.create_connection(self._address, PATIENCE) as client:
            client.sendall(REQUEST)
            received = b""
            while data := client.recv(65536):
                received += data
        if received.startswith(b"HTTP/1.1 404 "):
            self.answers += 1
        else:
            self.failures.append(f"the answer {received!r}")

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE)


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="the system has no SO_REUSEPORT")
def test_hardly_anybody_is_reset_when_a_server_stops_and_another_has_taken_over_its_port():
    """Between the last look at who waits and the end of the socket lies a moment that no program can close."""
    with ExitStack() as servers:
        old = servers.enter_context(server_on(0))
        with Clients(old.address) as clients:
            for _ in range(ROUNDS):
                new = servers.enter_context(server_on(old.address[1]))
                assert old.stop() == 0
                before = clients.answers
                wait_until(lambda before=before: clients.answers > before + CLIENTS)
                assert clients.answers > before + CLIENTS
                old = new
    assert len(clients.failures) <= 2, clients.failures  # without that look, it is one or two in each round
