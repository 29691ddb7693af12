"""The load client where no C compiler is, and for TLS and HTTP/2: arguments, output and meaning are those of `client.c`.

`--protocol https` has TLS around each stream, and `h2` a hundred streams on each connection. It counts every event, but
measures how late they are on one event of each piece that it receives.
"""

import argparse
import json
import random
import re
import selectors
import signal
import statistics
import sys
import time

from .connecting import CONNECTIONS

OPENING_AT_ONCE = 32
MADE = re.compile(rb"@(\d{19})")
NUMBER = re.compile(rb"@\d{19}(\d{10})")
LENGTH = 30  # bytes of what that matches


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


class Measured:
    """What came in the window that is measured."""

    def __init__(self):
        self.is_on = False
        self.waited = 0
        self._events = 0
        self._latencies = []
        self._last = {}  # how late an event was that all streams get, when the last one had it

    def add(self, chunk, count):
        self._events += count
        made = sample_time(chunk)
        if made is not None:
            self._latencies.append((time.time_ns() - made) / 1e3)
            self._last[made] = self._latencies[-1]  # arrivals are in order

    def summary(self, seconds):
        latencies, complete = percentiles(self._latencies), percentiles(list(self._last.values()))
        return {
            "events": self._events,
            "seconds": seconds,
            "waited": self.waited / 1e9,
            "median_us": latencies[49],
            "p99_us": latencies[98],
            "complete_us": complete[49],
            "complete_p99_us": complete[98],
        }


def percentiles(values):
    """None is above the greatest of them."""
    return statistics.quantiles(values, n=100, method="inclusive") if len(values) > 1 else [*values, 0][:1] * 99


def main(arguments):
    signal.alarm(int(arguments.limit))
    protocol, streams = CONNECTIONS[arguments.protocol], arguments.streams
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    up, opened, measured = set(), 0, Measured()
    numbers = {}
    up_at = began = ended = None
    while True:
        while opened < streams and opened - len(up) < max(OPENING_AT_ONCE, protocol.MOST):
            number = min(protocol.MOST, streams - opened)
            connection = protocol(arguments.port, arguments.path, number)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            opened += number
        before = time.time_ns()
        ready = selector.select(0.01)
        now = time.time_ns()
        if measured.is_on:
            measured.waited += now - before
        for key, _ in ready:
            if key.fileobj is sys.stdin:
                return
            for stream, chunk in key.data.receive():
                identity = key.fd, stream
                numbers.setdefault(identity, Numbers()).check(chunk)
                count = chunk.count(b"@")
                if count:
                    up.add(identity)
                    if measured.is_on:
                        measured.add(chunk, count)
        if not up_at and len(up) == streams:
            up_at = now
            print("up", flush=True)
        if up_at and not began and now >= up_at + arguments.warm_up * 1e9:
            began, measured.is_on = now, True
            print("begin", flush=True)
        if measured.is_on and now >= began + arguments.window * 1e9:
            ended, measured.is_on = now, False
            print("end", flush=True)
            print(json.dumps(measured.summary((ended - began) / 1e9)), flush=True)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--protocol", choices=list(CONNECTIONS), default="http")
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("streams", type=int)
    for name in ("warm_up", "window", "limit"):
        parser.add_argument(name, type=float, help="seconds")
    return parser.parse_args()


if __name__ == "__main__":
    main(parse_arguments())
