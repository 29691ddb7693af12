"""Connections that nobody says anything on: how many are taken, what the others are told, what honest streams suffer."""

import errno
import os
import selectors
import socket
import statistics
import sys
import time
from collections import Counter

from .floods.measure import listening
from .processes import Stack, raise_limit, serving

OURS = Stack("chirp-trio run", "ticking:ours", server="chirp-trio")
STREAMS = 10
LIMIT = 0.25  # of the connections, is what the server may have: the others come before the first of these have timed out
AT_ONCE = 200  # that are being made at a time
QUIET = 1.0  # seconds in which nothing has come: nothing more will
IDLE = 2.0  # seconds after which a connection that is closed was taken, and closed because nothing was said on it
SOURCES = {
    "one address": lambda number: "127.0.0.1",
    "many addresses": lambda number: f"127.1.{number // 200}.{number % 200 + 1}",
}


def measure_connections(wanted):
    """What comes of so many idle connections, from one address and from many."""
    number = raise_limit(wanted)
    results = {}
    for name, source in SOURCES.items():
        print(f"{number} idle connections from {name}", file=sys.stderr)
        limit = ["--max-connections", str(int(number * LIMIT))]
        with serving(OURS, options=limit) as server, listening(server.port, STREAMS, "clear") as listener:
            time.sleep(0.5)
            listener.read()
            memory, cpu = server.resident_bytes(), server.cpu_seconds()
            most, fates = open_all(server.port, number, source)
            heard = listener.read()
            late = heard["late"] or [heard["silence"]]
            results[name] = {
                "wanted": number,
                "most": most,
                "fates": dict(fates),
                "refused": sum(count for fate, count in fates.items() if " 503 " in fate),
                "mib": (server.resident_bytes() - memory) / 2**20,
                "cpu": server.cpu_seconds() - cpu,
                "median_ms": statistics.median(late),
                "p99_ms": statistics.quantiles(late, n=100)[98] if len(late) > 1 else late[0],
                "ended": heard["ended"],
            }
    return results


def open_all(port, number, source):
    """Open them, say nothing on them, and see what the server does: how many were open at a time, and who had which fate."""
    fates = Counter()
    held = {}
    most = 0
    with selectors.DefaultSelector() as selector:
        for first in range(0, number, AT_ONCE):
            for place in range(first, min(first + AT_ONCE, number)):
                connection = connect(port, source(place))
                if connection is None:
                    fates["could not be made"] += 1
                else:
                    held[connection.fileno()] = connection
                    selector.register(connection, selectors.EVENT_READ, time.monotonic())
            look(selector, held, fates, 0.01)
            most = max(most, len(held))
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < QUIET:
            if look(selector, held, fates, 0.1):
                quiet_since = time.monotonic()
    fates["still open"] = len(held)
    for connection in held.values():
        connection.close()
    return most, fates


def connect(port, source):
    connection = socket.socket()
    try:
        connection.settimeout(5)
        connection.bind((source, 0))
        connection.connect(("127.0.0.1", port))
    except OSError:
        connection.close()
        return None
    return connection


def look(selector, held, fates, seconds):
    """Take in what the server does; whether it has done anything."""
    ready = selector.select(seconds)
    for key, _ in ready:
        try:
            answer = key.fileobj.recv(4096)
            is_idle = time.monotonic() - key.data > IDLE
            silently = "taken, and closed as idle" if is_idle else "closed without a word"
            fate = f"told {answer.splitlines()[0].decode()}" if answer else silently
        except OSError as error:
            fate = f"refused: {os.strerror(error.errno or errno.ECONNRESET)}"
        fates[fate] += 1
        selector.unregister(key.fileobj)
        held.pop(key.fd).close()
    return bool(ready)
