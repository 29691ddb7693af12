"""A server that answers each connection as it was told to, byte by byte, on a real socket; and what it was asked."""

import socket
import ssl
import struct
import zlib
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import httpx
import trio
from trio.testing import wait_all_tasks_blocked

from chirp_trio import SSEEvent
from chirp_trio.cli.follow import Heard, follow
from chirp_trio.cli.pauses import Pauses
from tests.integration.clients import PATIENCE

# What an answer may do besides sending bytes. In the end, unless it says otherwise, the connection is closed.
BREAK = "close the connection with a RST"
WAIT = "do nothing until the client leaves"
FOREVER = b"forever: "  # in front of what is sent again and again until the client leaves

type Step = bytes | str
type Answer = Sequence[Step]

CHUNKED = ("Transfer-Encoding", "chunked")
END = b"0\r\n\r\n"


def head(status: int = 200, *headers: tuple[str, str]) -> bytes:
    """A response's head."""
    lines = [f"HTTP/1.1 {status} Phrase", *(f"{name}: {value}" for name, value in headers)]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


def piece(data: bytes) -> bytes:
    """A chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def stream(
    *chunks: bytes | str, end: Step = END, content_type: str = "text/event-stream", headers: Sequence[tuple[str, str]] = ()
) -> Answer:
    """An answer with an event stream, in these chunks."""
    datas = [chunk.encode() if isinstance(chunk, str) else chunk for chunk in chunks]
    return [head(200, ("Content-Type", content_type), CHUNKED, *headers), *map(piece, datas), end]


def status(number: int, *headers: tuple[str, str]) -> Answer:
    """An answer without a body."""
    return [head(number, *headers, *([] if number == 204 else [("Content-Length", "0")]))]


def compressed(chunks: Iterable[bytes]) -> list[bytes]:
    """The chunks, compressed by gzip, each so that it can be read when it comes."""
    compressor = zlib.compressobj(wbits=31)
    return [compressor.compress(chunk) + compressor.flush(zlib.Z_SYNC_FLUSH) for chunk in chunks]


# Each client would read all certificates that there are, for servers without TLS.
_TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True)
class Asked:
    """A request."""

    method: str
    target: str
    headers: dict[str, bytes]
    body: bytes


class Scripted:
    """The server: its address, and what it was asked, in order. An answer belongs to a connection; the last one stays."""

    def __init__(self, answers: Sequence[Answer], port: int) -> None:
        self.answers = answers
        self.url = f"http://127.0.0.1:{port}"
        self.asked: list[Asked] = []

    async def serve(self, connection: trio.SocketStream) -> None:
        answer = self.answers[min(len(self.asked), len(self.answers) - 1)]
        try:
            self.asked.append(await _read_request(connection))
            for step in answer:
                await self._do(connection, step)
        except trio.BrokenResourceError:
            pass  # the client has what it wants

    async def _do(self, connection: trio.SocketStream, step: Step) -> None:
        if step == WAIT:
            while await connection.receive_some():
                pass
        elif step == BREAK:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif step.startswith(FOREVER):
            while True:
                await connection.send_all(step.removeprefix(FOREVER))
        else:
            await connection.send_all(step.replace(b"{url}", self.url.encode()))
            await wait_all_tasks_blocked()  # the client has taken it


async def _read_request(connection: trio.SocketStream) -> Asked:
    data = b""
    while b"\r\n\r\n" not in data:
        data += await connection.receive_some() or b"\r\n\r\n"
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    method, target, _ = first.decode().split(" ")
    pairs = [line.partition(b":") for line in lines]
    headers = {name.decode().lower(): value.strip() for name, _, value in pairs}
    while len(body) < int(headers.get("content-length", 0)):
        body += await connection.receive_some()
    return Asked(method, target, headers, body)


@asynccontextmanager
async def scripted(*answers: Answer) -> AsyncIterator[Scripted]:
    """A server with these answers."""
    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        server = Scripted(answers, listener.socket.getsockname()[1])
        nursery.start_soon(trio.serve_listeners, server.serve, [listener])
        yield server
        nursery.cancel_scope.cancel()


class AtOnce(Pauses):
    """No pauses, whatever fails."""

    def after_success(self) -> float:
        return 0.0 * super().after_success()

    def after_failure(self) -> float:
        return 0.0 * super().after_failure()


async def hear(
    server: Scripted, count: int | None = None, *, path: str = "/", read_timeout: float | None = None, **options: object
) -> list[Heard]:
    """What a follower hears: until it has so many events, or until it is over."""
    heard: list[Heard] = []
    timeout = httpx.Timeout(read_timeout, connect=PATIENCE)
    limits = httpx.Limits(max_keepalive_connections=0)
    with trio.fail_after(PATIENCE):
        async with (
            httpx.AsyncClient(trust_env=False, timeout=timeout, limits=limits, verify=_TRUSTS_NOBODY) as client,
            aclosing(follow(client, server.url + path, **{"pauses": AtOnce(), **options})) as items,
        ):
            async for item in items:
                heard.append(item)
                if len(events(heard)) == count:
                    break
    return heard


def events(heard: Iterable[Heard]) -> list[SSEEvent]:
    """The events of what was heard."""
    return [item for item in heard if isinstance(item, SSEEvent)]
