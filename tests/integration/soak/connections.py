"""Connections of honest clients: HTTP/1.1, the same over TLS, and HTTP/2 over TLS; by hand, because they have to cost little.

Each tells what has come as pairs: the number of a request, and either a piece of its body or how the response ended.
"""

import socket
import ssl
import struct
from contextlib import suppress
from dataclasses import dataclass

import trio

from tests.integration import frames

PIECE = 65536


@dataclass(frozen=True, slots=True)
class Began:
    """A response has begun."""

    status: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A response is over: `is_complete` if HTTP says so, and not if something was cut off."""

    is_complete: bool


type Part = Began | Ended | bytes
type Parts = list[tuple[int, Part]]


class Malformed(Exception):
    """What has come is not HTTP."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server is, and how it is spoken to."""

    port: int
    trust: ssl.SSLContext | None = None

    async def connect(self, protocol: str, source: str = "127.0.0.1", receive_buffer: int | None = None) -> trio.abc.Stream:
        """A connection from an address of this machine; with TLS, if the server has it."""
        raw = trio.socket.socket()
        if receive_buffer is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            await raw.bind((source, 0))
            await raw.connect(("127.0.0.1", self.port))
        except BaseException:
            raw.close()
            raise
        stream = trio.SocketStream(raw)
        if self.trust is None:
            return stream
        self.trust.set_alpn_protocols([protocol])
        secure = trio.SSLStream(stream, self.trust, server_hostname="127.0.0.1", https_compatible=True)
        try:
            await secure.do_handshake()
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return secure


class Connection:
    """What both protocols share: a stream of bytes, and the ways to leave it."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream

    @property
    def takes_requests(self) -> bool:
        """Whether another request may be sent at present."""
        return False

    async def _receive(self) -> bytes:
        try:
            return await self._stream.receive_some(PIECE)
        except trio.BrokenResourceError:
            return b""

    async def leave(self, *, by_reset: bool) -> None:
        """Close the connection without a word of HTTP or TLS."""
        stream = self._stream
        transport = stream.transport_stream if isinstance(stream, trio.SSLStream) else stream
        if by_reset:
            transport.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await trio.aclose_forcefully(transport)


class HTTP1(Connection):
    """One request after the other; each has the number 1."""

    protocol = "http/1.1"

    def __init__(self, stream: trio.abc.Stream) -> None:
        super().__init__(stream)
        self._rest = b""
        self._has_head = True
        self._left: int | None = 0  # of the body, by its length; None: it is in chunks

    async def get(self, path: str, last_event_id: str) -> int:
        further = [f"last-event-id: {last_event_id}"] if last_event_id else []
        await self.send("GET", path, further)
        return 1

    async def send(self, method: str, path: str, further: list[str], body: bytes = b"") -> None:
        self._has_head = False
        head = "\r\n".join([f"{method} {path} HTTP/1.1", "host: server", *further, "", ""])
        await self._stream.send_all(head.encode() + body)

    async def read(self) -> Parts:
        received = await self._receive()
        if not received:
            return [(1, Ended(is_complete=False))]
        self._rest += received
        parts: list[Part] = []
        while (part := self._next()) is not None:
            parts.append(part)
        return [(1, part) for part in parts]

    def _next(self) -> Part | None:
        if not self._has_head:
            head, end, rest = self._rest.partition(b"\r\n\r\n")
            if not end:
                return None
            self._rest = rest
            self._has_head = True
            return Began(self._begin(head.lower()))
        if self._left is None:
            return self._chunk()
        if self._left > 0 and self._rest:
            piece, self._rest = self._rest[: self._left], self._rest[self._left :]
            self._left -= len(piece)
            return piece
        if self._left == 0:
            self._left = -1  # said once
            return Ended(is_complete=True)
        if self._rest:
            raise Malformed(f"{self._rest[:100]!r} comes after a response")
        return None

    def _begin(self, head: bytes) -> int:
        line, *fields = head.split(b"\r\n")
        if not line.startswith(b"http/1.1 "):
            raise Malformed(f"a response begins with {line[:100]!r}")
        headers = dict(field.split(b": ", 1) for field in fields)
        chunked = headers.get(b"transfer-encoding") == b"chunked"
        self._left = None if chunked else int(headers.get(b"content-length", 0))
        return int(line[9:12])

    def _chunk(self) -> Part | None:
        size, end, rest = self._rest.partition(b"\r\n")
        if not end:
            return None
        try:
            length = int(size, 16)
        except ValueError:
            raise Malformed(f"a chunk begins with {size[:100]!r}") from None
        if len(rest) < length + 2:
            return None
        if rest[length : length + 2] != b"\r\n":
            raise Malformed(f"a chunk of {length} bytes goes on with {rest[length : length + 100]!r}")
        self._rest = rest[length + 2 :]
        if length == 0:
            self._left = -1
            return Ended(is_complete=True)
        return rest[:length]


class HTTP2(Connection):
    """Several requests at a time. What a slow client takes is bounded by its windows."""

    protocol = "h2"

    def __init__(self, stream: trio.abc.Stream) -> None:
        super().__init__(stream)
        self._reader = frames.FrameReader()
        self._next_stream = 1
        self._open: set[int] = set()
        self._is_going_away = False
        self._answers = bytearray(frames.START)  # what has to be sent, with the next request or after the next read

    @property
    def takes_requests(self) -> bool:
        return not self._is_going_away and len(self._open) < 20

    async def get(self, path: str, last_event_id: str) -> int:
        number = self._next_stream
        self._next_stream += 2
        self._open.add(number)
        further = [("last-event-id", last_event_id)] if last_event_id else []
        self._answers += frames.request(number, path, *further)
        await self._send()
        return number

    async def reset(self, number: int) -> None:
        """Give up one response."""
        self._open.discard(number)
        self._answers += frames.reset(number)
        await self._send()

    async def read(self) -> Parts:
        received = await self._receive()
        if not received:
            return [(number, Ended(is_complete=False)) for number in sorted(self._open)]
        parts: Parts = []
        taken = 0
        for kind, flags, number, payload in self._reader.feed(received):
            if kind == frames.DATA:
                taken += len(payload)
                if payload and number in self._open and not flags & frames.END_STREAM:
                    self._answers += frames.window_update(number, len(payload))
                parts.append((number, payload))
            elif kind == frames.HEADERS:
                parts.append((number, Began(int(self._reader.headers(payload)[":status"]))))
            elif kind == frames.RST_STREAM:
                parts.append((number, Ended(is_complete=False)))
            elif kind == frames.GOAWAY:
                self._is_going_away = True
                last = int.from_bytes(payload[:4])
                parts += [(other, Ended(is_complete=False)) for other in sorted(self._open) if other > last]
            elif kind == frames.SETTINGS and not flags & frames.ACK:
                self._answers += frames.SETTINGS_ACK
            elif kind == frames.PING and not flags & frames.ACK:
                self._answers += frames.frame(frames.PING, frames.ACK, 0, payload)
            if kind in (frames.DATA, frames.HEADERS) and flags & frames.END_STREAM:
                parts.append((number, Ended(is_complete=True)))
        if taken:
            self._answers += frames.window_update(0, taken)
        known = [(number, part) for number, part in parts if number in self._open]
        self._open.difference_update(number for number, part in known if isinstance(part, Ended))
        if self._answers:
            await self._send()
        return known

    async def _send(self) -> None:
        sent, self._answers = bytes(self._answers), bytearray()
        with suppress(trio.BrokenResourceError):  # the next read tells
            await self._stream.send_all(sent)


type AnyConnection = HTTP1 | HTTP2
