"""Connections that nobody reads from: who is told that something comes, for how long, and in which turn."""

import errno
import ssl

import pytest
import trio
import trio.testing

from chirp_trio import App, EventStream
from chirp_trio.server.transport import Transport
from chirp_trio.server.watch import PER_TURN, Watch
from tests.cases import each_case
from tests.certificates import client_context, make_certificate
from tests.pairs import Client, visiting

GET = b"GET / HTTP/1.1\r\nhost: server\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: server\r\ncontent-length: 5\r\n\r\n"


class Noted:
    """A watcher that notes when it was told."""

    def __init__(self, transport):
        self.transport = transport
        self.came = []

    def take_in(self):
        self.came.append(self.transport.receive_nowait())
        if not self.came[-1]:
            self.transport.unwatch(self)


@pytest.fixture
async def watch(nursery):
    with Watch() as watch:
        nursery.start_soon(watch.run)
        yield watch


def connect(watch):
    client = Client()
    return client, Transport(client.ours, 30, watch=watch)


async def test_each_is_told_what_comes_on_its_own_connection(watch, autojump_clock):
    pairs = [connect(watch) for _ in range(3)]
    watchers = [Noted(transport) for _, transport in pairs]
    for (_, transport), watcher in zip(pairs, watchers, strict=True):
        transport.watch(watcher)
    pairs[1][0].send(b"hello")
    pairs[2][0].theirs.close()
    await trio.testing.wait_all_tasks_blocked()
    assert [watcher.came for watcher in watchers] == [[], [b"hello"], [b""]]
    for client, transport in pairs:
        transport.reset()
        client.theirs.close()


async def test_what_comes_while_there_is_no_watcher_is_kept_for_the_next(watch, autojump_clock):
    client, transport = connect(watch)
    first, second = Noted(transport), Noted(transport)
    transport.watch(first)
    transport.unwatch(first)
    client.send(b"hello")
    await trio.testing.wait_all_tasks_blocked()  # which it never is, while a watch turns in a circle
    assert first.came == []
    transport.watch(second)
    await trio.testing.wait_all_tasks_blocked()
    assert (first.came, second.came) == ([], [b"hello"])
    transport.unwatch(first)  # which it is not any more
    client.send(b"again")
    await trio.testing.wait_all_tasks_blocked()
    assert second.came == [b"hello", b"again"]
    transport.reset()
    client.theirs.close()


async def test_one_that_is_closed_in_the_same_turn_is_not_told_nor_is_one_with_the_same_number(watch, autojump_clock):
    pairs = [connect(watch) for _ in range(2)]
    numbers = {transport.fileno() for _, transport in pairs}
    later = []

    class Closing(Noted):
        def take_in(self):
            super().take_in()
            for client, transport in pairs:
                if transport is not self.transport:
                    transport.reset()
                    client.theirs.close()
            while not later or later[-1][1].fileno() not in numbers:
                later.append(connect(watch))
            later[-1][1].watch(Noted(later[-1][1]))

    watchers = [Closing(transport) for _, transport in pairs]
    for (client, transport), watcher in zip(pairs, watchers, strict=True):
        transport.watch(watcher)
        client.send(b"hello")
    await trio.testing.wait_all_tasks_blocked()
    assert sorted(watcher.came for watcher in watchers) == [[], [b"hello"]]
    for client, transport in [*pairs, *later]:
        transport.reset()
        client.theirs.close()


async def test_few_of_many_are_told_in_one_turn(watch, autojump_clock):
    pairs = [connect(watch) for _ in range(3 * PER_TURN)]
    watchers = [Noted(transport) for _, transport in pairs]
    for watcher in watchers:
        watcher.transport.watch(watcher)
    for client, _ in pairs:
        client.send(b"x")
    told, most = 0, 0
    while told < len(watchers):
        await trio.lowlevel.checkpoint()
        now = sum(len(watcher.came) for watcher in watchers)
        most, told = max(most, now - told), now
    assert most <= 2 * PER_TURN
    for client, transport in pairs:
        transport.reset()
        client.theirs.close()


# -- streams ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificate"))


def app_of(source):
    app = App()

    @app.route("/", methods=["GET", "POST"])
    async def stream():
        return EventStream(source, heartbeat_interval=None)

    return app


class Endless:
    def __init__(self):
        self.yielded = self.ended = 0

    async def __call__(self):
        try:
            self.yielded += 1
            yield "one"
            await trio.sleep_forever()
        finally:
            self.ended += 1


@each_case("method", [GET, POST + b"hello", POST], ids=["GET", "a whole body", "a body that does not come"])
@each_case("leave", ["closes", "resets", "says nothing more"])
async def test_a_stream_ends_when_its_client_leaves(autojump_clock, method, leave):
    source = Endless()
    async with visiting(app_of(source)) as visit:
        assert b"data: one" in await visit.ask(method)
        assert source.ended == 0
        match leave:
            case "closes":
                visit.theirs.close()
            case "resets":
                visit.reset()
            case "says nothing more":
                visit.theirs.shutdown(1)
        await trio.testing.wait_all_tasks_blocked()
        assert (source.ended, visit.is_over) == (1, True)


async def three():
    for number in range(3):
        yield number
        await trio.sleep(1)


@pytest.mark.parametrize("when", ["with the first one", "meanwhile"])
async def test_a_request_that_comes_while_a_stream_is_open_is_answered_after_it(autojump_clock, when):
    async with visiting(app_of(three)) as visit:
        visit.send(GET * 2 if when == "with the first one" else GET)
        await trio.sleep(0.5)
        if when == "meanwhile":
            visit.send(GET[:10])
            await trio.sleep(0.5)
            visit.send(GET[10:])
        await trio.sleep(10)
        answer = await visit.answer()
    assert answer.count(b"HTTP/1.1 200") == 2
    assert answer.count(b"data: 2") == 2


async def test_with_tls_a_request_in_one_piece_with_the_first_is_answered_after_it(autojump_clock, files):
    certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.load_cert_chain(*files)
    async with visiting(app_of(three), certificate=certificate, tls=client_context(files[0], "http/1.1")) as visit:
        await visit.does(visit.tls.do_handshake)
        records = []
        visit.tls.write(GET)
        visit.tls.write(GET)
        records = visit._outgoing.read()  # two records, which come together
        visit.theirs.sendall(records)
        await trio.sleep(10)
        received = b""
        while received.count(b"data: 2") < 2:
            received += await visit.does(lambda: visit.tls.read(65536))
    assert received.count(b"HTTP/1.1 200") == 2


async def test_a_stream_that_the_system_cannot_watch_ends_alone(autojump_clock, monkeypatch, caplog):
    source = Endless()
    async with visiting(app_of(source)) as visit:
        with monkeypatch.context() as patch:
            patch.setattr(Watch, "add", fail_with(OSError(errno.ENOSPC, "no more watches")))
            visit.send(GET)
            await trio.testing.wait_all_tasks_blocked()
    assert "a connection failed" in [record.getMessage() for record in caplog.records]
    assert (visit.is_over, source.yielded) == (True, source.ended)


def fail_with(error):
    def fail(*_):
        raise error

    return fail
