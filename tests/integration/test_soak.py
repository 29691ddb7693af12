"""Clients that come, read, stall and leave in no order at all, for a while; and nothing of it is left in the server.

`CHIRP_TRIO_SOAK=120` makes it two minutes. The order is drawn by lot, and is the same each time; when it happens is not.
"""

import random
import select
import time
from collections import Counter
from contextlib import suppress

from tests.integration.clients import HTTP1, HTTP2, Client
from tests.integration.server import chirp_trio, last_report, wait_until
from tests.integration.soaking import LONG

SECONDS = LONG or 15
CLIENTS = 100
SOURCES = ["finite", "flood", "news", "quiet", "raises_later", "ticks", "tidy"]
DEPARTURES = {HTTP1: [Client.leave, Client.leave_by_reset], HTTP2: [Client.leave, Client.leave_by_reset, HTTP2.go_away]}


class Visitor:
    """A client with a stream or more."""

    def __init__(self, server, lot):
        self._lot = lot
        self.reads = lot.random() < 0.8
        protocol = lot.choice([HTTP1, HTTP1, HTTP2])
        self._client = protocol(server.address, receive_buffer=None if self.reads else 4096)
        self._responses = [self._request() for _ in range(lot.randint(1, 5) if protocol is HTTP2 else 1)]

    def fileno(self):
        return self._client.socket.fileno()

    def _request(self):
        return self._client.request(f"/streams/{self._lot.choice(SOURCES)}", headers=[("last-event-id", "1")])

    def read(self):
        """Take in what has come; ask again when all is complete. `EOFError` or `ConnectionError` if the server has closed."""
        self._client.receive()
        for response in self._responses:
            response.body = b""
        if all(response.complete for response in self._responses):
            self._responses = [self._request()]

    def give_up_one(self):
        """Reset one of several streams, and go on with the others."""
        unfinished = [response for response in self._responses if not response.complete]
        if isinstance(self._client, HTTP2) and unfinished:
            response = self._lot.choice(unfinished)
            self._client.reset(response)
            response.complete = True

    def leave(self):
        with suppress(ConnectionError):  # the server was first
            self._lot.choice(DEPARTURES[type(self._client)])(self._client)
        self._client.leave()


class Soak:
    """All visitors, and what they do next."""

    def __init__(self, server, seed):
        self._server = server
        self._lot = random.Random(seed)
        self._visitors = []
        self.done = Counter()

    def come(self):
        if len(self._visitors) < CLIENTS:
            self._visitors.append(Visitor(self._server, self._lot))

    def go(self):
        if self._visitors:
            self._take(self._lot.choice(self._visitors)).leave()

    def come_back(self):
        self.go()
        self.come()

    def give_up_one(self):
        if self._visitors:
            with suppress(ConnectionError):  # the server has given up the visitor
                self._lot.choice(self._visitors).give_up_one()

    def publish(self):
        with HTTP1(self._server.address) as client:
            headers = [("connection", "close")]
            response = client.request("/publish", method="POST", body=[b"x" * self._lot.randrange(2000)], headers=headers)
            client.wait_for_end(response)

    def read(self):
        reading = [visitor for visitor in self._visitors if visitor.reads]
        for visitor in select.select(reading, [], [], 0.001)[0]:
            try:
                visitor.read()
            except EOFError, ConnectionError:
                self._take(visitor).leave()

    def _take(self, visitor):
        self._visitors.remove(visitor)
        return visitor

    def run(self, seconds):
        actions = {self.come: 4, self.go: 1, self.come_back: 2, self.give_up_one: 1, self.publish: 2, self.read: 10}
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            (action,) = self._lot.choices([*actions], [*actions.values()])
            action()
            self.done[action.__name__] += 1
        while self._visitors:
            self.go()


def test_nothing_is_left_of_what_clients_do_in_no_order_at_all():
    with chirp_trio("soaked:app") as server:
        files = server.open_files()
        server.get("/streams/finite")
        server.rest()
        soak = Soak(server, seed=1)
        memory = []
        for _ in range(4):
            soak.run(SECONDS / 4)
            memory.append(server.resident_bytes())
        report = server.wait_until_at_rest()
        wait_until(lambda: server.open_files() == files)
        log = server.lines()

        endings = Counter(line.partition(": ended, ")[2] for line in log if ": ended, " in line)
        left = {source: report[f"{source} opened"] - report[f"{source} closed"] for source in SOURCES}
        print(f"\n{SECONDS:g} s: {dict(soak.done)}\n{dict(endings)}")
        print(f"memory after each quarter: {[round(size / 1e6, 1) for size in memory]} MB")
        assert left == dict.fromkeys(SOURCES, 0)
        assert server.open_files() == files
        assert endings.keys() == {"completed", "failed", "disconnected", "stalled"}
        unexpected = [line for line in log if "raises_later" not in line and "boom" not in line and ": ended, " not in line]
        assert len(unexpected) == 1, unexpected  # where it serves
        assert server.stop() == 0
        assert last_report(server.lines()[-1])["left"] == []
