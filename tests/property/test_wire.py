"""The wire, whatever comes: what is encoded is decoded, however it is cut, and as a decoder that is not ours decodes it."""

import json
import re

import httpx
from httpx_sse import EventSource
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chirp_trio import EventTooLarge
from chirp_trio.wire import ABSENT, Comment, Decoder, SSEEvent, encode_comment
from tests.strategies import (
    LINE_ENDS,
    block_streams,
    cut,
    events,
    events_without_data,
    examples,
    hostile_streams,
    pieces,
    texts,
)


def decode(chunks, **options):
    """Everything that a decoder has to say about a stream: the items, its attributes, whether it gave up."""
    decoder = Decoder(**options)
    items = []
    too_large = False
    try:
        for chunk in [*chunks, b""]:  # a decoder that gave up says so at the next call, where it has items to return
            items += decoder.feed(chunk)
    except EventTooLarge:
        too_large = True
    return items, decoder.last_event_id, decoder.retry, too_large


def lines(text):
    return re.split("\r\n|\r|\n", text)


def normalized(text):
    """The text as it arrives."""
    return "\n".join(lines(text))


def arrived(event):
    """The event as it arrives. JSON is written in one way only, so its text can be compared after parsing."""
    data = normalized(event.data) if isinstance(event.data, str) else json.dumps(event.data)
    return SSEEvent(data, event.event, event.id, event.retry)


def with_json_rewritten(sent, received):
    """The events received, with JSON as `arrived` writes it."""
    return [
        item if isinstance(event.data, str) else SSEEvent(json.dumps(json.loads(item.data)), item.event, item.id, item.retry)
        for event, item in zip(sent, received, strict=True)
    ]


@st.composite
def transmissions(draw):
    """Events, and their bytes in pieces, with any of the three line ends."""
    sent = draw(st.lists(events, max_size=4))
    stream = "".join(event.encode() for event in sent).replace("\n", draw(LINE_ENDS)).encode()
    return sent, draw(cut(st.just(stream)))[1]


@given(transmissions())
def test_what_is_encoded_is_decoded_however_it_is_cut(transmission):
    sent, chunks = transmission

    items, last_event_id, retry, _ = decode(chunks)

    assert with_json_rewritten(sent, items) == [arrived(event) for event in sent]
    assert last_event_id == next((event.id for event in reversed(sent) if event.id is not None), "")
    assert retry == next((event.retry for event in reversed(sent) if event.retry is not None), None)


@given(st.lists(events | events_without_data, max_size=5), LINE_ENDS, st.integers(1, 9))
def test_what_has_no_data_is_no_event_and_takes_nothing_from_the_events_around_it(sent, line_end, size):
    stream = "".join(event.encode() for event in sent).replace("\n", line_end).encode()

    items, last_event_id, retry, _ = decode(pieces(stream, size))

    with_data = [event for event in sent if event.data is not ABSENT]
    received = with_json_rewritten(with_data, items)
    assert [(event.data, event.event, event.id) for event in received] == [
        (event.data, event.event, event.id) for event in map(arrived, with_data)
    ]
    assert last_event_id == next((event.id for event in reversed(sent) if event.id is not None), "")
    assert retry == next((event.retry for event in reversed(sent) if event.retry is not None), None)


@settings(max_examples=examples(50))
@given(events, LINE_ENDS)
def test_one_event_survives_every_cut_in_two_and_every_size_of_pieces(event, line_end):
    stream = event.encode().replace("\n", line_end).encode()
    splits = [(stream[:middle], stream[middle:]) for middle in range(len(stream))]
    splits += [pieces(stream, size) for size in range(1, len(stream))]

    for chunks in splits:
        items = decode(chunks)[0]
        assert with_json_rewritten([event], items) == [arrived(event)]


@given(events)
def test_an_event_is_one_run_of_fields_in_order_and_one_blank_line(event):
    encoded = event.encode()

    *fields, end, nothing = encoded.split("\n")
    names = [re.match("(event|id|retry|data): ", field)[1] for field in fields]

    assert (end, nothing) == ("", "")
    assert "\r" not in encoded
    assert names == sorted(names, key=["event", "id", "retry", "data"].index)
    assert [names.count(name) for name in ("event", "id", "retry")] == [
        value is not None for value in (event.event, event.id, event.retry)
    ]


@given(texts)
def test_a_comment_is_decoded_as_its_lines_and_nothing_else(text):
    assert decode([encode_comment(text)])[0] == [Comment(line) for line in lines(text)]


@settings(max_examples=examples(300))
@given(cut(hostile_streams), st.integers(1, 64) | st.just(2**20))
def test_any_bytes_give_the_same_for_every_cut_and_never_another_error(stream_and_chunks, bound):
    stream, chunks = stream_and_chunks
    whole = decode([stream], max_event_bytes=bound)

    assert decode(chunks, max_event_bytes=bound) == whole
    assert decode(pieces(stream, 1), max_event_bytes=bound) == whole


@settings(max_examples=examples(300))
@given(hostile_streams)
def test_whatever_was_decoded_can_be_encoded_and_decoded_again(stream):
    items = decode([stream])[0]

    encoded = "".join(item.encode() if isinstance(item, SSEEvent) else f": {item.text}\n" for item in items)

    assert decode([encoded.encode()])[0] == items


def as_httpx_sse(stream):
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=stream)
    return [(event.event, event.data, event.id, event.retry) for event in EventSource(response).iter_sse()]


def as_we(chunks):
    """What we decode, told as httpx-sse tells it: without comments, with the id that was last seen by then."""
    last_event_id = ""
    told = []
    for item in decode(chunks)[0]:
        if isinstance(item, SSEEvent):
            last_event_id = item.id if item.id is not None else last_event_id
            told.append((item.event or "message", item.data, last_event_id, item.retry))
    return told


# httpx-sse follows the standard but for these, so the streams below are without them:
#   - a block without data gives an empty event, if a type, an id (its own or an earlier one) or a retry is known;
#   - a retry is whatever int() takes: a sign, spaces, underscores, the digits of other scripts, any length;
#   - a leading byte order mark is part of the first name.
# One more is allowed for in `as_we`: an id is repeated with every event that follows.
@settings(max_examples=examples(300))
@given(cut(block_streams()))
@example((b"data: x\r\n\r\n: c\r\ndata: y\r\n\r\n", [b"data: x\r", b"\n\r", b"\n: c\r\nda", b"ta: y\r\n\r\n"]))
def test_streams_of_fields_are_decoded_as_httpx_sse_decodes_them(stream_and_chunks):
    stream, chunks = stream_and_chunks

    assert as_we(chunks) == as_httpx_sse(stream)


@given(transmissions())
def test_what_we_encode_is_decoded_by_httpx_sse(transmission):
    sent, chunks = transmission

    assert as_httpx_sse(b"".join(chunks)) == as_we(chunks)
    assert len(as_we(chunks)) == len(sent)
