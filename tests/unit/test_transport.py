"""A connection as bytes: what reaches the other end, in which order, and when the client is given up."""

from functools import partial

import pytest
import trio
import trio.testing

from chirp_trio.server.incoming import READ_SIZE
from chirp_trio.server.tls import Certificate
from chirp_trio.server.transport import WRITE_SIZE
from tests.certificates import client_context, make_certificate
from tests.pairs import Pair

BIG = [bytes([letter]) * 300_000 for letter in b"abc"]


async def give_up_draining(pair, nursery):
    """Drain until nothing goes on any more, and be cancelled."""
    with trio.CancelScope() as scope:
        nursery.start_soon(_cancel_when_blocked, scope)
        await pair.transport.drain()
    assert scope.cancelled_caught


async def _cancel_when_blocked(scope):
    await trio.testing.wait_all_tasks_blocked()
    scope.cancel()


# -- out ----------------------------------------------------------------------------------------------------------------


async def test_what_the_system_takes_is_on_the_wire_at_once():
    async with Pair() as pair:
        assert pair.transport.write_nowait(b"now")
        assert pair.theirs.recv(10) == b"now"
        assert not pair.transport.backlog
        await pair.transport.drain()


async def test_what_is_not_taken_at_once_is_taken_later_in_the_order_in_which_it_was_given():
    async with Pair() as pair, trio.open_nursery() as nursery:
        assert not pair.transport.write_nowait(BIG[0])
        assert not pair.transport.write_nowait(b"1")
        assert pair.transport.backlog
        nursery.start_soon(pair.transport.drain)
        nursery.start_soon(pair.transport.drain)  # as the exchanges of one HTTP/2 connection do
        await pair.read()
        assert pair.transport.write_nowait(b"2")
        await pair.read()

        assert pair.received == BIG[0] + b"12"
        assert not pair.transport.backlog


async def test_draining_can_be_cancelled_and_goes_on_where_it_was():
    """What was given counts as sent. Were it dropped, the next bytes would land in the middle of a chunk."""
    async with Pair() as pair, trio.open_nursery() as nursery:
        for part in BIG:
            pair.transport.write_nowait(part)
            await give_up_draining(pair, nursery)
        nursery.start_soon(pair.transport.drain)
        await pair.read()

        assert pair.received == b"".join(BIG)


async def test_a_large_piece_is_not_copied_at_each_write(monkeypatch):
    """A copy of the rest for each of the many writes that a slow client needs makes the time grow with the square."""
    written = []
    async with Pair() as pair, trio.open_nursery() as nursery:
        write = pair.transport._write
        monkeypatch.setattr(
            type(pair.transport), "_write", lambda _self, data: written.append(memoryview(data).obj) or write(data)
        )
        pair.transport.write_nowait(BIG[0])
        pair.transport.write_nowait(BIG[1])
        nursery.start_soon(pair.transport.drain)
        await pair.read()

        assert pair.received == BIG[0] + BIG[1]
        assert {id(data) for data in written} == {id(BIG[0]), id(BIG[1])}


async def test_a_client_that_takes_nothing_is_given_up_after_the_timeout(autojump_clock):
    async with Pair(write_timeout=7) as pair:
        pair.transport.write_nowait(BIG[0])
        with pytest.raises(trio.BrokenResourceError, match="does not read"):
            await pair.transport.drain()
        assert trio.current_time() == 7

        with pytest.raises(trio.BrokenResourceError):
            pair.transport.write_nowait(b"x")
        with pytest.raises(trio.BrokenResourceError):
            await pair.transport.receive()


async def test_a_client_that_takes_a_few_bytes_now_and_then_is_not(autojump_clock):
    """The timeout begins anew with each byte: it is for clients that take none, and not for those that take their time."""
    async with Pair(write_timeout=7) as pair, trio.open_nursery() as nursery:
        pair.transport.write_nowait(BIG[0])
        nursery.start_soon(pair.transport.drain)
        while len(pair.received) < 200_000:
            await trio.sleep(6)
            await pair.read(8_000)
        await pair.read()

        assert trio.current_time() >= 150
        assert pair.received == BIG[0]


async def test_progress_is_made_when_the_client_reads_and_not_when_the_system_has_room():
    async with Pair() as pair, trio.open_nursery() as nursery:
        assert pair.transport.write_nowait(b"written at once, and not read yet" * 100)
        pair.transport.write_nowait(BIG[0])
        nursery.start_soon(pair.transport.drain)
        await trio.testing.wait_all_tasks_blocked()
        before = pair.transport.progress
        await trio.testing.wait_all_tasks_blocked()
        assert pair.transport.progress == before

        pair.theirs.recv(4096)
        assert pair.transport.progress > before
        await pair.read()


async def test_a_server_that_is_about_to_stop_has_less_patience_with_a_client_that_does_not_read(autojump_clock):
    async with Pair(write_timeout=30) as pair, trio.open_nursery() as nursery:
        pair.transport.write_nowait(BIG[0])

        @nursery.start_soon
        async def drain():
            with pytest.raises(trio.BrokenResourceError):
                await pair.transport.drain()
            assert trio.current_time() == 2.5

        await trio.sleep(2)
        pair.transport.hurry(0.5)


@pytest.mark.parametrize("leave", ["close", "reset"])
async def test_writing_to_a_client_that_has_left_fails(leave):
    async with Pair() as pair:
        pair.theirs.close() if leave == "close" else pair.reset()
        with pytest.raises(trio.BrokenResourceError):
            pair.transport.write_nowait(b"x")


# -- in -----------------------------------------------------------------------------------------------------------------


async def test_what_comes_is_received_and_nothing_once_the_client_has_said_so():
    async with Pair() as pair:
        pair.send(b"hello")
        assert await pair.transport.receive() == b"hello"
        pair.theirs.close()
        assert await pair.transport.receive() == b""


async def test_receiving_can_be_cancelled_and_misses_nothing(autojump_clock):
    async with Pair() as pair:
        with trio.move_on_after(1):
            await pair.transport.receive()
        pair.send(b"hello")
        assert await pair.transport.receive() == b"hello"


@pytest.mark.parametrize("wait", ["receive", "drain"])
async def test_who_waits_is_told_when_the_connection_is_closed(wait):
    async with Pair() as pair, trio.open_nursery() as nursery:
        if wait == "drain":
            pair.transport.write_nowait(BIG[0])

        @nursery.start_soon
        async def waiting():
            with pytest.raises(trio.BrokenResourceError):
                await getattr(pair.transport, wait)()

        await trio.testing.wait_all_tasks_blocked()
        pair.transport.reset()


# -- its end ------------------------------------------------------------------------------------------------------------


async def test_closing_writes_what_is_left_and_then_says_that_nothing_follows():
    async with Pair() as pair, trio.open_nursery() as nursery:
        pair.transport.write_nowait(BIG[0])
        nursery.start_soon(pair.transport.close)
        await pair.read()

        assert pair.received == BIG[0]
        assert pair.is_at_end


async def test_closing_takes_a_moment_at_most_where_the_client_does_not_read(autojump_clock):
    async with Pair() as pair:
        pair.transport.write_nowait(BIG[0])
        await pair.transport.close()
        assert trio.current_time() == 0.5


async def test_closing_takes_a_moment_at_most_where_the_caller_is_cancelled(autojump_clock):
    async with Pair() as pair:
        pair.transport.write_nowait(b"the end")
        with trio.CancelScope() as scope:
            scope.cancel()
            await pair.transport.close(linger=True)
        await pair.read()
        assert (pair.received, pair.is_at_end) == (b"the end", True)


async def test_closing_can_wait_for_what_the_client_still_sends_but_not_for_ever(autojump_clock):
    """Otherwise the system might reset the connection before the client has read the response."""
    async with Pair() as pair, trio.open_nursery() as nursery:
        pair.transport.write_nowait(b"400")
        nursery.start_soon(partial(pair.transport.close, linger=True))
        for _ in range(9):
            await trio.sleep(0.1)
            pair.send(b"more")
        await pair.read()
        assert (pair.received, pair.is_at_end) == (b"400", True)
    assert trio.current_time() == 1


async def test_nothing_is_written_once_the_end_has_been_said(autojump_clock):
    async with Pair() as pair, trio.open_nursery() as nursery:
        nursery.start_soon(partial(pair.transport.close, linger=True))
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trio.BrokenResourceError):
            pair.transport.write_nowait(b"x")
        await pair.read()
        assert (pair.received, pair.is_at_end) == (b"", True)


async def test_closing_twice_is_closing():
    async with Pair() as pair:
        await pair.transport.close()
        await pair.transport.close()
        pair.transport.reset()


# -- TLS ----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def secure(files):
    """A pair that speaks TLS, as far as each has said nothing."""

    def make(*protocols, **options):
        certificate = Certificate(*files, ["h2", "http/1.1"])
        return Pair(certificate.context, client_tls=client_context(files[0], *protocols), **options)

    return make


async def shaken(pair, nursery):
    """Do both sides' handshake; what was settled on."""
    settled = []

    @nursery.start_soon
    async def ours():
        settled.append(await pair.handshake())

    await pair.does(pair.tls.do_handshake)
    await trio.testing.wait_all_tasks_blocked()
    return settled[0]


@pytest.mark.parametrize(
    ("offered", "settled"),
    [(["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1"), (["spdy/3"], None), ([], None)],
    ids=repr,
)
async def test_a_handshake_settles_on_a_protocol(secure, offered, settled):
    async with secure(*offered) as pair, trio.open_nursery() as nursery:
        assert pair.transport.is_encrypted
        assert await shaken(pair, nursery) == settled


async def test_in_clear_text_there_is_no_handshake():
    async with Pair() as pair:
        assert not pair.transport.is_encrypted
        assert pair.transport.is_established
        assert pair.transport.protocol is None


@pytest.mark.parametrize("come", [b"", b"\x16\x03\x01"], ids=["nothing", "a part"])
async def test_a_client_that_leaves_in_the_middle_of_its_handshake_has_left(secure, come):
    async with secure() as pair:
        pair.send(come)
        pair.theirs.close()
        with pytest.raises(trio.BrokenResourceError):
            await pair.handshake()


async def test_a_client_that_speaks_no_tls_is_given_up(secure):
    async with secure() as pair:
        pair.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        with pytest.raises(trio.BrokenResourceError, match="speaks no TLS that is spoken here"):
            await pair.handshake()


async def test_a_client_that_speaks_another_tls_is_told_why_it_ends(secure):
    async with secure() as pair:
        pair.send(b"\x16\x03\x01\x00\x04\x01\x00\x00\x00")
        with pytest.raises(trio.BrokenResourceError, match="speaks no TLS that is spoken here"):
            await pair.handshake()
        await pair.read()
        assert pair.received[0] == 21  # an alert


async def test_big_bodies_go_both_ways(secure):
    async with secure() as pair, trio.open_nursery() as nursery:
        await shaken(pair, nursery)
        for part in BIG:
            pair.transport.write_nowait(part)
        nursery.start_soon(pair.transport.drain)
        came = b""
        while len(came) < 900_000:
            came += await pair.does(partial(pair.tls.read, 1 << 16))
        assert came == b"".join(BIG)

        came = b""
        for sent in range(10_000, 300_001, 10_000):
            await pair.does(partial(pair.tls.write, BIG[0][:10_000]))
            while len(came) < sent:
                came += await pair.transport.receive()
        assert came == BIG[0]


async def test_a_write_that_is_cancelled_corrupts_nothing(secure):
    """A record that has been made has to be sent: the next one could not be read without it."""
    async with secure() as pair, trio.open_nursery() as nursery:
        await shaken(pair, nursery)
        for part in BIG:
            pair.transport.write_nowait(part)
            await give_up_draining(pair, nursery)
            pair.transport.write_nowait(b"|")
        nursery.start_soon(pair.transport.drain)
        came = b""
        while len(came) < 900_003:
            came += await pair.does(partial(pair.tls.read, 1 << 16))
        assert came == b"|".join([*BIG, b""])


async def test_no_more_is_encrypted_ahead_than_a_piece(secure):
    async with secure() as pair, trio.open_nursery() as nursery:
        await shaken(pair, nursery)
        pair.transport.write_nowait(b"x" * 5_000_000)
        assert len(pair.transport._ready) < 2 * WRITE_SIZE


async def test_the_end_is_said_in_tls_too(secure, autojump_clock):
    async with secure() as pair, trio.open_nursery() as nursery:
        await shaken(pair, nursery)
        pair.transport.write_nowait(b"all")
        await pair.transport.close()
        assert await pair.does(partial(pair.tls.read, 10)) == b"all"
        assert await pair.does(partial(pair.tls.read, 10)) == b""  # SSLEOFError: it would have been cut off


async def test_the_clients_end_in_tls_is_an_end(secure):
    async with secure() as pair, trio.open_nursery() as nursery:
        await shaken(pair, nursery)
        with pytest.raises(BlockingIOError):  # it would wait for the server's
            await pair.does(pair.tls.unwrap)
        assert await pair.transport.receive() == b""


async def test_a_client_that_breaks_tls_is_given_up(secure):
    async with secure() as pair, trio.open_nursery() as nursery:
        await shaken(pair, nursery)
        pair.send(b"\x17\x03\x03\x00\x20" + b"x" * 32)
        with pytest.raises(trio.BrokenResourceError, match="broken TLS"):
            await pair.transport.receive()


async def test_who_sends_what_says_nothing_does_not_have_the_event_loop_for_itself(secure):
    """Such as wishes for another handshake, which OpenSSL refuses one by one, without an end."""
    async with secure("http/1.1") as pair, trio.open_nursery() as nursery:
        await shaken(pair, nursery)
        pair.transport._tls = Silent(pair.transport._tls)
        pair.send(b"x" * 100_000)
        assert pair.transport.receive_nowait() is None
        assert pair.transport._tls.taken == READ_SIZE


async def test_answers_of_tls_that_the_client_does_not_read_are_not_kept_without_bound(secure):
    async with secure("http/1.1") as pair, trio.open_nursery() as nursery:
        await shaken(pair, nursery)
        pair.transport._tls = Silent(pair.transport._tls, answer=b"alert" * 10_000)
        pair.send(b"x")
        while len(pair.transport._ready) < 128 * 1024:
            pair.transport.receive_nowait()
        with pytest.raises(trio.BrokenResourceError, match="does not read"):
            pair.transport.receive_nowait()


class Silent:
    """TLS that makes nothing of what comes, and has an answer to it."""

    def __init__(self, tls, answer=b""):
        self._tls = tls
        self._answer = answer
        self.taken = 0
        self.is_established = False  # it has nothing to say in the end

    def take(self, data):
        self.taken += len(data)

    def decrypt(self):
        return None

    def said(self):
        return self._answer
