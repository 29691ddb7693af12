"""The floods: each sends so many units a second, a frame or a request each, on one connection after the other."""

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.integration import frames

type Pieces = Iterator[tuple[bytes, int]]  # what to send at once, and how many units that is
REQUESTS = 900  # on a connection; nginx, and others, allow a thousand


@dataclass(frozen=True, slots=True)
class Attack:
    """A flood.

    Attributes:
        unit: What is counted.
        rate: How many a second.
        pieces: What a connection sends; it is over with the last of them.
        protocol: What TLS agrees on; None: there is no handshake.
        stays: Whether its connections stay open until the end.
    """

    unit: str
    rate: int
    pieces: Callable[[], Pieces]
    protocol: str | None = "h2"
    stays: bool = False


def repeated(unit: bytes, first: bytes = b"", at_once: int = 50) -> Callable[[], Pieces]:
    """The same frame without end."""

    def pieces() -> Pieces:
        yield frames.START + first, 0
        while True:
            yield unit * at_once, at_once

    return pieces


def resets(*, at_once: bool) -> Callable[[], Pieces]:
    """Requests that are given up: in the read in which they come, or in the next one."""

    def pieces() -> Pieces:
        yield frames.START, 0
        for first in range(1, 2 * REQUESTS, 20):
            numbers = range(first, first + 20, 2)
            if at_once:
                yield b"".join(frames.request(number, "/ticks") + frames.reset(number) for number in numbers), 10
            else:
                yield b"".join(frames.request(number, "/ticks") for number in numbers), 0
                yield b"".join(frames.reset(number) for number in numbers), 10

    return pieces


def continuations() -> Pieces:
    """A head that never ends."""
    yield frames.START + frames.frame(frames.HEADERS, frames.END_STREAM, 1, frames.block(frames.request_headers("/"))), 0
    while True:
        yield frames.continuation(1, frames.block([("x", "y" * 50)])) * 10, 10


def large_heads() -> Pieces:
    """A head of a mebibyte, in frames of 16 KiB."""
    part = frames.block([("x", "y" * 200)] * 78)
    yield frames.START + frames.frame(frames.HEADERS, frames.END_STREAM, 1, frames.block(frames.request_headers("/"))), 0
    for _ in range(63):
        yield frames.continuation(1, part), 0
    yield frames.continuation(1, part, ends=True), 1


def half_heads() -> Pieces:
    yield b"GET / HTTP/1.1\r\nhost: server\r\nx: ", 1


def requests() -> Pieces:
    yield b"GET / HTTP/1.1\r\nhost: server\r\nconnection: close\r\n\r\n", 1


POST = frames.request(1, "/read", method="POST", ends=False)
RESET = frames.request(1, "/") + frames.reset(1)
ATTACKS = {
    "nothing": Attack("second", 1, lambda: iter([(b"", 1)]), protocol=None),
    "PING": Attack("frame", 20_000, repeated(frames.ping())),
    "SETTINGS": Attack("frame", 20_000, repeated(frames.settings(max_concurrent_streams=100))),
    "PRIORITY": Attack("frame", 20_000, repeated(frames.priority(3, 5))),
    "WINDOW_UPDATE": Attack("frame", 20_000, repeated(frames.window_update(0, 1))),
    "empty DATA": Attack("frame", 20_000, repeated(frames.data(1), POST)),
    "RST_STREAM of a stream that is over": Attack("frame", 20_000, repeated(frames.reset(1), RESET)),
    "requests, then their resets": Attack("request", 2000, resets(at_once=False)),
    "requests and their resets in one read": Attack("request", 2000, resets(at_once=True)),
    "CONTINUATION": Attack("frame", 10_000, continuations),
    "heads of 1 MiB": Attack("head", 20, large_heads),
    "half heads": Attack("connection", 200, half_heads, protocol="http/1.1", stays=True),
    "half handshakes": Attack("connection", 200, lambda: iter([(b"\x16\x03\x01\x02\x00", 1)]), protocol=None, stays=True),
    "new connections": Attack("connection", 100, requests, protocol="http/1.1"),
}


def context(protocol: str) -> ssl.SSLContext:
    """A client of whatever certificate there is."""
    tls = ssl.create_default_context()
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE
    tls.set_alpn_protocols([protocol])
    return tls
