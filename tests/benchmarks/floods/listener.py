"""`python -m tests.benchmarks.floods.listener PORT STREAMS`: honest streams over TLS, and how late their events are.

It says `up` when all streams have had an event. For each line that it is given it prints the delays, in milliseconds, of the
events since the line before, and for how long no stream has got one.
"""

import json
import re
import selectors
import socket
import ssl
import sys
import time

from .attacks import context

DUE = re.compile(rb"data: (\d+\.\d+)\n\n")


def open_stream(port: int, tls: ssl.SSLContext | None) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), 10)
    if tls is not None:
        connection = tls.wrap_socket(connection)
    connection.sendall(b"GET /ticks HTTP/1.1\r\nhost: server\r\n\r\n")
    connection.setblocking(False)
    return connection


def receive(connection: socket.socket) -> bytes:
    """What has come; whatever TLS has decrypted has to be taken, because no selector tells of it."""
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
    except ssl.SSLWantReadError, BlockingIOError:
        return received
    raise EOFError("a stream ended")


def main(port: int, streams: int, tls: ssl.SSLContext | None) -> None:
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    for _ in range(streams):
        selector.register(open_stream(port, tls), selectors.EVENT_READ, bytearray())
    up: set[int] = set()
    late: list[float] = []
    ended = 0
    last, silence = time.monotonic(), 0.0
    while True:
        for key, _ in selector.select():
            if key.fileobj is sys.stdin:
                if not sys.stdin.readline():
                    return
                silence = max(silence, time.monotonic() - last)
                print(json.dumps({"late": late, "silence": silence * 1000, "ended": ended}), flush=True)
                late, silence = [], 0.0
                continue
            try:
                key.data.extend(receive(key.fileobj))
            except EOFError, OSError:
                ended += 1
                selector.unregister(key.fileobj)
                continue
            now = time.monotonic()
            found = list(DUE.finditer(key.data))
            if found:
                late += [(now - float(event[1])) * 1000 for event in found]
                del key.data[: found[-1].end()]
                silence, last = max(silence, now - last), now
                if key.fd not in up:
                    up.add(key.fd)
                    if len(up) == streams:
                        print("up", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), None if sys.argv[3:] == ["clear"] else context("http/1.1"))
