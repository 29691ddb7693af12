"""What a decoder does with streams that want its memory or its time."""

import traceback
import tracemalloc
from functools import partial

import pytest

from chirp_trio import ChirpError, EventTooLarge
from chirp_trio.wire import Comment, Decoder, SSEEvent
from tests.cases import each_case
from tests.linear_time import assert_linear
from tests.strategies import pieces

KIB = 1024
MIB = 1024 * KIB


def drain(decoder, chunks):
    """All that comes of the chunks, and whether the decoder gave up."""
    items = []
    try:
        for chunk in [*chunks, b""]:
            items += decoder.feed(chunk)
    except EventTooLarge:
        return items, True
    return items, False


@each_case("bound", [0, -1])
def test_a_bound_below_one_byte_is_refused(bound):
    with pytest.raises(ValueError, match=f"^max_event_bytes is {bound}; it must be an int of at least 1$"):
        Decoder(max_event_bytes=bound)


@each_case("bound", ["1", 1.0, None, True], ids=repr)
def test_a_bound_that_is_no_int_is_refused(bound):
    with pytest.raises(TypeError, match=f"^max_event_bytes is {bound!r}; it must be an int of at least 1$"):
        Decoder(max_event_bytes=bound)


@each_case("size", [None, 1, 3])
@each_case(
    ("stream", "items", "too_large"),
    [
        (b"data:12345\n\n", [SSEEvent("12345")], False),
        (b"data:123456\n\n", [], True),
        (b"data:\ndata:\n\n", [SSEEvent("\n")], False),
        (b"data:\ndata:1\n\n", [], True),
        (b"unknown\n123\n\n", [], False),
        (b"unknown\n1234\n\n", [], True),
        (b"id:4567\ndata\n\n", [], True),
        (b":123456789\n\n", [Comment("123456789")], False),
        (b":1234567890\n\n", [], True),
        (b"1234567890", [], False),
        (b"12345678901", [], True),
        (b"data:12345\n\n" * 3, [SSEEvent("12345")] * 3, False),
        (b":123456789\n" * 3, [Comment("123456789")] * 3, False),
        (b"data\n:12345\n:12345\n\n", [Comment("12345"), Comment("12345"), SSEEvent("")], False),
        (b"\xef\xbb\xbfdata:12345\n\n", [SSEEvent("12345")], False),
        (b"\n" * 11, [], False),
        (b"\r\n" * 6, [], False),
    ],
    ids=lambda value: ascii(value) if isinstance(value, bytes) else "",
)
def test_ten_bytes_are_exactly_ten_bytes(stream, items, too_large, size):
    assert drain(Decoder(max_event_bytes=10), pieces(stream, size or len(stream))) == (items, too_large)


def test_the_bound_is_16_mib_by_default():
    largest = b"data:" + b"x" * (16 * MIB - 5)

    assert Decoder().feed(largest + b"\n\n") == [SSEEvent("x" * (16 * MIB - 5))]
    with pytest.raises(EventTooLarge):
        Decoder().feed(largest + b"x\n\n")


def test_the_error_names_the_bound():
    with pytest.raises(EventTooLarge, match=r"is larger than max_event_bytes, 10 bytes$") as caught:
        Decoder(max_event_bytes=10).feed(b"x" * 11)

    assert isinstance(caught.value, ChirpError)
    assert isinstance(caught.value, ValueError)


def test_what_came_before_an_oversized_event_is_not_lost():
    decoder = Decoder(max_event_bytes=100)
    chunk = b"data: a\n\n" * 1000 + b": c\n" + b"x" * 101 + b"\n\ndata: never\n\n"

    assert decoder.feed(chunk) == [*[SSEEvent("a")] * 1000, Comment("c")]
    with pytest.raises(EventTooLarge):
        decoder.feed(b"")


@each_case("later", [b"", b"\n\n", b"data: a\n\n"], ids=ascii)
def test_a_decoder_that_gave_up_gives_nothing_any_more(later):
    decoder = Decoder(max_event_bytes=10)
    assert drain(decoder, [b"x" * 11]) == ([], True)

    for _ in range(2):
        with pytest.raises(EventTooLarge):
            decoder.feed(later)


def test_a_decoder_that_gave_up_takes_no_more_memory_however_often_it_is_fed():
    decoder = Decoder(max_event_bytes=10)
    depths = []
    for _ in range(3):
        with pytest.raises(EventTooLarge) as caught:
            decoder.feed(b"x" * 11)
        depths.append(len(traceback.extract_tb(caught.value.__traceback__)))

    assert depths[2] <= depths[0]


BOUND = 4 * KIB
# Text costs Python more than it takes on the wire: a line of two letters is 8 bytes there, and some 60 here.
MOST_MEMORY = 16 * BOUND + 128 * KIB


def peak_memory(work):
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@each_case("first", [b"", b"data:", b":", b"id:", b"retry:", b"event:", b"data:x\n"], ids=ascii)
@each_case(
    "more",
    [b"x" * 16, b"9" * KIB, b"\xff" * KIB, b"data:ab\n" * 128, b"data\n" * 128, b"foo\n" * 128, b"id:ab\nretry:1\n" * 64],
    ids=["a line in small pieces", "digits", "no UTF-8", "data", "empty data", "unknown fields", "ids and retries"],
)
def test_a_stream_without_an_end_is_given_up_in_bounded_memory(first, more):
    decoder = Decoder(max_event_bytes=BOUND)
    fed = 0

    def feed():
        nonlocal fed
        decoder.feed(first)
        while fed <= 2 * BOUND:
            decoder.feed(more)
            fed += len(more)

    def give_up():
        with pytest.raises(EventTooLarge):
            feed()

    assert peak_memory(give_up) < MOST_MEMORY


@each_case(
    ("chunk", "each"),
    [
        (b"\n" * KIB, 0),
        (b"\r" * KIB, 0),
        (b"\r\n" * 512, 0),
        (b":\n" * 512, 512),
        (b": heartbeat\n\n" * 64, 64),
        (b"data: x\n\n" * 64, 64),
        (b"id: 7\nevent: e\n\n" * 64, 0),
        (b":" + b"x" * (BOUND - 2) + b"\n", 1),
    ],
    ids=["LF", "CR", "CRLF", "empty comments", "heartbeats", "events", "events without data", "the largest comments"],
)
def test_a_stream_that_goes_on_and_on_takes_no_memory(chunk, each):
    decoder = Decoder(max_event_bytes=BOUND)
    times = 96 * KIB // len(chunk)
    came = 0

    def feed():
        nonlocal came
        for _ in range(times):
            came += len(decoder.feed(chunk))

    assert peak_memory(feed) < 64 * KIB, "of 96 KiB"
    assert came == times * each


def test_any_number_of_cr_takes_linear_time():
    assert_linear(lambda n: lambda: Decoder().feed(b"\r" * n), 16 * KIB)
    decoder = Decoder()
    assert decoder.feed(b"\r" * 64 * KIB) == []
    assert decoder.feed(b"data: x\n\n") == [SSEEvent("x")]


@each_case(("size", "times"), [(64, 4096), (64 * KIB, 40)], ids=["64 bytes", "64 KiB"])
def test_a_line_in_any_number_of_pieces_takes_linear_time(size, times):
    def read(number):
        decoder = Decoder()
        assert decoder.feed(b"data:") == []
        for _ in range(number):
            assert decoder.feed(b"x" * size) == []
        [event] = decoder.feed(b"\n\n")
        assert len(event.data) == number * size

    assert_linear(lambda n: partial(read, n), times)
