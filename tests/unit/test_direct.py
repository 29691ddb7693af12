"""The server's direct connections: what reaches the socket, byte for byte, and when they are offered at all."""

import os
import socket

import pytest
import trio
import trio.testing

from chirp_trio.server.config import ServerConfig
from chirp_trio.server.connection import Connection, ConnectionContext
from chirp_trio.server.direct import DirectConnection, offer_direct_connection, write_nowait

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}
PIECE = {"type": "http.response.body", "body": b"x", "more_body": True}
END = {"type": "http.response.body", "body": b"", "more_body": False}


class Wire:
    """A connection that takes everything."""

    def __init__(self):
        self.written = b""
        self.has_begun = True
        self.is_reset = False

    def has_open_body(self):
        return self.has_begun

    def write_nowait(self, data):
        self.written += data
        return True

    def reset_when_closed(self):
        self.is_reset = True


async def ignore(_message):
    pass


async def begun(wire, **changes):
    direct = DirectConnection(wire, ignore)
    await direct.send({**START, **changes})
    return direct


# -- one response -------------------------------------------------------------------------------------------------------


async def test_a_piece_becomes_one_chunk():
    wire = Wire()
    direct = await begun(wire)

    assert direct.write_nowait(b"data: " + b"x" * 20 + b"\n\n")
    assert wire.written == b"1c\r\ndata: " + b"x" * 20 + b"\n\n\r\n"
    assert direct.body_bytes == 28


async def test_it_is_open_between_the_beginning_and_the_end_of_the_body():
    states = []

    async def server(message):
        states.append(direct.is_open)  # while the message is on its way

    direct = DirectConnection(Wire(), server)
    for message in (START, PIECE, END):
        await direct.send(message)
        states.append(direct.is_open)

    assert states == [False, True, True, True, False, False]


async def test_it_stays_closed_where_the_server_has_sent_nothing():
    """hypercorn says nothing when it cannot: after a request that it has refused already, for one."""
    wire = Wire()
    wire.has_begun = False

    assert not (await begun(wire)).is_open


async def test_it_stays_closed_where_the_server_refuses_the_beginning():
    async def refuse(message):
        raise ValueError("no such header")

    direct = DirectConnection(Wire(), refuse)
    with pytest.raises(ValueError, match="no such header"):
        await direct.send(START)
    assert not direct.is_open


@pytest.mark.parametrize(
    "header",
    [(b"Content-Length", b"5"), (b"content-encoding", b"gzip"), (b" transfer-encoding", b"chunked"), (bytearray(b"TE"), b"")],
    ids=repr,
)
@pytest.mark.parametrize("shape", [list, tuple, iter], ids=["list", "tuple", "iterator"])
async def test_a_body_that_no_chunk_fits_into_is_left_alone(header, shape):
    seen = []

    async def server(message):
        seen.extend(message["headers"])

    direct = DirectConnection(Wire(), server)
    await direct.send({**START, "headers": shape([*START["headers"], header])})

    assert direct.is_open == (header[0] == b"TE")
    assert seen == [*START["headers"], header]


@pytest.mark.parametrize(("status", "has_body"), [(103, False), (200, True), (204, False), (304, False), (404, True)])
async def test_a_status_without_a_body_has_no_chunks(status, has_body):
    assert (await begun(Wire(), status=status)).is_open == has_body


@pytest.mark.parametrize(
    ("type", "version", "method", "offered"),
    [
        ("http", "1.1", "GET", True),
        ("http", "1.1", "POST", True),
        ("http", "1.1", "HEAD", False),
        ("http", "1.1", "CONNECT", False),
        ("http", "1.0", "GET", False),
        ("http", "2", "GET", False),
        ("websocket", "1.1", "GET", False),
    ],
)
async def test_it_is_offered_for_requests_of_http_1_1_whose_response_has_a_body(type, version, method, offered):
    seen = []

    async def app(scope, receive, send):
        seen.append("chirp_trio.connection" in scope["extensions"])

    scope = {"type": type, "http_version": version, "method": method, "extensions": {}}
    await offer_direct_connection(app, Wire())(scope, None, ignore)

    assert seen == [offered]


async def test_giving_up_a_client_lets_its_connection_be_reset():
    wire = Wire()
    (await begun(wire)).abort()

    assert wire.is_reset


# -- one connection -----------------------------------------------------------------------------------------------------


class Pair:
    """A connection of the server's, and its client, which reads when it is told to."""

    def __init__(self):
        ours, self.theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.theirs.setblocking(False)
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(ours))
        config = ServerConfig().for_hypercorn()
        self.connection = Connection(None, config, ConnectionContext(30), {}, stream)
        self.received = b""

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.theirs.close()
        await trio.aclose_forcefully(self.connection.stream)

    async def read(self):
        """Read until nothing comes any more."""
        while True:
            await trio.testing.wait_all_tasks_blocked(0.01)
            try:
                data = self.theirs.recv(1 << 20)
            except BlockingIOError:
                return
            if not data:
                return
            self.received += data


BIG = [bytes([letter]) * 300_000 for letter in b"abc"]


async def test_what_is_not_taken_at_once_is_taken_later_in_order():
    async with Pair() as pair, trio.open_nursery() as nursery:
        assert not pair.connection.write_nowait(BIG[0])
        assert not pair.connection.write_nowait(b"1")
        nursery.start_soon(pair.connection.drain)
        await pair.read()
        assert pair.connection.write_nowait(b"2")
        await pair.read()

        assert pair.received == BIG[0] + b"12"


async def test_draining_can_be_cancelled_and_goes_on_where_it_was():
    async with Pair() as pair, trio.open_nursery() as nursery:
        pair.connection.write_nowait(BIG[0])
        with trio.CancelScope() as scope:
            nursery.start_soon(_cancel_when_blocked, scope)
            await pair.connection.drain()
        assert scope.cancelled_caught

        nursery.start_soon(pair.connection.drain)
        await pair.read()
        assert pair.received == BIG[0]


@pytest.mark.parametrize("first", ["direct", "send"])
async def test_nothing_overtakes_what_has_been_taken_in_part(first):
    """Neither a message that somebody sends while a chunk is half written, nor a chunk while a message is."""
    async with Pair() as pair, trio.open_nursery() as nursery:
        connection = pair.connection
        if first == "direct":
            connection.write_nowait(BIG[0])
        else:
            nursery.start_soon(connection._write_all, BIG[0])
        await trio.testing.wait_all_tasks_blocked(0.01)
        nursery.start_soon(connection._write_all, BIG[1])
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert not connection.write_nowait(BIG[2])
        nursery.start_soon(connection.drain)
        await pair.read()

        assert pair.received == b"".join(BIG)


async def test_what_somebody_was_about_to_send_when_cancelled_is_sent_in_its_place():
    """hypercorn has counted it as sent: were it missing, so would be the end of a body, say."""
    async with Pair() as pair, trio.open_nursery() as nursery:
        nursery.start_soon(pair.connection._write_all, BIG[0])
        await trio.testing.wait_all_tasks_blocked(0.01)
        with trio.CancelScope() as scope:
            nursery.start_soon(_cancel_when_blocked, scope)
            await pair.connection._write_all(BIG[1])
        assert scope.cancelled_caught
        nursery.start_soon(pair.connection._write_all, BIG[2])
        await pair.read()

        assert pair.received == b"".join(BIG)


async def test_nothing_is_written_once_the_close_has_begun():
    async with Pair() as pair, trio.open_nursery() as nursery:
        nursery.start_soon(pair.connection._close)
        await trio.testing.wait_all_tasks_blocked(0.01)
        with pytest.raises(trio.BrokenResourceError):
            pair.connection.write_nowait(b"x")
        await pair.read()

        assert pair.received == b""


@pytest.mark.parametrize("way", ["direct", "send"])
async def test_a_large_piece_is_not_copied_at_each_write(way, monkeypatch):
    """A copy of the rest for each of the many writes that a slow client needs makes the time grow with the square."""
    written = []

    def write(descriptor, data):
        written.append(memoryview(data).obj)
        return write_nowait(descriptor, data)

    monkeypatch.setattr("chirp_trio.server.connection.write_nowait", write)
    async with Pair() as pair, trio.open_nursery() as nursery:
        if way == "direct":
            pair.connection.write_nowait(BIG[0])
            nursery.start_soon(pair.connection.drain)
        else:
            nursery.start_soon(pair.connection._write_all, BIG[0])
        await pair.read()

        assert pair.received == BIG[0]
        assert {id(data) for data in written} == {id(BIG[0])}


async def _cancel_when_blocked(scope):
    await trio.testing.wait_all_tasks_blocked(0.01)
    scope.cancel()


def test_a_full_socket_takes_nothing_and_a_closed_one_breaks():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        while write_nowait(ours.fileno(), b"x" * 65536):
            pass
        assert os.read(theirs.fileno(), 10) == b"x" * 10

        theirs.close()
        with pytest.raises(trio.BrokenResourceError):
            write_nowait(ours.fileno(), b"x")
