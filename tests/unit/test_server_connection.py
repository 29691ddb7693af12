"""What ends a connection, and what its client is told."""

import socket
from itertools import pairwise

import pytest
import trio
from h2.errors import ErrorCodes

from chirp_trio.server.config import ServerConfig
from chirp_trio.server.watch import PER_TURN, Watch
from tests.integration import frames
from tests.pairs import Client, Served
from tests.unit.http2_harness import answering


async def unused(scope, receive, send):
    raise AssertionError("nobody has asked for anything")


@pytest.fixture
def client():
    client = Client()
    with client.theirs:
        yield client


async def stop(served):
    served.stop()


async def be_idle(served):
    await trio.sleep(5)  # and then the server ends the connection


@pytest.mark.parametrize("end", [stop, be_idle])
async def test_a_client_of_http2_that_acknowledges_the_last_response_meets_no_reset(client, autojump_clock, end):
    served = Served(answering(), ServerConfig(http2_cleartext=True, keep_alive_timeout=5), client.ours)
    client.send(frames.START + frames.request(1, "/"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(served.run)
        await trio.testing.wait_all_tasks_blocked()
        await end(served)
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

    served = Served(app, ServerConfig(http2_cleartext=True), client.ours)
    client.send(frames.START + frames.request(1, "/"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(served.run)
        await trio.sleep(2)
        for _ in range(20):
            await client.read()
        client.theirs.close()

    assert frames.RST_STREAM in [kind for kind, *_ in frames.FrameReader().feed(client.received)]


async def flood(client, nursery, served):
    """Send what is of no use until the server has had enough; and then as much again, which nobody reads."""
    nursery.start_soon(served.run)
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
        await flood(client, nursery, Served(unused, ServerConfig(http2_cleartext=True), client.ours))
        began = trio.current_time()

    assert trio.current_time() - began == pytest.approx(2)
    await client.read()
    assert client.is_at_end


async def test_a_stop_does_not_wait_for_who_is_ended_for_a_flood(client, autojump_clock):
    served = Served(unused, ServerConfig(http2_cleartext=True), client.ours)
    async with trio.open_nursery() as nursery:
        await flood(client, nursery, served)
        began = trio.current_time()
        served.stop()

    assert trio.current_time() == began
    await client.read()
    assert client.is_at_end


@pytest.mark.parametrize("leave", [Client.reset, lambda client: client.theirs.close()], ids=["reset", "closed"])
async def test_of_many_clients_that_leave_at_once_few_are_found_to_have_left_in_one_turn(autojump_clock, leave):
    """What each leaves behind takes time, which the streams of the others would wait for."""
    left = []

    async def app(scope, receive, send):
        await receive()
        await receive()
        left.append(scope)

    clients = [Client() for _ in range(5 * PER_TURN)]
    left_after_each_turn = [0]
    with Watch() as watch:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch.run)
            for client in clients:
                client.send(b"GET / HTTP/1.1\r\nhost: server\r\n\r\n")
                nursery.start_soon(Served(app, ServerConfig(), client.ours, watch=watch).run)
            await trio.testing.wait_all_tasks_blocked()
            for client in clients:
                leave(client)
            while len(left) < len(clients):
                await trio.lowlevel.checkpoint()
                left_after_each_turn.append(len(left))
            nursery.cancel_scope.cancel()

    assert all(after - before <= 2 * PER_TURN for before, after in pairwise(left_after_each_turn))
