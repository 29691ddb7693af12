"""The load client where no C compiler is: arguments, output and meaning are those of `client.c`.

It counts every event, but measures how late they are on one event of each piece that it receives.
"""

import json
import random
import re
import selectors
import signal
import socket
import statistics
import sys
import time
from collections import defaultdict

OPENING_AT_ONCE = 32
CHUNK = 1 << 18
MADE = re.compile(rb"@(\d{19})")
NUMBER = re.compile(rb"@\d{19}(\d{10})")
LENGTH = 30  # bytes of what that matches


def open_stream(port, path):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\n\r\n".encode())
    connection.setblocking(False)
    return connection


def sample_time(chunk):
    """When an event somewhere in the chunk was made; None if there is no whole one from there on."""
    made = MADE.search(chunk, random.randrange(len(chunk))) or MADE.search(chunk)
    return int(made[1]) if made else None


class Numbers:
    """Sees to it that no event is missing from a stream."""

    def __init__(self):
        self._last = 0
        self._rest = b""  # an event that has come in part

    def check(self, chunk):
        chunk = self._rest + chunk
        begin = chunk.rfind(b"@")
        self._rest = chunk[begin:] if begin >= 0 and len(chunk) < begin + LENGTH else b""
        for number in map(int, NUMBER.findall(chunk)):
            if self._last and number != self._last + 1:
                sys.exit(f"a stream had event {number} after event {self._last}")
            self._last = number


def main(port, path, streams, warm_up, window, limit):
    signal.alarm(int(limit))
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    up, opened, events, waited, latencies, last = set(), 0, 0, 0, [], {}
    numbers = defaultdict(Numbers)
    up_at = began = ended = None
    while True:
        while opened < streams and opened - len(up) < OPENING_AT_ONCE:
            selector.register(open_stream(port, path), selectors.EVENT_READ)
            opened += 1
        before = time.time_ns()
        ready = selector.select(0.01)
        now = time.time_ns()
        measuring = began and not ended
        if measuring:
            waited += now - before
        for key, _ in ready:
            if key.fileobj is sys.stdin:
                return
            chunk = key.fileobj.recv(CHUNK)
            if not chunk:
                sys.exit("a stream ended")
            now = time.time_ns()
            count = chunk.count(b"@")
            numbers[key.fd].check(chunk)
            if count:
                up.add(key.fd)
            if measuring:
                events += count
                made = sample_time(chunk)
                if made is not None:
                    latencies.append((now - made) / 1e3)
                    last[made] = latencies[-1]  # arrivals are in order
        if not up_at and len(up) == streams:
            up_at = now
            print("up", flush=True)
        if up_at and not began and now >= up_at + warm_up * 1e9:
            began = now
            print("begin", flush=True)
        if measuring and now >= began + window * 1e9:
            ended = now
            print("end", flush=True)
            print(json.dumps(summary(events, (ended - began) / 1e9, waited / 1e9, latencies, last)), flush=True)


def summary(events, seconds, waited, latencies, last):
    percentiles = statistics.quantiles(latencies, n=100) if len(latencies) > 1 else [0] * 99
    return {
        "events": events,
        "seconds": seconds,
        "waited": waited,
        "median_us": percentiles[49],
        "p99_us": percentiles[98],
        "complete_us": statistics.median(last.values()) if last else 0,
    }


if __name__ == "__main__":
    port, path, streams, *numbers = sys.argv[1:]
    main(int(port), path, int(streams), *map(float, numbers))
