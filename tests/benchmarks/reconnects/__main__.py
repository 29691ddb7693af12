"""`python -m tests.benchmarks.reconnects [CLIENTS]`: what a deploy, or a proxy that is started anew, does to a server.

So many streams are there (5000, or as many as the system allows), all leave at once, and come back as fast as they can, each
with the id of an event after which there are ten more. What is measured is the time from their leaving until the last one has
its ten events, the server's CPU for each client, and how late ten streams are meanwhile that have stayed; on our server, and
on a Node that has the events in an array.
"""

import re
import selectors
import shutil
import socket
import statistics
import sys
import time

from ..connections import raise_limit
from ..floods.measure import listening
from ..processes import ROOT, Stack, free_port, running, serving, stop_children
from ..report import print_lines

CLIENTS = 5000
MISSED = 10
STAYING = 10
PATIENCE = 60  # seconds
OURS = Stack("chirp_trio, on chirp-trio run", "replaying:app", server="chirp-trio")
REQUEST = b"GET /events HTTP/1.1\r\nhost: server\r\n"
ID = re.compile(rb"^id: ?(.+)$", re.MULTILINE)


def main():
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else CLIENTS
    number = min(wanted, raise_limit(wanted))
    stacks = {"ours": lambda: serving(OURS)}
    if node := shutil.which("node"):
        port = free_port()
        stacks["node"] = lambda: running([node, str(ROOT / "tests/benchmarks/reconnects/node.js"), str(port)], port)
    measured = {}
    try:
        for name, start in stacks.items():
            print(f"{number} clients come back: {name}", file=sys.stderr)
            with start() as server:
                measured[name] = measure(server, number)
    finally:
        stop_children()
    header = ["server", "clients", "until the last has its events, s", "CPU µs for each", "events late, median ms", "p99 ms"]
    print_lines(header, [[name, f"{number:,}", *(f"{value:,.1f}" for value in row)] for name, row in measured.items()])
    if "node" in measured:
        print(f"time beside Node's: {measured['ours'][0] / measured['node'][0]:.2f} (goal: at most 1.5)")


def measure(server, number):
    last_id = publish(server.port)
    with listening(server.port, STAYING, "clear") as listener, selectors.DefaultSelector() as selector:
        there = come(selector, server.port, number, REQUEST + b"\r\n", lambda received: b"\r\n\r\n" in received)
        time.sleep(1)
        listener.read()
        cpu, began = server.cpu_seconds(), time.monotonic()
        for connection in there:
            connection.close()
        request = REQUEST + b"last-event-id: " + last_id + b"\r\n\r\n"
        back = come(selector, server.port, number, request, lambda received: received.count(b"\ndata:") >= MISSED)
        took, cpu = time.monotonic() - began, server.cpu_seconds() - cpu
        late = listener.read()["late"]
        for connection in back:
            connection.close()
    return took, cpu / number * 1e6, statistics.median(late), statistics.quantiles(late, n=100)[98]


def publish(port):
    """Have events published; the id of the one after which there are ten more."""
    with socket.create_connection(("127.0.0.1", port)) as stream, socket.create_connection(("127.0.0.1", port)) as publisher:
        stream.settimeout(PATIENCE)
        stream.sendall(REQUEST + b"\r\n")
        time.sleep(0.5)
        publisher.sendall(b"POST /publish HTTP/1.1\r\nhost: server\r\ncontent-length: 0\r\n\r\n")
        received = b""
        while b'"number":19' not in received.replace(b" ", b""):
            received += stream.recv(65536)
    return ID.findall(received)[-1 - MISSED].strip()


def come(selector, port, number, request, is_served):
    """Connect, ask, and wait until all are served."""
    deadline = time.monotonic() + PATIENCE
    connections = []
    for _ in range(number):
        connection = socket.socket()
        connection.setblocking(False)
        connection.connect_ex(("127.0.0.1", port))
        selector.register(connection, selectors.EVENT_WRITE, bytearray())
        connections.append(connection)
    waiting = number
    while waiting and time.monotonic() < deadline:
        for key, _ in selector.select(1):
            if key.events == selectors.EVENT_WRITE:
                key.fileobj.sendall(request)
                selector.modify(key.fileobj, selectors.EVENT_READ, key.data)
                continue
            key.data.extend(key.fileobj.recv(65536))
            if is_served(key.data):
                selector.unregister(key.fileobj)
                waiting -= 1
    if waiting:
        sys.exit(f"{waiting} of {number} clients were not served in {PATIENCE} seconds")
    return connections


if __name__ == "__main__":
    main()
