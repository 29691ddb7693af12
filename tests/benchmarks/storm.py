"""What a deploy, or a proxy that is started anew, does to a server: all clients are gone, and come back with a last id.

So many streams are there, all leave at once, and come back as fast as they can, each with the id of an event after which
there are ten more. What is measured is the time from their leaving until the last one has its ten events, the server's CPU
for each client, and how late ten streams are meanwhile that have stayed; on our server, and on a Node that has the events in
an array.
"""

import re
import selectors
import socket
import statistics
import time
from contextlib import ExitStack, closing

from .floods.measure import listening
from .processes import BenchmarkError, serving

MISSED = 10
STAYING = 10
PATIENCE = 30  # seconds
REST = 1.0  # seconds
REQUEST = b"GET /events HTTP/1.1\r\nhost: server\r\n"
ID = re.compile(rb"^id: ?(.+)$", re.MULTILINE)


def measure_storm(stack, task):
    """So many clients leave at once and come back."""
    with serving(stack) as server, ExitStack() as connections:
        last_id = publish(server.port)
        listener = connections.enter_context(listening(server.port, STAYING, "clear"))
        there = come(server.port, task.streams, connections, REQUEST + b"\r\n", lambda received: b"\r\n\r\n" in received)
        time.sleep(REST)
        listener.read()
        cpu, began = server.cpu_seconds(), time.monotonic()
        for connection in there:
            connection.close()
        request = REQUEST + b"last-event-id: " + last_id + b"\r\n\r\n"
        come(server.port, task.streams, connections, request, lambda received: received.count(b"\ndata:") >= MISSED)
        seconds, cpu = time.monotonic() - began, server.cpu_seconds() - cpu
        heard = listener.read()
    late = heard["late"] or [heard["silence"]]
    return {
        "seconds": seconds,
        "client_us": cpu / task.streams * 1e6,
        "median_ms": statistics.median(late),
        "p99_ms": statistics.quantiles(late, n=100)[98] if len(late) > 1 else late[0],
    }


def publish(port):
    """Have events published; the id of the one after which there are ten more."""
    with socket.create_connection(("127.0.0.1", port)) as stream, socket.create_connection(("127.0.0.1", port)) as publisher:
        stream.settimeout(PATIENCE)
        stream.sendall(REQUEST + b"\r\n")
        time.sleep(0.5)
        publisher.sendall(b"POST /publish HTTP/1.1\r\nhost: server\r\ncontent-length: 0\r\n\r\n")
        received = b""
        while b'"number":19' not in received.replace(b" ", b""):
            if not (some := stream.recv(65536)):
                raise BenchmarkError("the stream ended before it had what was published")
            received += some
    return ID.findall(received)[-1 - MISSED].strip()


def come(port, number, connections, request, is_served):
    """Connect, ask, and wait until all are served."""
    deadline = time.monotonic() + PATIENCE
    waiting = number
    came = []
    with selectors.DefaultSelector() as selector:
        for _ in range(number):
            connection = connections.enter_context(closing(socket.socket()))
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", port))
            selector.register(connection, selectors.EVENT_WRITE, bytearray())
            came.append(connection)
        while waiting and time.monotonic() < deadline:
            for key, _ in selector.select(1):
                if key.events == selectors.EVENT_WRITE:
                    key.fileobj.sendall(request)
                    selector.modify(key.fileobj, selectors.EVENT_READ, key.data)
                    continue
                if not (some := key.fileobj.recv(65536)):
                    raise BenchmarkError("a stream ended")
                key.data.extend(some)
                if is_served(key.data):
                    selector.unregister(key.fileobj)
                    waiting -= 1
    if waiting:
        raise BenchmarkError(f"{waiting} of {number} clients were not served in {PATIENCE} seconds")
    return came
