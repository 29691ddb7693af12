"""Who is let in, who is told that there is no room, and what happens when the system has none."""

import errno
import logging
import socket
import ssl

import pytest
import trio
import trio.testing

from chirp_trio.server import accepting
from chirp_trio.server.accepting import Acceptor, Room
from chirp_trio.server.config import ServerConfig
from chirp_trio.server.tls import Certificate
from tests.cases import each_case
from tests.certificates import make_certificate


def room(**settings):
    return Room(ServerConfig(**settings))


# -- room ---------------------------------------------------------------------------------------------------------------


def test_there_are_as_many_connections_as_there_may_be_in_all():
    rooms = room(max_connections=2)
    assert [rooms.enter((f"192.0.2.{number}", 1)) for number in range(3)] == [True, True, False]
    rooms.leave(("192.0.2.0", 1))
    assert [rooms.enter(("192.0.2.9", 1)) for _ in range(2)] == [True, False]


@each_case(
    ("first", "second", "is_the_same"),
    [
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.8", False),
        ("::ffff:192.0.2.7", "192.0.2.7", True),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
def test_there_are_as_many_as_there_may_be_of_one_client(first, second, is_the_same):
    rooms = room(max_connections_per_client=2)
    assert rooms.enter((first, 1))
    assert rooms.enter((first, 2))
    assert not rooms.enter((first, 3))
    assert rooms.enter((second, 4)) != is_the_same
    rooms.leave((first, 1))
    assert rooms.enter((first, 5))


@each_case("peer", [("127.0.0.1", 1), ("127.9.9.9", 1), ("::1", 1, 0, 0), ("10.1.2.3", 1), "", b"", None], ids=repr)
def test_who_stands_for_many_clients_has_no_bound_but_that_of_all(peer):
    """This machine, trusted proxies, and whoever comes through a Unix socket."""
    rooms = room(max_connections=3, max_connections_per_client=1, trusted_proxies="10.0.0.0/8")
    assert [rooms.enter(peer) for _ in range(4)] == [True, True, True, False]
    rooms.leave(peer)
    assert rooms.enter(peer)


def test_nothing_is_kept_of_clients_that_have_left():
    rooms = room()
    for number in range(200):
        rooms.enter((f"192.0.2.{number}", 1))
        rooms.leave((f"192.0.2.{number}", 1))
    assert not rooms._of_one


# -- accepting ----------------------------------------------------------------------------------------------------------


class Listening:
    """A listening socket of this machine, and what has been accepted on it."""

    def __init__(self, rooms, certificate=None):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.accepted = []
        self.acceptor = Acceptor(self.socket, certificate, rooms, lambda *accepted: self.accepted.append(accepted))
        self.clients = []

    def connect(self):
        client = socket.create_connection(self.socket.getsockname(), 10)
        self.clients.append(client)
        return client

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for opened in (self.socket, *self.clients, *(accepted[0] for accepted in self.accepted)):
            opened.close()


@pytest.fixture
def clock(monkeypatch):
    """The clock by which lines are counted, in seconds."""
    now = [1000.0]
    monkeypatch.setattr(accepting.time, "monotonic", lambda: now[0])
    return now


def test_all_that_wait_are_accepted_ready_to_be_served():
    with Listening(room()) as listening:
        for _ in range(5):
            listening.connect()
        listening.acceptor.accept_waiting()
        assert len(listening.accepted) == 5
        for connection, _tls, _leave in listening.accepted:
            assert connection.gettimeout() == 0


def test_few_are_accepted_in_one_turn_and_the_others_wait_for_the_next():
    with Listening(room()) as listening:
        for _ in range(20):
            listening.connect()
        listening.acceptor.accept_waiting()
        assert len(listening.accepted) == 16
        listening.acceptor.accept_waiting()
        assert len(listening.accepted) == 20


def test_when_a_connection_is_over_there_is_room_for_another():
    with Listening(room(max_connections=1)) as listening:
        for _ in range(3):
            listening.connect()
            listening.acceptor.accept_waiting()
            listening.accepted[-1][2]()
        assert len(listening.accepted) == 3


@pytest.mark.parametrize("speaks_first", [True, False], ids=["who has asked already", "who asks later"])
def test_who_finds_no_room_reads_why(speaks_first, clock, caplog):
    with Listening(room(max_connections=1)) as listening:
        listening.connect()
        refused = listening.connect()
        if speaks_first:
            refused.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        listening.acceptor.accept_waiting()
        head, _, body = refused.makefile("rb").read().partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nretry-after: 10\r\nconnection: close" in head
    assert int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]) == len(body)
    assert len(listening.accepted) == 1
    (record,) = caplog.records
    assert record.getMessage().startswith(
        "1 connections refused, the last from 127.0.0.1: there are as many as max_connections"
    )


def test_who_finds_no_room_and_speaks_tls_gets_an_alert(clock, tmp_path):
    with Listening(room(max_connections=1), Certificate(*make_certificate(tmp_path), [])) as listening:
        listening.connect()
        refused = listening.connect()
        listening.acceptor.accept_waiting()
        with pytest.raises(ssl.SSLError, match=r"(?i)internal.error"):
            ssl.create_default_context().wrap_socket(refused, server_hostname="localhost")


def test_a_flood_of_refusals_is_a_line_in_ten_seconds(clock, caplog):
    with Listening(room(max_connections=1)) as listening:
        listening.connect()
        for _ in range(5):
            for _ in range(10):
                listening.connect()
                listening.acceptor.accept_waiting()
            clock[0] += 5
    assert [record.getMessage().split()[0] for record in caplog.records] == ["1", "20", "20"]


class Failing:
    """A listening socket whose `accept()` fails, as long as it is told to."""

    def __init__(self, listening, *errors):
        self._listening = listening
        self.errors = list(errors)
        self.calls = 0

    def fileno(self):
        return self._listening.fileno()

    def accept(self):
        self.calls += 1
        if self.errors:
            raise OSError(self.errors.pop(0), "out of it")
        return self._listening.accept()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM], ids=errno.errorcode.get)
async def test_where_the_system_is_out_of_something_it_is_asked_again_after_a_pause_and_a_line_says_so(
    number, clock, caplog, autojump_clock
):
    with Listening(room()) as listening:
        failing = Failing(listening.socket, *[number] * 50)
        listening.acceptor._listening = failing
        listening.connect()
        with trio.move_on_after(4.95):
            await listening.acceptor.run()
        assert failing.calls == 50
        assert not listening.accepted
        with trio.move_on_after(0.2):
            await listening.acceptor.run()
        assert len(listening.accepted) == 1
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.exc_info is None
    assert "ulimit -n" in record.getMessage()
    assert "--max-connections" in record.getMessage()


def test_a_client_that_has_left_before_it_was_accepted_costs_nothing():
    with Listening(room()) as listening:
        listening.acceptor._listening = Failing(listening.socket, errno.ECONNABORTED, errno.EPROTO)
        listening.connect()
        listening.acceptor.accept_waiting()
        assert len(listening.accepted) == 1


async def test_what_is_wrong_with_the_socket_itself_is_an_error(autojump_clock):
    with Listening(room()) as listening:
        listening.acceptor._listening = Failing(listening.socket, errno.EBADF)
        listening.connect()
        with pytest.raises(OSError, match="out of it"):
            await listening.acceptor.run()


async def test_where_somebody_else_has_shut_the_socket_down_that_is_said_once_and_nobody_asks_again(autojump_clock, caplog):
    """Such as the parent of this process, or its supervisor. Otherwise this would go round in circles for ever."""

    class Shut(Failing):
        def accept(self):
            assert not self.calls
            return super().accept()

        def getsockname(self):
            return self._listening.getsockname()

    with Listening(room()) as listening:
        listening.acceptor._listening = shut = Shut(listening.socket)
        listening.socket.shutdown(socket.SHUT_RDWR)
        with trio.move_on_after(60):
            await listening.acceptor.run()
        assert shut.calls == 1
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().startswith("no connection is accepted on ('127.0.0.1', ")
