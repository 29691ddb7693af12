"""Whatever a server sends to a client that follows it, the client goes on or says why not, and fills no memory."""

import random
import tracemalloc

import pytest
import trio

from chirp_trio import SSEEvent
from chirp_trio.cli.follow import Connected, Refused, Unreachable, Waiting
from tests.integration.scripted import (
    BREAK,
    END,
    FOREVER,
    WAIT,
    compressed,
    events,
    head,
    hear,
    piece,
    scripted,
    status,
    stream,
)
from tests.strategies import examples, pieces

MIB = 2**20


async def end_of(*answers, **options):
    """What was heard, and what ended it."""
    async with scripted(*answers) as server:
        try:
            return await hear(server, **{"retries": 0, **options}), None
        except (Refused, Unreachable) as error:
            return [], error


async def test_a_line_without_an_end_is_given_up_in_bounded_memory():
    tracemalloc.start()
    _, error = await end_of(stream("data: ", end=FOREVER + piece(b"x" * 65536)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert isinstance(error, Refused)
    assert "larger than max_event_bytes" in str(error)
    assert peak < 80 * MIB


@pytest.mark.parametrize(
    "line", [b"X: " + b"x" * 1000 + b"\r\n", b"x", b"HTTP/1.1 200 OK\r\n"], ids=["headers", "a name", "status lines"]
)
async def test_a_head_without_an_end_is_a_lost_connection(line):
    _, error = await end_of([b"HTTP/1.1 200 OK\r\n", FOREVER + line * 100])
    assert isinstance(error, Unreachable)


async def test_a_head_that_does_not_come_is_waited_for_no_longer_than_for_an_event():
    _, error = await end_of([b"HTTP/1.1 200 OK\r\nX: y", WAIT], read_timeout=0.1)
    assert str(error) == "nothing came for 0.1 s"


async def test_a_server_that_says_again_and_again_that_it_is_about_to_answer_can_be_left():
    async with scripted([FOREVER + b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100]) as server:
        with trio.move_on_after(0.3) as patience:
            await hear(server)
    assert patience.cancelled_caught


@pytest.mark.parametrize("again", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n"])
async def test_it_is_given_up_after_a_while_in_bounded_memory(again):
    tracemalloc.start()
    _, error = await end_of([FOREVER + again * 100], read_timeout=0.5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert str(error) == "nothing came for 0.5 s"
    assert peak < 10 * MIB


async def test_the_body_of_a_redirect_is_not_read():
    endless = [head(302, ("Location", "{url}/there"), ("Transfer-Encoding", "chunked")), FOREVER + piece(b"x" * 65536)]
    heard, error = await end_of(endless, stream("data: x\n\n"), reconnect=False)
    assert (events(heard), error) == ([SSEEvent("x")], None)


@pytest.mark.parametrize(
    "location", ["ftp://127.0.0.1/", "http://[", "http://127.0.0.1:x/", "//", "x:y", "http://\x7f/", "//xn--a/"]
)
async def test_a_redirect_to_nonsense_ends_it_or_fails(location):
    _, error = await end_of(status(302, ("Location", location)))
    assert isinstance(error, Refused | Unreachable)


async def test_the_body_of_a_refusal_is_not_read():
    endless = [head(404, ("Transfer-Encoding", "chunked")), FOREVER + piece(b"x" * 65536)]
    _, error = await end_of(endless)
    assert str(error) == "the server answered 404 Phrase"


async def test_a_response_may_be_cut_anywhere():
    whole = b"".join(stream("id: 1\r\ndata: é\r\n\r\n", "data: ☃\n\n"))
    ends = set()
    for length in range(len(whole)):
        _, error = await end_of([whole[:length]], reconnect=False)
        assert isinstance(error, Unreachable)
        ends.add(str(error))
    assert ends == {
        "the connection was lost: peer unexpectedly closed connection",
        "the connection was lost: Server disconnected without sending a response.",
        "the connection was lost: peer closed connection without sending complete message body (incomplete chunked read)",
    }


async def test_a_response_may_have_any_byte_changed():
    draw = random.Random(7)
    whole = b"".join(stream("id: 1\r\ndata: é\r\n\r\n", "data: ☃\n\n"))
    for _ in range(examples(300)):
        changed = bytearray(whole)
        for _ in range(draw.randint(1, 4)):
            changed[draw.randrange(len(whole))] = draw.randrange(256)
        await end_of([bytes(changed)], reconnect=False)  # in whatever way, but no other


async def test_noise_is_a_lost_connection():
    for seed in range(30):
        _, error = await end_of([random.Random(seed).randbytes(1000)])
        assert isinstance(error, Unreachable)


async def test_an_id_that_no_header_can_have_ends_it():
    _, error = await end_of(stream("id: a\vb\ndata: x\n\n"))
    assert isinstance(error, Refused)
    assert str(error).startswith("the request cannot be sent: Illegal header value")


async def test_compressed_events_come_one_by_one():
    chunks = compressed([b"data: 1\n\n", b"data: 2\n\n"])
    async with scripted(stream(*chunks, end=WAIT, headers=[("Content-Encoding", "gzip")])) as server:
        heard = await hear(server, 2)
    assert heard == [Connected(again=False), SSEEvent("1"), SSEEvent("2")]


@pytest.mark.parametrize("size", [1, 2, 3])
async def test_characters_and_line_ends_may_be_cut(size):
    heard, _ = await end_of(stream(*pieces("data: é☃😀\r\n\r\ndata: x\r\n\r\n".encode(), size)), reconnect=False)
    assert events(heard) == [SSEEvent("é☃😀"), SSEEvent("x")]


async def test_a_body_need_not_be_chunked():
    until_closed = [head(200, ("Content-Type", "text/event-stream"), ("Connection", "close")), b"data: x\n\n"]
    of_a_length = [head(200, ("Content-Type", "text/event-stream"), ("Content-Length", "9")), b"data: x\n\n"]
    for answer in (until_closed, of_a_length):
        assert events((await end_of(answer, reconnect=False))[0]) == [SSEEvent("x")]


async def test_a_connection_that_is_reset_is_told_of_in_words():
    async with scripted(stream("data: x\n\n", end=BREAK), stream("data: y\n\n", end=END)) as server:
        heard = await hear(server, 2)
    assert heard[2] == Waiting("the connection was lost: Connection reset by peer", 0.0)
