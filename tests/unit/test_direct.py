"""The server's direct connections: what reaches the socket, byte for byte, and when they are offered at all."""

import os
import socket

import pytest
import trio

from chirp_trio.server.direct import DirectConnection, offer_direct_connection, write_nowait


class Wire:
    """A connection that takes a number of bytes, and more whenever it becomes writable."""

    def __init__(self, *takes):
        self.takes = list(takes)
        self.written = b""
        self.is_reset = False

    def write_nowait(self, data):
        taken = min(len(data), self.takes.pop(0) if self.takes else len(data))
        self.written += data[:taken]
        return taken

    async def wait_writable(self):
        await trio.lowlevel.checkpoint()

    def reset_when_closed(self):
        self.is_reset = True


async def ignore(_message):
    pass


async def begun(wire, headers=()):
    direct = DirectConnection(wire, ignore)
    await direct.send({"type": "http.response.start", "status": 200, "headers": headers})
    return direct


async def test_a_piece_becomes_one_chunk():
    wire = Wire()
    direct = await begun(wire)

    assert direct.write_nowait(b"data: " + b"x" * 20 + b"\n\n")
    assert wire.written == b"1c\r\ndata: " + b"x" * 20 + b"\n\n\r\n"


@pytest.mark.parametrize("takes", [[0], [1], [5], [0, 0, 3], [1] * 40], ids=repr)
async def test_what_is_not_taken_at_once_is_taken_later_in_order(takes):
    wire = Wire(*takes)
    direct = await begun(wire)

    assert not direct.write_nowait(b"data: first\n\n")
    await direct.drain()
    assert wire.written == b"d\r\ndata: first\n\n\r\n"

    wire.takes.clear()
    assert direct.write_nowait(b"x")
    assert wire.written.endswith(b"\r\n1\r\nx\r\n")


async def test_draining_can_be_cancelled_and_goes_on_where_it_was(autojump_clock):
    class Stalled(Wire):
        async def wait_writable(self):
            await trio.sleep(10)

    wire = Stalled(3)
    direct = await begun(wire)
    direct.write_nowait(b"data: first\n\n")
    with trio.move_on_after(5) as scope:
        await direct.drain()
    assert scope.cancelled_caught

    await direct.drain()
    assert wire.written == b"d\r\ndata: first\n\n\r\n"


async def test_it_is_open_between_the_beginning_and_the_end_of_the_body():
    direct = DirectConnection(Wire(), ignore)
    states = [direct.is_open]
    for message in (
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]},
        {"type": "http.response.body", "body": b"x", "more_body": True},
        {"type": "http.response.body", "body": b"", "more_body": False},
    ):
        await direct.send(message)
        states.append(direct.is_open)

    assert states == [False, True, True, False]


@pytest.mark.parametrize("header", [(b"Content-Length", b"5"), (b"content-encoding", b"gzip")], ids=repr)
async def test_a_body_that_no_chunk_fits_into_is_left_alone(header):
    assert not (await begun(Wire(), [header])).is_open


async def test_it_is_offered_for_http_1_1_only():
    offered = {}

    async def app(scope, receive, send):
        offered[scope["type"], scope.get("http_version")] = "chirp_trio.connection" in scope.get("extensions", {})

    wrapped = offer_direct_connection(app, Wire())
    for scope in (
        {"type": "http", "http_version": "1.1", "extensions": {}},
        {"type": "http", "http_version": "1.0", "extensions": {}},
        {"type": "websocket", "http_version": "1.1", "extensions": {}},
    ):
        await wrapped(scope, None, ignore)

    assert offered == {("http", "1.1"): True, ("http", "1.0"): False, ("websocket", "1.1"): False}


async def test_giving_up_a_client_lets_its_connection_be_reset():
    wire = Wire()
    (await begun(wire)).abort()

    assert wire.is_reset


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
