"""Hostile clients. Each attack is short and bounded, and costs its own connection at most."""

from collections.abc import Iterator
from random import Random

import trio

from tests.integration import frames
from tests.integration.soak.connections import Address

MOST = 150_000  # bytes that an attack sends
SECONDS = 1.0
HEAD = b"GET /streams/memory/1/disconnect HTTP/1.1\r\nhost: server\r\n"

BYTES = {
    "garbage": bytes(range(256)) * 20,
    "half a head": HEAD,
    "half a body": b"POST /read HTTP/1.1\r\nhost: server\r\ncontent-length: 100000\r\n\r\nhalf",
    "two lengths": b"POST /read HTTP/1.1\r\nhost: server\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "a bad chunk": b"POST /read HTTP/1.1\r\nhost: server\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "too many header lines": HEAD + b"x: y\r\n" * 5000,
    "a long line": HEAD + b"x: " + b"y" * 100_000,
    "a stream and garbage": HEAD + b"\r\n" + bytes(range(256)),
    "pages": b"GET /page HTTP/1.1\r\nhost: server\r\n\r\n" * 5,
    "nowhere": b"GET /streams/memory/0/nowhere HTTP/1.1\r\nhost: server\r\nlast-event-id: \xff\0-1\r\n\r\n",
    "an HTTP/1.1 client of an HTTP/2 port": frames.PREFACE[:20],
}


def rapid_reset() -> Iterator[bytes]:
    yield frames.START
    for number in range(1, 800, 2):
        yield frames.request(number, "/streams/stored/1/disconnect") + frames.reset(number)


def repeated(piece: bytes, first: bytes = b"") -> Iterator[bytes]:
    yield frames.START + first
    while True:
        yield piece * 50


def continuations() -> Iterator[bytes]:
    yield frames.START + frames.frame(frames.HEADERS, frames.END_STREAM, 1, frames.block(frames.request_headers("/page")))
    while True:
        yield frames.continuation(1, frames.block([("x", "y" * 100)])) * 20


def closed_windows() -> Iterator[bytes]:
    yield frames.PREFACE + frames.settings(initial_window_size=0)
    yield b"".join(frames.request(number, "/page") for number in range(1, 40, 2))


FLOODS = {
    "rapid reset": rapid_reset,
    "PING": lambda: repeated(frames.ping()),
    "SETTINGS": lambda: repeated(frames.settings(max_concurrent_streams=100)),
    "PRIORITY": lambda: repeated(frames.priority(3, 5)),
    "WINDOW_UPDATE": lambda: repeated(frames.window_update(0, 1)),
    "empty DATA": lambda: repeated(frames.data(1), frames.request(1, "/read", method="POST", ends=False)),
    "RST_STREAM": lambda: repeated(frames.reset(1), frames.request(1, "/page") + frames.reset(1)),
    "CONTINUATION": continuations,
    "closed windows": closed_windows,
    "frames that nobody knows": lambda: repeated(frames.frame(99, 0, 0)),
}
ATTACKS = [*BYTES, *FLOODS, "half a handshake", "a slow body"]


async def attack(address: Address, lot: Random) -> None:
    """One attack, from an address of its own. What the server makes of it is its own affair."""
    name = lot.choice(ATTACKS)
    source = f"127.0.0.{lot.randrange(2, 200)}"
    by_reset = lot.random() < 0.5
    most = lot.randrange(1, MOST)
    try:
        with trio.move_on_after(lot.uniform(0.1, SECONDS)):
            if name == "half a handshake":
                stream = await Address(address.port).connect("", source)
                pieces: Iterator[bytes] = iter([b"\x16\x03\x01\x02\x00\x01", b"\x00"])
            else:
                stream = await address.connect("h2" if name in FLOODS else "http/1.1", source)
                pieces = pieces_of(name)
            try:
                await _send(stream, pieces, most)
            finally:
                transport = stream.transport_stream if isinstance(stream, trio.SSLStream) else stream
                if by_reset:
                    transport.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                await trio.aclose_forcefully(transport)
    except OSError, trio.BrokenResourceError:
        pass


def pieces_of(name: str) -> Iterator[bytes]:
    if name in FLOODS:
        return FLOODS[name]()
    if name == "a slow body":
        return iter([b"POST /read HTTP/1.1\r\nhost: server\r\ncontent-length: 1000\r\n\r\n", *[b"x"] * 20])
    return iter([BYTES[name]])


async def _send(stream: trio.abc.Stream, pieces: Iterator[bytes], most: int) -> None:
    """Send so many bytes, and read what comes, a little of it."""
    sent = 0
    for piece in pieces:
        await stream.send_all(piece[: most - sent])
        sent += len(piece)
        if sent >= most:
            break
        await trio.sleep(0.01)
        with trio.move_on_after(0):
            await stream.receive_some(65536)
    await trio.sleep(0.1)
    await stream.receive_some(65536)
