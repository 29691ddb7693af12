"""Stacks of middleware, run: each in memory, on our server and on hypercorn's, and what comes is compared."""

import gc
import re
import socket
from collections import Counter
from contextlib import asynccontextmanager
from functools import partial

import h11
import hypercorn.trio
import trio
from hypercorn.config import Config
from starlette.applications import Starlette

from chirp_trio import ServerConfig, serve, stream_lifespan
from chirp_trio.testing import TestClient

from .layers import EXTRA
from .plans import READERS, Visit, pause

AT_ONCE = 12
PATIENCE = 300.0  # seconds; a stack that takes so long has failed
MANY = 100  # reads after which a slow reader becomes a fast one

CHIRP_TRIO, LOGGED, HYPERCORN = "chirp-trio run", "chirp-trio run, with access log and proxies", "hypercorn"


class Visits:
    """An ASGI app that is made of others, one for each visit. After any of them, `/after` answers by itself."""

    def __init__(self):
        self.apps = {}
        self._with_lifespan = Starlette(lifespan=stream_lifespan)

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await self._with_lifespan(scope, receive, send)
        elif scope["path"] == "/after":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
            await send({"type": "http.response.body", "body": b"after", "more_body": False})
        else:
            await self.apps[scope["path"]](scope, receive, send)

    @asynccontextmanager
    async def visit(self, plan, nursery, where):
        visit = Visit(plan, nursery, f"/{where}/{plan.number}".replace(" ", "-"))
        self.apps[visit.path] = visit.make_app()
        yield visit
        del self.apps[visit.path]


# -- in memory, and for real --------------------------------------------------------------------------------------------


async def read_in_memory(client, visit):
    async with client.stream("GET", visit.path) as response:
        visit.begun.set()
        return b"".join([piece async for piece in response.aiter_raw()])


async def read_for_real(url, visit):
    """The body, and what is there to be said against the connection. h11 is strict with chunks and what comes between."""
    reader = READERS[visit.plan.reader]
    connection = trio.socket.socket()
    with connection:
        if reader.buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, reader.buffer)
        host, _, port = url.removeprefix("http://").partition(":")
        await connection.connect((host, int(port)))
        http = h11.Connection(h11.CLIENT)
        await ask(connection, http, visit.path)
        await trio.sleep(reader.late)
        body = await read_response(connection, http, reader, visit.begun)
        if visit.plan.adds_beside:  # and may do so once too often, at which hypercorn closes the connection
            return body
        http.start_next_cycle()
        await ask(connection, http, "/after")
        assert await read_response(connection, http, reader, visit.begun) == b"after"
        assert http.trailing_data == (b"", False)
        return body


async def ask(connection, http, path):
    request = http.send(h11.Request(method="GET", target=path, headers=[("host", "test")])) + http.send(h11.EndOfMessage())
    await connection.send(request)


async def read_response(connection, http, reader, begun):
    pieces, reads = [], 0
    while True:
        event = http.next_event()
        match event:
            case h11.NEED_DATA:
                if reads < 20:
                    await pause(reader.pause)
                if reads == MANY:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
                http.receive_data(await connection.recv(reader.at_once if reads < MANY else 65536))
                reads += 1
            case h11.Response(status_code=status):
                assert status == 200
                begun.set()
            case h11.Data(data=data):
                pieces.append(bytes(data))
            case h11.EndOfMessage():
                return b"".join(pieces)
            case _:
                raise AssertionError(f"{event!r} after {len(pieces)} pieces")


# -- what is compared ---------------------------------------------------------------------------------------------------


def comparable(plan, body):
    """The body without what is another one each time, and what was added to it, which comes when it comes."""
    if b"EXTRA" in body:
        added = Counter(EXTRA.findall(body))
        assert max(added.values()) == 1, "something was added twice"
        body = EXTRA.sub(b"", body)
    if plan.source == "function":
        return body
    if plan.source == "topic":
        return re.sub(rb"(?m)^(id: )\w+-", rb"\1", body)
    body = re.sub(rb"(?m)^id: .*\n", b"", body)
    events = re.split(rb"\n\n(?=data)|\n\n\Z", body)
    return [
        [event for event in events if (number := re.search(rb"event (\d+)", event)) and int(number[1]) % 2 == parity]
        for parity in (0, 1)
    ]  # each topic in its order


def difference(expected, got):
    if isinstance(expected, list):
        expected, got = b"|".join(map(b"\n\n".join, expected)), b"|".join(map(b"\n\n".join, got))
    pairs = enumerate(zip(expected, got, strict=False))
    at = next((at for at, (one, other) in pairs if one != other), min(len(expected), len(got)))
    return (
        f"{len(expected)} bytes expected, {len(got)} came; "
        f"from byte {at} on {expected[at : at + 40]!r} expected, {got[at : at + 40]!r} came"
    )


async def compare(visits, urls, client, nursery, plan, differences):
    async with visits.visit(plan, nursery, "memory") as visit:
        expected = comparable(plan, await read_in_memory(client, visit))
    for name in (LOGGED if plan.logged else CHIRP_TRIO, HYPERCORN):
        async with visits.visit(plan, nursery, name) as visit:
            try:
                with trio.fail_after(PATIENCE):
                    got = comparable(plan, await read_for_real(urls[name], visit))
            except (OSError, h11.RemoteProtocolError, trio.TooSlowError, AssertionError) as error:
                differences.append(f"{plan}, on {name}: {type(error).__name__}: {error}")
            else:
                if got != expected:
                    differences.append(f"{plan}, on {name}: {difference(expected, got)}")


@asynccontextmanager
async def servers(app):
    async with trio.open_nursery() as nursery:
        config = Config()
        config.bind, config.errorlog = ["127.0.0.1:0"], None
        start = partial(hypercorn.trio.serve, app, config, shutdown_trigger=trio.sleep_forever, mode="asgi")
        logged = ServerConfig(port=0, write_timeout=PATIENCE, access_log=True, trusted_proxies=["127.0.0.1"])
        yield {
            CHIRP_TRIO: (await nursery.start(serve, app, ServerConfig(port=0, write_timeout=PATIENCE)))[0],
            LOGGED: (await nursery.start(serve, app, logged))[0],
            HYPERCORN: (await nursery.start(start))[0],
        }
        nursery.cancel_scope.cancel("the test is over")


async def differences_of(numbers, make_plan):
    """What is wrong with the stacks of these numbers, a line for each."""
    visits, differences = Visits(), []
    limit = trio.CapacityLimiter(AT_ONCE)

    async def one(number):
        async with limit:
            await compare(visits, urls, client, publishers, make_plan(number), differences)
        if number % 250 == 0:
            gc.collect()  # our server has told the collector to be calm; frameworks are full of circles

    async with (
        servers(visits) as urls,
        TestClient(visits, raise_stream_errors=False) as client,
        trio.open_nursery() as publishers,
        trio.open_nursery() as nursery,
    ):
        for number in numbers:
            nursery.start_soon(one, number)
    return differences
