"""A server that is killed again and again, with topics in a file: its clients come back, and nothing is missing."""

import random
import signal
import socket
import threading
import time

import pytest

from chirp_trio import Decoder
from tests.integration.clients import HTTP1, PATIENCE
from tests.integration.server import chirp_trio, wait_until
from tests.integration.soak.settings import LONG

KILLS = 8 if LONG else 4
CLIENTS = 4


class Reader(threading.Thread):
    """A client that comes back with the last id that it has had, whatever happens to the server."""

    def __init__(self, where, path, pause=0.0):
        super().__init__()
        self.where = where  # the address, while there is a server
        self.path = path
        self.pause = pause
        self.last_event_id = ""
        self.connections = 0
        self.names = set()
        self.data = []
        self.is_over = False

    def run(self):
        while not self.is_over:
            try:
                self.read()
            except EOFError, OSError:
                time.sleep(0.01)

    def read(self):
        decoder = Decoder()
        with socket.create_connection(self.where["address"], PATIENCE) as connection:
            connection.settimeout(0.1)
            head = f"GET {self.path} HTTP/1.0\r\nhost: test\r\nlast-event-id: {self.last_event_id}\r\n\r\n"
            connection.sendall(head.encode())
            received = b""
            while b"\r\n\r\n" not in received:
                received += self.receive(connection)
            self.connections += 1
            received = received.partition(b"\r\n\r\n")[2]
            while not self.is_over:
                for event in decoder.feed(received):
                    self.names.add(event.event)
                    self.data.append(event.data)
                self.last_event_id = decoder.last_event_id or self.last_event_id
                time.sleep(self.pause)
                received = self.receive(connection)

    def receive(self, connection):
        try:
            received = connection.recv(65536)
        except TimeoutError:
            if self.is_over:
                raise
            return b""
        if not received:
            raise EOFError
        return received


class Teller(threading.Thread):
    """Somebody who tells one thing after the other, and writes down what has been confirmed."""

    def __init__(self, where):
        super().__init__()
        self.where = where
        self.tried = 0
        self.confirmed = []
        self.is_over = False

    def run(self):
        while not self.is_over:
            text = str(self.tried)
            self.tried += 1
            try:
                with HTTP1(self.where["address"]) as client:
                    response = client.request("/told", method="POST", body=[text.encode()])
                    client.wait_for_end(response)
                if response.status == 200:
                    self.confirmed.append(text)
            except EOFError, OSError:
                time.sleep(0.01)


@pytest.fixture
def where(tmp_path, monkeypatch):
    monkeypatch.setenv("CHIRP_TRIO_TEST_STORE", str(tmp_path / "topics.db"))
    return {"address": ("127.0.0.1", 1)}


def test_a_server_that_is_killed_again_and_again_loses_nothing_that_it_has_told_to_anybody(where):
    moments = random.Random(7)
    readers = [Reader(where, "/numbers", pause=0.02 * (number == 0)) for number in range(CLIENTS)]
    listener, teller = Reader(where, "/told"), Teller(where)
    everybody = [*readers, listener, teller]
    deadline = time.monotonic() + LONG
    kills = 0
    try:
        for thread in everybody:
            thread.start()
        while kills < KILLS or time.monotonic() < deadline:
            with chirp_trio("stored:app") as server:
                where["address"] = server.address
                before = [len(reader.data) for reader in readers], len(teller.confirmed)
                wait_until(lambda: all(len(r.data) > b for r, b in zip(readers, before[0], strict=True)))  # noqa: B023
                time.sleep(moments.uniform(0, 0.3))
                server.signal(signal.SIGKILL)
                server.wait()
                assert server.unexpected_tracebacks() == 0
                kills += 1
        with chirp_trio("stored:app") as server:
            where["address"] = server.address
            confirmed = len(teller.confirmed)
            wait_until(lambda: len(teller.confirmed) > confirmed + 3)
            teller.is_over = True
            teller.join()
            goal = max(len(reader.data) for reader in readers) + 200
            wait_until(lambda: all(len(reader.data) > goal for reader in readers))
            wait_until(lambda: teller.confirmed[-1] in listener.data)
            assert server.stop() == 0
            assert server.unexpected_tracebacks() == 0
    finally:
        for thread in everybody:
            thread.is_over = True
        for thread in everybody:
            thread.join()
    for reader in readers:
        assert reader.connections > KILLS
        assert reader.names == {None}, "no gap"
        assert reader.data == [str(number) for number in range(len(reader.data))]
        assert len(reader.data) > goal
    assert len(set(listener.data)) == len(listener.data)
    assert listener.data == sorted(listener.data, key=int)
    assert set(teller.confirmed) <= set(listener.data)
    assert len(teller.confirmed) > KILLS
