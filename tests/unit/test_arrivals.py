"""Connections until their first request has come: in one task, with a deadline, and a few in each turn."""

import errno
import logging
import socket
from contextlib import ExitStack, asynccontextmanager
from itertools import pairwise

import pytest
import trio
import trio.testing

from chirp_trio.server.arrivals import Arrivals
from chirp_trio.server.config import ServerConfig
from chirp_trio.server.listeners import listen, open_listeners
from chirp_trio.server.tls import Certificate
from chirp_trio.server.transport import Transport
from chirp_trio.server.watch import Watch
from tests.cases import each_case
from tests.certificates import client_context, make_certificate
from tests.pairs import Client

HEAD = b"GET / HTTP/1.1\r\nhost: server\r\n\r\n"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def certificate(files):
    return Certificate(*files, ["h2", "http/1.1"]).context


class Arriving:
    """Connections that arrive, and what has become of them."""

    def __init__(self, stack, **settings):
        self._stack = stack
        self.served = []
        self.left = []
        self.watch = stack.enter_context(Watch())
        self.arrivals = stack.enter_context(Arrivals(ServerConfig(**settings), self._serve, self.watch))

    def _serve(self, arrival):
        self.served.append(arrival)
        self._stack.callback(arrival.transport.reset)

    def come(self, said=b"", *, certificate=None, tls=None):
        client = Client(tls)
        self._stack.enter_context(client.theirs)
        client.send(said)
        self.arrivals.add(client.ours, certificate, lambda: self.left.append(client))
        return client


@asynccontextmanager
async def arriving(**settings):
    with ExitStack() as stack:
        there = Arriving(stack, **settings)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(there.watch.run)
            nursery.start_soon(there.arrivals.run)
            yield there
            nursery.cancel_scope.cancel()


# -- the first request --------------------------------------------------------------------------------------------------


async def test_a_request_that_is_there_already_is_served_without_a_wait(autojump_clock):
    async with arriving() as there:
        there.come(HEAD + b"more")
        (arrival,) = there.served
        assert arrival.reader.take_rest() == b"more"
        first = arrival.take_first()
        assert (first.method, first.target) == ("GET", b"/")


@pytest.mark.parametrize("size", [1, 7, len(HEAD) - 1])
async def test_one_that_comes_in_pieces_is_served_when_it_is_complete(autojump_clock, size):
    async with arriving() as there:
        client = there.come()
        for place in range(0, len(HEAD), size):
            assert not there.served
            client.send(HEAD[place : place + size])
            await trio.testing.wait_all_tasks_blocked()
        assert there.served[0].take_first().headers == [(b"host", b"server")]


async def test_of_empty_lines_before_a_request_one_is_passed_over_and_no_more(autojump_clock):
    async with arriving(head_timeout=5) as there:
        client = there.come()
        for piece in (b"\r", b"\n", b"\r"):
            await trio.sleep(4.9)
            assert not there.served
            client.send(piece)
            await trio.testing.wait_all_tasks_blocked()
        assert there.served[0].take_first() == 400


MANY_LINES = b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 101


@each_case(
    ("said", "status"),
    [(b"\r\n\r\n", 400), (b"GET /\r\n\r\n", 400), (b"G" * 40_000, 414), (MANY_LINES, 431)],
    ids=["empty lines", "half a line", "a long line", "many lines"],
)
async def test_what_is_no_request_is_to_be_refused(autojump_clock, said, status):
    async with arriving() as there:
        there.come(said)
        await trio.testing.wait_all_tasks_blocked()
        assert there.served[0].take_first() == status
        assert not there.left


async def test_a_client_that_leaves_in_the_middle_of_its_request_is_told_that_it_was_none(autojump_clock):
    async with arriving() as there:
        client = there.come(HEAD[:10])
        client.theirs.shutdown(socket.SHUT_WR)
        await trio.testing.wait_all_tasks_blocked()
        assert there.served[0].take_first() == 400


@pytest.mark.parametrize("leave", [Client.reset, lambda client: client.theirs.close()], ids=["reset", "closed"])
async def test_one_that_leaves_before_it_has_said_anything_is_closed(autojump_clock, leave):
    async with arriving() as there:
        client = there.come()
        await trio.testing.wait_all_tasks_blocked()
        leave(client)
        await trio.testing.wait_all_tasks_blocked()
        assert there.left == [client]
        assert client.ours.fileno() < 0
        assert not there.served


# -- TLS ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("protocol", "said"), [("http/1.1", HEAD), ("h2", b"PRI * HTTP/2.0\r\n")])
async def test_after_a_handshake_the_protocol_is_known(autojump_clock, files, certificate, protocol, said):
    async with arriving() as there:
        client = there.come(certificate=certificate, tls=client_context(files[0], protocol))
        await client.does(client.tls.do_handshake)
        await trio.testing.wait_all_tasks_blocked()
        assert not there.served
        await client.does(lambda: client.tls.write(said))
        await trio.testing.wait_all_tasks_blocked()
        (arrival,) = there.served
        assert arrival.is_http2 == (protocol == "h2")
        assert arrival.is_http2 or arrival.take_first().target == b"/"
        assert arrival.reader.take_rest() == (said if arrival.is_http2 else b"")


async def test_a_request_in_one_piece_with_the_end_of_the_handshake_is_served(autojump_clock, files, certificate):
    async with arriving() as there:
        client = there.come(certificate=certificate, tls=client_context(files[0], "http/1.1"))
        send = client.theirs.sendall
        said = []
        client.theirs = type("Held", (), {"sendall": lambda _, data: said.append(data), "recv": client.theirs.recv})()
        with pytest.raises(BlockingIOError):
            await client.does(client.tls.do_handshake)
        send(said.pop())
        await trio.testing.wait_all_tasks_blocked()
        await client.does(client.tls.do_handshake)
        await client.does(lambda: client.tls.write(HEAD))
        send(b"".join(said))
        await trio.testing.wait_all_tasks_blocked()
        assert there.served[0].take_first().target == b"/"


async def test_a_client_that_speaks_no_tls_is_closed(autojump_clock, certificate):
    async with arriving() as there:
        client = there.come(HEAD, certificate=certificate)
        assert there.left == [client]
        assert not there.served


# -- deadlines ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01"], ids=["nothing", "a part"])
async def test_a_handshake_that_does_not_come_to_an_end_is_given_up(autojump_clock, certificate, said):
    async with arriving(handshake_timeout=4) as there:
        await trio.sleep(1.5)
        client = there.come(said, certificate=certificate)
        await trio.sleep(3.9)
        assert not there.left
        await trio.sleep(0.2)
        assert there.left == [client]


async def test_a_request_has_to_begin_in_time_once_the_handshake_is_over(autojump_clock, files, certificate):
    async with arriving(handshake_timeout=20, head_timeout=5) as there:
        client = there.come(certificate=certificate, tls=client_context(files[0], "http/1.1"))
        await trio.sleep(8)
        await client.does(client.tls.do_handshake)
        await trio.sleep(4.9)
        assert not there.left
        await trio.sleep(0.2)
        assert there.left == [client]
        # It is told that this is the end (RFC 8446, 6.1).
        assert await client.does(lambda: client.tls.read(1)) == b""


async def test_a_request_has_to_come_to_an_end_in_time_once_it_has_begun(autojump_clock):
    async with arriving(head_timeout=5) as there:
        client = there.come()
        await trio.sleep(4)
        client.send(HEAD[:5])
        await trio.sleep(4.9)
        client.send(HEAD[5:10])  # which does not help
        assert not there.served
        await trio.sleep(0.2)
        assert there.served[0].take_first() == 408


async def test_of_many_with_one_deadline_few_end_in_one_turn(autojump_clock):
    """What each leaves behind takes time, which the streams of the others would wait for."""
    async with arriving(head_timeout=5) as there:
        for _ in range(100):
            there.come()
        await trio.sleep(5)
        await few_in_each_turn(there.left)


async def test_of_many_that_leave_at_once_few_are_found_to_have_left_in_one_turn(autojump_clock):
    async with arriving() as there:
        clients = [there.come() for _ in range(100)]
        await trio.testing.wait_all_tasks_blocked()
        for client in clients:
            client.theirs.close()
        await few_in_each_turn(there.left)


async def few_in_each_turn(left):
    counts = [0]
    while counts[-1] < 100:
        counts.append(len(left))
        await trio.lowlevel.checkpoint()
    # Whoever looks may do so before or after the others in a turn.
    assert all(after - before <= 32 for before, after in pairwise(counts))


async def test_one_that_is_given_up_while_others_have_their_turns_is_closed_once(autojump_clock):
    async with arriving(head_timeout=5) as there:
        clients = [there.come() for _ in range(80)]
        await trio.sleep(5)
        for client in reversed(clients):
            client.theirs.close()
        await trio.testing.wait_all_tasks_blocked()
        assert sorted(map(id, there.left)) == sorted(map(id, clients))


# -- the end ------------------------------------------------------------------------------------------------------------


async def test_a_stop_waits_for_a_moment_only(autojump_clock):
    with ExitStack() as stack:
        there = Arriving(stack)
        half, whole = there.come(HEAD[:5]), there.come()
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(there.watch.run)
            async with trio.open_nursery() as finishing:
                finishing.start_soon(there.arrivals.finish)
                await trio.sleep(0.3)
                whole.send(HEAD)
                await trio.testing.wait_all_tasks_blocked()
                assert there.served[0].take_first().target == b"/"
            nursery.cancel_scope.cancel()
        assert trio.current_time() - began == pytest.approx(0.5)
        there.arrivals.__exit__(None, None, None)
        assert there.left == [half]
        assert len(there.served) == 1


async def test_a_stop_does_not_wait_for_anybody_if_nobody_is_there(autojump_clock):
    with ExitStack() as stack:
        there = Arriving(stack)
        await there.arrivals.finish()
        assert trio.current_time() == 0


async def test_what_goes_wrong_with_one_harms_no_other(autojump_clock, monkeypatch, caplog):
    async with arriving() as there:
        broken, other = there.come(), there.come()
        await trio.testing.wait_all_tasks_blocked()
        handle = Transport.receive_nowait

        def fail(transport):
            if transport._socket is broken.ours:
                raise MemoryError
            return handle(transport)

        monkeypatch.setattr(Transport, "receive_nowait", fail)
        for client in (broken, other):
            client.send(HEAD)
        await trio.testing.wait_all_tasks_blocked()
        assert there.left == [broken]
        assert len(there.served) == 1
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == "a connection failed"


async def test_where_the_system_cannot_watch_one_it_is_closed_and_others_go_on(autojump_clock, monkeypatch, caplog):
    async with arriving() as there:
        with monkeypatch.context() as patch:
            patch.setattr(there.watch._selector, "register", fail_with(OSError(errno.ENOSPC, "no more watches")))
            unwatched = there.come()
        assert there.left == [unwatched]
        assert unwatched.ours.fileno() < 0
        other = there.come()
        await trio.testing.wait_all_tasks_blocked()
        other.send(HEAD)
        await trio.testing.wait_all_tasks_blocked()
        assert len(there.served) == 1
    assert [record.getMessage() for record in caplog.records] == ["a connection failed"]


def fail_with(error):
    def fail(*_):
        raise error

    return fail


# -- what accepted connections inherit ----------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(socket, "TCP_NOTSENT_LOWAT"), reason="this system has no such option")
def test_the_system_sends_what_it_gets_at_once_and_holds_little_of_what_it_cannot_send():
    with open_listeners(["127.0.0.1:0"], scheme="http", reuse_port=False, timeout=30) as (listeners, _):
        listen(listeners)
        with socket.create_connection(listeners[0].getsockname(), 10):
            accepted, _ = listeners[0].accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 16 * 1024
