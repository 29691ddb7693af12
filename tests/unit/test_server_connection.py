"""A connection before it has a protocol: the handshake, and what ends it."""

import socket
from contextlib import ExitStack
from itertools import pairwise

import pytest
import trio
from h2.errors import ErrorCodes

from chirp_trio.server.config import ServerConfig
from chirp_trio.server.connection import Connection
from chirp_trio.server.tls import Certificate
from tests.certificates import make_certificate
from tests.integration import frames
from tests.pairs import Client
from tests.unit.http2_harness import answering


async def unused(scope, receive, send):
    raise AssertionError("nobody has asked for anything")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return Certificate(*make_certificate(tmp_path_factory.mktemp("certificate")), ["h2", "http/1.1"])


@pytest.fixture
def client():
    client = Client()
    with client.theirs:
        yield client


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01"], ids=["nothing", "a part"])
async def test_a_handshake_that_does_not_come_to_an_end_is_given_up(certificate, client, autojump_clock, said):
    client.send(said)
    began = trio.current_time()
    await Connection(unused, ServerConfig(handshake_timeout=4), {}, client.ours, certificate.context).run()

    assert trio.current_time() - began == pytest.approx(4)
    assert client.ours.fileno() < 0


async def test_a_stop_waits_for_a_moment_only_for_a_handshake(certificate, client, autojump_clock):
    connection = Connection(unused, ServerConfig(), {}, client.ours, certificate.context)
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.run)
        await trio.sleep(1)
        connection.stop()

    assert trio.current_time() - began == pytest.approx(1.5)


async def stop(connection):
    connection.stop()


async def be_idle(connection):
    await trio.sleep(5)  # and then the server ends the connection


@pytest.mark.parametrize("end", [stop, be_idle])
async def test_a_client_of_http2_that_acknowledges_the_last_response_meets_no_reset(client, autojump_clock, end):
    connection = Connection(answering(), ServerConfig(http2_cleartext=True, keep_alive_timeout=5), {}, client.ours, None)
    client.send(frames.START + frames.request(1, "/"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.run)
        await trio.testing.wait_all_tasks_blocked()
        await end(connection)
        await client.read()
        assert client.is_at_end
        for _ in range(2):  # the first one would bring the reset, and the second one tell of it
            client.send(frames.window_update(0, 5))
            await trio.testing.wait_all_tasks_blocked()
        client.theirs.close()

    assert client.received.count(b"hello") == 1


async def test_a_client_of_http2_that_reads_on_is_told_that_its_response_was_given_up_meanwhile(client, autojump_clock):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        with trio.move_on_after(1):
            await send({"type": "http.response.body", "body": b"x" * 50_000})

    connection = Connection(app, ServerConfig(http2_cleartext=True), {}, client.ours, None)
    client.send(frames.START + frames.request(1, "/"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.run)
        await trio.sleep(2)
        for _ in range(20):
            await client.read()
        client.theirs.close()

    assert frames.RST_STREAM in [kind for kind, *_ in frames.FrameReader().feed(client.received)]


async def flood(client, nursery, connection):
    """Send what is of no use until the server has had enough; and then as much again, which nobody reads."""
    nursery.start_soon(connection.run)
    client.send(frames.START)
    while (goaway := find_goaway(client.received)) is None:
        client.send(frames.ping() * 50)
        await client.read()
    assert goaway == ErrorCodes.ENHANCE_YOUR_CALM
    client.send(frames.ping() * 50)
    await trio.testing.wait_all_tasks_blocked()
    assert client.ours.recv(1, socket.MSG_PEEK)
    assert not client.is_at_end


def find_goaway(received):
    for kind, _, _, payload in frames.FrameReader().feed(received):
        if kind == frames.GOAWAY:
            return int.from_bytes(payload[4:8])
    return None


async def test_who_is_ended_for_a_flood_is_read_no_more_and_finds_the_connection_closed_only_after_a_while(
    client, autojump_clock
):
    """To close it at once would let it make a new one at once, which costs more than what it sends."""
    async with trio.open_nursery() as nursery:
        await flood(client, nursery, Connection(unused, ServerConfig(http2_cleartext=True), {}, client.ours, None))
        began = trio.current_time()

    assert trio.current_time() - began == pytest.approx(2)
    await client.read()
    assert client.is_at_end


async def test_a_stop_does_not_wait_for_who_is_ended_for_a_flood(client, autojump_clock):
    connection = Connection(unused, ServerConfig(http2_cleartext=True), {}, client.ours, None)
    async with trio.open_nursery() as nursery:
        await flood(client, nursery, connection)
        began = trio.current_time()
        connection.stop()

    assert trio.current_time() == began
    await client.read()
    assert client.is_at_end


async def test_of_many_connections_with_one_deadline_few_end_in_one_turn(autojump_clock):
    turns = trio.CapacityLimiter(4)
    with ExitStack() as stack:
        clients = [Client() for _ in range(30)]
        for client in clients:
            stack.enter_context(client.theirs)
        open_after_each_turn = []
        async with trio.open_nursery() as nursery:
            for client in clients:
                nursery.start_soon(Connection(unused, ServerConfig(head_timeout=5), {}, client.ours, None, turns).run)
            await trio.sleep(4.9)
            while any(client.ours.fileno() >= 0 for client in clients):
                open_after_each_turn.append(sum(client.ours.fileno() >= 0 for client in clients))
                if open_after_each_turn == [30]:
                    await trio.sleep(0.1)
                await trio.lowlevel.checkpoint()

    assert open_after_each_turn[0] == 30
    # Whoever looks may do so before or after the others in a turn.
    assert all(before - after <= 8 for before, after in pairwise(open_after_each_turn))


@pytest.mark.parametrize("leave", [Client.reset, lambda client: client.theirs.close()], ids=["reset", "closed"])
async def test_of_many_clients_that_leave_at_once_few_are_found_to_have_left_in_one_turn(autojump_clock, leave):
    """What each leaves behind takes time, which the streams of the others would wait for."""
    left = []

    async def app(scope, receive, send):
        await receive()
        await receive()
        left.append(scope)

    turns = trio.CapacityLimiter(4)
    clients = [Client() for _ in range(30)]
    left_after_each_turn = [0]
    async with trio.open_nursery() as nursery:
        for client in clients:
            client.send(b"GET / HTTP/1.1\r\nhost: server\r\n\r\n")
            nursery.start_soon(Connection(app, ServerConfig(), {}, client.ours, None, turns).run)
        await trio.testing.wait_all_tasks_blocked()
        for client in clients:
            leave(client)
        while len(left) < len(clients):
            await trio.lowlevel.checkpoint()
            left_after_each_turn.append(len(left))

    assert all(after - before <= 8 for before, after in pairwise(left_after_each_turn))
