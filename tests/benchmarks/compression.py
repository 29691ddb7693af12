"""One event for many clients, in each coding: what goes over the wire, what the server needs, what a stream keeps."""

import http.client
import selectors
import socket
import sys
import time
import tracemalloc
from compression import zstd
from contextlib import ExitStack, closing
from statistics import median

import trio

from chirp_trio import CompressionDictionary, Topic
from chirp_trio.compression import Decompressor

from .in_memory import Connection
from .in_memory import serving as serving_in_memory
from .processes import BenchmarkError, Stack, allow_connections, serving

OURS = Stack("chirp_trio, App, on chirp-trio run", "compressed:app", server="chirp-trio")
FLOOR = Stack("a bare loop of socket.send()", "cards", server="socket.send()")
BESIDE = [
    Stack("bare ASGI app with a compressor for each client, granian", "compressing:app", server="granian", needs="granian"),
    Stack("bare ASGI app with a compressor for each client, uvicorn", "compressing:app", server="uvicorn", needs="uvicorn"),
]
PATIENCE = 20  # seconds
OPENING_AT_ONCE = 32
READ = 10  # clients whose events are decompressed and looked at


def measure_compression(clients, events):
    """For each server, kind of event and coding: bytes and microseconds of CPU for each event and client; and the memory."""
    allow_connections(5 * clients)
    results = {"memory": trio.run(measure_memory, min(1000, clients))}
    for stack in (OURS, FLOOR, *BESIDE):
        if not stack.is_installed:
            continue
        print(f"compression, {stack.name}", file=sys.stderr)
        codings = ["identity", "gzip", "zstd"]
        with serving(stack) as server:
            results[stack.server] = {"name": stack.name} | measure_kind(server, "fragment", codings, clients, events)
            if stack is OURS:
                results["dcz"] = measure_kind(server, "fragment", ["identity", "dcz"], READ, events)
                results["json"] = measure_kind(server, "json", ["identity", "gzip", "zstd", "dcz"], READ, events)
    return results


def measure_kind(server, kind, codings, clients, events):
    """The codings take turns, an event each, so that what else the machine does is the same for all."""
    with ExitStack() as stack:
        crowds = [stack.enter_context(closing(Crowd(server.port, kind, coding, clients))) for coding in codings]
        cpu = {crowd.coding: [] for crowd in crowds}
        for number in range(events + 1):
            for crowd in crowds:
                before = server.cpu_seconds()
                crowd.publish()
                crowd.wait()
                if number:  # the first one warms up
                    cpu[crowd.coding].append((server.cpu_seconds() - before) * 1e6 / clients)
        for crowd in crowds:
            crowd.check(events + 1)
        return {
            crowd.coding: {"bytes": crowd.received / clients / (events + 1), "cpu_us": median(cpu[crowd.coding])}
            for crowd in crowds
        }


class Crowd:
    """Clients that get the same events in the same coding."""

    def __init__(self, port, kind, coding, number):
        self.coding = coding
        self.received = 0  # bytes of the events, and of what HTTP puts around them
        self._path = f"/{kind}/{coding}"
        self._publisher = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._dictionary = self._fetch_dictionary(kind) if coding == "dcz" else None
        self._selector = selectors.DefaultSelector()
        self._bodies = []  # of those that are read, as they come
        self._sockets = []
        while len(self._sockets) < number:
            some = [self._open(port) for _ in range(min(OPENING_AT_ONCE, number - len(self._sockets)))]
            for connection in some:
                self._begin(connection)
        self._settle()
        self.received = 0

    def _fetch_dictionary(self, kind):
        path = self._ask("GET", f"/dictionary/{kind}").decode()
        return CompressionDictionary(self._ask("GET", path))

    def _ask(self, method, path):
        self._publisher.request(method, path)
        return self._publisher.getresponse().read()

    def _open(self, port):
        connection = socket.create_connection(("127.0.0.1", port), PATIENCE)
        available = f"available-dictionary: {self._dictionary.available}\r\n" if self._dictionary is not None else ""
        request = f"GET {self._path} HTTP/1.1\r\nhost: localhost\r\naccept-encoding: {self.coding}\r\n{available}\r\n"
        connection.sendall(request.encode())
        self._sockets.append(connection)
        return connection

    def _begin(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            if not (some := connection.recv(4096)):
                raise BenchmarkError(f"a stream of {self._path} ended at once")
            head += some
        head, _, rest = head.partition(b"\r\n\r\n")
        said = head.lower().partition(b"content-encoding: ")[2].split(b"\r\n")[0].decode() or "identity"
        if said != self.coding:
            raise BenchmarkError(f"{self._path} came in {said}")
        body = None
        if len(self._bodies) < READ:
            body = bytearray(rest)
            self._bodies.append(body)
        connection.setblocking(False)
        self._selector.register(connection, selectors.EVENT_READ, body)

    def _settle(self):
        """Read until nothing comes."""
        while self._read(0.3):
            pass

    def publish(self):
        self._ask("POST", self._path)

    def wait(self):
        """Wait until every client has had something; then it has all of it, or the rest is read with the next event.

        Nobody sleeps until an event arrives: to wake somebody up costs whoever sends, and only where both are one machine.
        """
        waiting = set(self._sockets)
        deadline = time.monotonic() + PATIENCE
        while waiting:
            if time.monotonic() > deadline:
                raise BenchmarkError(f"{len(waiting)} clients of {self._path} had no event")
            time.sleep(0.05)
            waiting.difference_update(self._read(0))

    def _read(self, seconds):
        ready = self._selector.select(seconds)
        for key, _ in ready:
            if not (some := key.fileobj.recv(1 << 16)):
                raise BenchmarkError(f"a stream of {self._path} ended")
            self.received += len(some)
            if key.data is not None:
                key.data.extend(some)
        return [key.fileobj for key, _ in ready]

    def check(self, events):
        """Some clients' bytes hold as many events as there were."""
        self._settle()
        for body in self._bodies:
            had = self._decode(b"".join(unchunked(bytes(body)))).count(b"data: ")
            if had != events:
                raise BenchmarkError(f"a client of {self._path} had {had} events and not {events}")

    def _decode(self, body):
        if self._dictionary is None:
            return b"".join(Decompressor(self.coding).feed(body))
        prefix = zstd.ZstdDict(self._dictionary.content, is_raw=True).as_prefix
        return zstd.decompress(body[40:], zstd_dict=prefix)

    def close(self):
        for connection in self._sockets:
            connection.close()
        self._selector.close()
        self._publisher.close()


def unchunked(body):
    """The chunks of a body that goes on (RFC 9112, 7.1)."""
    while body:
        size, _, body = body.partition(b"\r\n")
        yield body[: int(size, 16)]
        body = body[int(size, 16) + 2 :]


async def measure_memory(number):
    """KiB that an idle stream of a topic takes in each coding, after an event. By Python's allocator, so it is exact."""
    sizes = {}
    for coding in ("identity", "identity", "gzip", "zstd"):  # what the first ones make stays, and is no stream's own
        topic = Topic("memory")
        connections = [Connection() for _ in range(number)]
        headers = [(b"accept-encoding", coding.encode())]
        tracemalloc.start()
        async with serving_in_memory(topic.subscribe, connections, headers=headers, compress=True):
            topic.publish_nowait("an event " * 300)
            await trio.sleep(0.2)
            sizes[coding] = tracemalloc.get_traced_memory()[0] / 1024 / number
        tracemalloc.stop()
    return sizes
