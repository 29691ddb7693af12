"""What a write costs, whatever a server does: the same event for all streams, sent in one way or another in a bare loop.

`python -m tests.benchmarks.ways_to_send [STREAMS [WAY ...]]` measures each way in turn, with the load client.
`python -m tests.benchmarks.ways_to_send serve WAY PORT STREAMS` is a server that sends in one way.
"""

import ctypes
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from .apps.workload import FAN_OUT_INTERVAL, encode, make_event
from .io_uring import Ring, is_allowed
from .load import open_streams, prepare_client
from .measure import measure
from .processes import CLIENT_CORE, BenchmarkError, allow_connections, free_port, pin, running
from .report import print_lines

ROUNDS = 3
WINDOW = 2  # seconds
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
LOOP = """
#include <sys/socket.h>
void loop(int *files, int count, void *data, int size) { for (int i = 0; i < count; i++) send(files[i], data, size, 0); }
"""


def by_send(clients):
    def send(data):
        for client in clients:
            client.send(data)

    return send


def by_send_with_flags(clients):
    flags = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL

    def send(data):
        for client in clients:
            client.send(data, flags)

    return send


def without_nodelay(clients):
    for client in clients:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
    return by_send(clients)


def by_write(clients):
    files = [client.fileno() for client in clients]

    def send(data):
        for file in files:
            os.write(file, data)

    return send


def by_writev(clients):
    """The size, the data and the end of the chunk, which nobody joins."""
    files = [client.fileno() for client in clients]

    def send(data):
        size, _, rest = data.partition(b"\r\n")
        pieces = [size, b"\r\n", rest[:-2], b"\r\n"]
        for file in files:
            os.writev(file, pieces)

    return send


def corked(clients):
    def send(data):
        for client in clients:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            client.send(data)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)

    return send


def without_copy(clients):
    for client in clients:
        client.setsockopt(socket.SOL_SOCKET, 60, 1)  # SO_ZEROCOPY

    def send(data):
        for client in clients:
            client.send(data, 0x4000000)  # MSG_ZEROCOPY
        for client in clients:
            with suppress(BlockingIOError):  # it is not read yet
                client.recvmsg(0, 128, socket.MSG_ERRQUEUE)  # the system says when it needs the bytes no longer

    return send


def by_loop_in_c(clients):
    """What Python itself takes is what this is less."""
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "loop.c"), Path(folder, "loop.so")
        source.write_text(LOOP)
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
        loop = ctypes.CDLL(str(library)).loop
    files = (ctypes.c_int * len(clients))(*[client.fileno() for client in clients])
    return lambda data: loop(files, len(clients), data, len(data))


def by_io_uring(clients, *, is_polled=False):
    files, rings = [client.fileno() for client in clients], []

    def send(data):
        if not rings:
            rings.append(Ring(files, len(data), is_polled=is_polled))
        rings[0].send(data)

    return send


def by_polled_io_uring(clients):
    return by_io_uring(clients, is_polled=True)


WAYS = {
    "socket.send()": by_send,
    "socket.send(), MSG_DONTWAIT | MSG_NOSIGNAL": by_send_with_flags,
    "socket.send() without TCP_NODELAY": without_nodelay,
    "os.write()": by_write,
    "os.writev() of four pieces": by_writev,
    "socket.send(), corked": corked,
    "socket.send(), MSG_ZEROCOPY": without_copy,
    "send() in a loop in C": by_loop_in_c,
    "io_uring, all in one system call": by_io_uring,
    "io_uring, SQPOLL": by_polled_io_uring,
}


def serve(way, port, streams):
    """Answer so many clients, and send all of them an event every now and then."""
    allow_connections(streams)
    clients = []
    with socket.create_server(("127.0.0.1", port), backlog=4096) as listener, selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        while len(clients) < streams:
            for key, _ in selector.select():
                if key.fileobj is listener:
                    client = listener.accept()[0]
                    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    client.setblocking(False)
                    selector.register(client, selectors.EVENT_READ)
                    continue
                selector.unregister(key.fileobj)
                if key.fileobj.recv(4096):  # else it has only looked whether somebody listens
                    key.fileobj.send(HEAD + chunk(0))
                    clients.append(key.fileobj)
        send, number = WAYS[way](clients), 0
        while True:
            time.sleep(FAN_OUT_INTERVAL)
            number += 1
            send(chunk(number))


def chunk(number):
    data = encode(make_event(number))
    return b"%x\r\n%b\r\n" % (len(data), data)


def main(streams, chosen):
    pin(os.getpid(), CLIENT_CORE)
    ways = [way for way in chosen or WAYS if is_allowed() or not way.startswith("io_uring")]
    measured = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        client = prepare_client(folder, compile=True)
        for number in range(ROUNDS):
            for way in ways if number % 2 == 0 else reversed(ways):
                port = free_port()
                command = [sys.executable, "-m", "tests.benchmarks.ways_to_send", "serve", way, str(port), str(streams)]
                with running(command, port) as server, open_streams(client, port, "/", streams, 0.5, WINDOW) as load:
                    try:
                        measured[way].append(measure(server, load))
                    except BenchmarkError as error:
                        print(f"{way}: {error}", file=sys.stderr)
    rows, first = [], None
    for way, rounds in measured.items():
        if rounds:
            cpu = [one["cpu_us"] for one in rounds]
            middle, complete = statistics.median(cpu), statistics.median(one["complete_ms"] for one in rounds)
            first = first or middle
            rows.append([way, f"{middle:.2f} ({min(cpu):.2f} to {max(cpu):.2f})", f"{middle / first:.2f}", f"{complete:.1f}"])
    print_lines([f"{streams} streams", "CPU µs/write", "ratio", "all have it, median ms"], rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 1000, sys.argv[2:])
