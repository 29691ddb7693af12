"""Bytes to events: the standard's examples and each of its rules, for every kind of line end and several ways to cut.

The rules are those of WHATWG HTML, 9.2.5 "Parsing an event stream" and 9.2.6 "Interpreting an event stream".
"""

import pytest

from chirp_trio.wire import Comment, Decoder, SSEEvent, is_event_stream, unchecked_event
from tests.cases import each_case
from tests.strategies import pieces

# The examples of 9.2, each with what the standard says about it.
EXAMPLES = {
    "messages": (
        "data: This is the first message.\n\ndata: This is the second message, it\ndata: has two lines.\n\n",
        [SSEEvent("This is the first message."), SSEEvent("This is the second message, it\nhas two lines.")],
    ),
    "two event types": (
        "event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\nevent: add\ndata: 113411\n\n",
        [SSEEvent("73857293", "add"), SSEEvent("2153", "remove"), SSEEvent("113411", "add")],
    ),
    "one event of three lines": ("data: YHOO\ndata: +2\ndata: 10\n\n", [SSEEvent("YHOO\n+2\n10")]),
    "four blocks": (
        ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
        [Comment("test stream"), SSEEvent("first event", id="1"), SSEEvent("second event", id=""), SSEEvent(" third event")],
    ),
    "an empty event, a line break, and an unfinished one": ("data\n\ndata\ndata\n\ndata:", [SSEEvent(""), SSEEvent("\n")]),
    "the same event twice": ("data:test\n\ndata: test\n\n", [SSEEvent("test"), SSEEvent("test")]),
}

FIELDS = {
    "one space after the colon is no data": ("data: x\n\n", [SSEEvent("x")]),
    "a second space is data": ("data:  x\n\n", [SSEEvent(" x")]),
    "a tab after the colon is data": ("data:\tx\n\n", [SSEEvent("\tx")]),
    "a trailing space is data": ("data: x \n\n", [SSEEvent("x ")]),
    "a second colon is data": ("data:a:b: c\n\n", [SSEEvent("a:b: c")]),
    "no colon: the line is the name": ("data\nevent\nid\n\n", [SSEEvent("", event="", id="")]),
    "a colon without a value": ("data:\nevent:\nid:\n\n", [SSEEvent("", event="", id="")]),
    "a colon and a space without a value": ("data: \nevent: \nid: \n\n", [SSEEvent("", event="", id="")]),
    "unknown fields are ignored": ("foo: 1\nfoo\njust some text\ndata: x\n\n", [SSEEvent("x")]),
    "names are not trimmed": (" data: 1\ndata : 2\n\tdata: 3\ndata: x\n\n", [SSEEvent("x")]),
    "names are case-sensitive": ("Data: 1\nDATA: 2\nID: 3\nEvent: 4\nRetry: 5\ndata: x\n\n", [SSEEvent("x")]),
    "names are compared whole": ("data_: 1\ndat: 2\nda-ta: 3\n\0data: 4\ndata\0: 5\ndata: x\n\n", [SSEEvent("x")]),
    "a NUL is data": ("data: \0\n\n", [SSEEvent("\0")]),
    "a NUL may be in the event type": ("event: a\0b\ndata: x\n\n", [unchecked_event("x", "a\0b", None, None)]),
    "only CR and LF end a line": ("data: a\u2028b\u2029c\x85d\ve\ff\x1cg\n\n", [SSEEvent("a\u2028b\u2029c\x85d\ve\ff\x1cg")]),
    "fields in any order": ("id: 1\ndata: a\nevent: e\ndata: b\n\n", [SSEEvent("a\nb", event="e", id="1")]),
}

EVENTS = {
    "an empty stream": ("", []),
    "nothing but blank lines": ("\n\n\n\n", []),
    "blank lines between events": ("\n\ndata: a\n\n\n\ndata: b\n\n\n", [SSEEvent("a"), SSEEvent("b")]),
    "no data, no event": ("event: e\nid: 1\nretry: 2\n\n", []),
    "what had no data leaves no type behind": ("event: e\n\ndata: x\n\n", [SSEEvent("x")]),
    "one empty data field is an event": ("data:\n\n", [SSEEvent("")]),
    "data lines are joined by LF": ("data: a\ndata\ndata: b\n\n", [SSEEvent("a\n\nb")]),
    "a trailing empty line of data stays": ("data: a\ndata:\n\n", [SSEEvent("a\n")]),
    "the last event type counts": ("event: a\nevent: b\ndata: x\n\n", [SSEEvent("x", event="b")]),
    "an empty event type takes the last one back": ("event: a\nevent\ndata: x\n\n", [SSEEvent("x", event="")]),
    "the event type does not stick": ("event: a\ndata: 1\n\ndata: 2\n\n", [SSEEvent("1", event="a"), SSEEvent("2")]),
    "an event without its blank line never comes": ("data: a\n\ndata: b\n", [SSEEvent("a")]),
    "an event without its line end never comes": ("data: a\n\ndata: b", [SSEEvent("a")]),
    "no data and no line end at all": ("data: a", []),
}

COMMENTS = {
    "a comment is no event": (": heartbeat\n\n", [Comment("heartbeat")]),
    "an empty comment": (":\n\n", [Comment("")]),
    "one space after the colon is not the comment's": (":a\n: b\n:  c\n\n", [Comment("a"), Comment("b"), Comment(" c")]),
    "a comment that looks like a field": (":data: x\n:: y\n\n", [Comment("data: x"), Comment(": y")]),
    "a comment needs no blank line": (": a\n", [Comment("a")]),
    "a comment without its line end never comes": (": a", []),
    "a comment inside an event": ("data: a\n: c\ndata: b\n\n", [Comment("c"), SSEEvent("a\nb")]),
    "a comment is not joined to what follows": (": a\ndata: x\n\n", [Comment("a"), SSEEvent("x")]),
    "a comment may hold a NUL": (": a\0b\n\n", [Comment("a\0b")]),
}

BYTE_ORDER_MARKS = {
    "a leading BOM is no data": ("\ufeffdata: x\n\n", [SSEEvent("x")]),
    "a second BOM is part of the name": ("\ufeff\ufeffdata: 1\ndata: 2\n\n", [SSEEvent("2")]),
    "a BOM later on is part of the name": ("data: 1\n\n\ufeffdata: 2\n\ndata: 3\n\n", [SSEEvent("1"), SSEEvent("3")]),
    "a BOM after a line end is not leading": ("\n\ufeffdata: 1\n\n", []),
    "a BOM may be data": ("data: \ufeffx\n\n", [SSEEvent("\ufeffx")]),
    "a BOM and nothing else": ("\ufeff", []),
    "a BOM before a comment": ("\ufeff: a\n\n", [Comment("a")]),
    "a BOM before a blank line": ("\ufeff\ndata: x\n\n", [SSEEvent("x")]),
}

TABLE = EXAMPLES | FIELDS | EVENTS | COMMENTS | BYTE_ORDER_MARKS


def decode(stream):
    """All that comes of a stream, and the decoder: the same, whether the stream is fed whole or in small pieces."""
    decoder = Decoder()
    items = decoder.feed(stream)
    for size in (1, 2, 3):
        other = Decoder()
        assert [item for piece in pieces(stream, size) for item in other.feed(piece)] == items, f"in pieces of {size} bytes"
        assert (other.last_event_id, other.retry) == (decoder.last_event_id, decoder.retry), f"in pieces of {size} bytes"
    return items, decoder


EACH_LINE_END = each_case("line_end", ["\n", "\r", "\r\n"], ids=["LF", "CR", "CRLF"])


@EACH_LINE_END
@each_case(("stream", "items"), TABLE.values(), ids=TABLE.keys())
def test_what_comes_of_a_stream(stream, items, line_end):
    assert decode(stream.replace("\n", line_end).encode())[0] == items


@each_case(
    ("stream", "items"),
    [
        (b"data: a\r\rdata: b\r\r", [SSEEvent("a"), SSEEvent("b")]),
        (b"data: a\n\rdata: b\r\n\n", [SSEEvent("a"), SSEEvent("b")]),
        (b"data: a\rdata: b\ndata: c\r\n\r", [SSEEvent("a\nb\nc")]),
        (b"data: a\r\n\r\n\r\n\r\ndata: b\r\n\r\n", [SSEEvent("a"), SSEEvent("b")]),
        (b"data: a\r\n", []),
        (b"data: a\r\n\n", [SSEEvent("a")]),
        (b"data: a\n\r\n", [SSEEvent("a")]),
        (b"\ndata: a\n\n", [SSEEvent("a")]),
        (b"\r\n\r\ndata: a\n\n", [SSEEvent("a")]),
    ],
    ids=lambda value: ascii(value) if isinstance(value, bytes) else "",
)
def test_line_ends_may_be_mixed(stream, items):
    assert decode(stream)[0] == items


def test_an_event_that_ends_in_cr_does_not_wait_for_what_follows():
    decoder = Decoder()

    assert decoder.feed(b"data: a\r\n\r") == [SSEEvent("a")]
    assert decoder.feed(b"\ndata: b\n\n") == [SSEEvent("b")]


def test_nothing_fed_changes_nothing():
    decoder = Decoder()

    items = [item for piece in (b"", b"data: a\r", b"", b"\ndata: b\r\n", b"", b"\r\n", b"") for item in decoder.feed(piece)]

    assert items == [SSEEvent("a\nb")]


@each_case("cut", range(4))
def test_a_byte_order_mark_may_be_cut_anywhere(cut):
    decoder = Decoder()
    stream = b"\xef\xbb\xbfdata: x\n\n"

    assert decoder.feed(stream[:cut]) + decoder.feed(stream[cut:]) == [SSEEvent("x")]


@each_case("start", [b"\xef", b"\xef\xbb", b"\xef\xbbx", b"\xef\xbb\xef\xbb\xbf", b"\xbb\xbf"], ids=ascii)
def test_part_of_a_byte_order_mark_is_not_removed(start):
    # It stays in front of the name, so that the first field is an unknown one.
    assert decode(start + b"data: 1\ndata: 2\n\n")[0] == [SSEEvent("2")]


@EACH_LINE_END
@each_case(
    ("malformed", "text"),
    [
        (b"\xff", "\ufffd"),
        (b"a\x80b", "a\ufffdb"),
        (b"\xe2\x82", "\ufffd"),  # a character's beginning: one replacement for all of it
        (b"\xe2\x82x", "\ufffdx"),
        (b"\xf0\x9f\x98", "\ufffd"),
        (b"\xc0\x80", "\ufffd\ufffd"),  # overlong
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),  # half of a surrogate pair
        (b"\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd"),  # past U+10FFFF
        (b"\xe9t\xe9", "\ufffdt\ufffd"),  # Latin-1
    ],
    ids=ascii,
)
def test_malformed_utf_8_becomes_replacement_characters(malformed, text, line_end):
    stream = b"data: %b\nevent: %b\nid: %b\n: %b\n\n" % (malformed, malformed, malformed, malformed)

    items, _ = decode(stream.replace(b"\n", line_end.encode()))

    assert items == [Comment(text), SSEEvent(text, event=text, id=text)]


def test_characters_may_be_cut_anywhere():
    assert decode("data: é☃😀\n\n".encode())[0] == [SSEEvent("é☃😀")]


@EACH_LINE_END
@each_case(
    ("stream", "ids", "last"),
    [
        ("data\n\n", [None], ""),
        ("id: 1\ndata\n\n", ["1"], "1"),
        ("id: 1\nid: 2\ndata\n\n", ["2"], "2"),
        ("id: 1\ndata\n\ndata\n\n", ["1", None], "1"),
        ("id: 1\ndata\n\nid\ndata\n\n", ["1", ""], ""),
        ("id: 1\ndata\n\nid: \ndata\n\n", ["1", ""], ""),
        ("id: 1\n\n", [], "1"),
        ("id: 1\n\ndata\n\n", [None], "1"),
        ("id: 1\ndata\n\nid\n\n", ["1"], ""),
        ("id: 1\0\ndata\n\n", [None], ""),
        ("id: 1\nid: \0\ndata\n\n", ["1"], "1"),
        ("id: 1\ndata\n\nid: 2\0\ndata\n\n", ["1", None], "1"),
        ("id:  é 1\ndata\n\n", [" é 1"], " é 1"),
        ("id: 1\ndata\n\n: heartbeat\n\n", ["1"], "1"),
    ],
    ids=lambda value: ascii(value) if isinstance(value, str) else "",
)
def test_the_last_event_id_stays_until_another_one_comes(stream, ids, last, line_end):
    items, decoder = decode(stream.replace("\n", line_end).encode())

    assert [item.id for item in items if isinstance(item, SSEEvent)] == ids
    assert decoder.last_event_id == last


@each_case("end", [b"", b"data: b\n", b"data: b"], ids=ascii)
def test_the_id_of_an_event_that_never_came_is_not_the_last_event_id(end):
    # "Set the last event ID string" is a step of dispatching. A client that sent this id would never get the event.
    items, decoder = decode(b"id: 1\ndata: a\n\nid: 2\n" + end)

    assert items == [SSEEvent("a", id="1")]
    assert decoder.last_event_id == "1"


@EACH_LINE_END
@each_case(
    ("value", "retry"),
    [
        ("0", 0),
        ("5000", 5000),
        ("0003000", 3000),
        ("0" * 5000 + "7", 7),
        ("9" * 15, 10**15 - 1),
        ("9" * 16, 10**15),  # past what anybody waits, the number's size must cost nothing
        ("9" * 5000, 10**15),
        ("", None),
        (" 5", None),  # after the one space that is removed
        ("5 ", None),
        ("-5", None),
        ("+5", None),
        ("1_000", None),
        ("1.5", None),
        ("1e3", None),
        ("0x10", None),
        ("5ms", None),
        ("\uff11\uff12", None),  # digits of another script
        ("\u0661", None),
        ("\u00b2", None),
        ("5\0", None),
    ],
    ids=lambda value: ascii(value)[:12],
)
def test_retry_is_ascii_digits_and_nothing_else(value, retry, line_end):
    items, decoder = decode(f"retry: {value}\ndata\n\n".replace("\n", line_end).encode())

    assert [item.retry for item in items] == [retry]
    assert decoder.retry == retry


def test_the_last_legal_retry_stays():
    items, decoder = decode(b"retry: 1\nretry: soon\ndata\n\ndata\n\nretry\ndata\n\n")

    assert [item.retry for item in items] == [1, None, None]
    assert decoder.retry == 1


def test_retry_counts_at_once_and_without_an_event():
    assert decode(b"retry: 5\n")[1].retry == 5


@each_case("known", [None, "", "7"])
def test_the_id_of_an_earlier_connection_stays_until_another_one_comes(known):
    decoder = Decoder(last_event_id=known)
    assert decoder.last_event_id == (known or "")

    assert decoder.feed(b"data: a\n\nid: 8\n") == [SSEEvent("a")]
    assert decoder.last_event_id == (known or "")

    decoder.feed(b"\n")
    assert decoder.last_event_id == "8"


def test_an_empty_id_takes_back_that_of_an_earlier_connection():
    decoder = Decoder(last_event_id="7")
    decoder.feed(b"id\n\n")
    assert decoder.last_event_id == ""


@each_case(("known", "error"), [("a\nb", ValueError), ("a\0", ValueError), (7, TypeError)])
def test_an_id_that_no_event_can_have_is_refused(known, error):
    with pytest.raises(error, match=r"^last_event_id is "):
        Decoder(last_event_id=known)


@each_case(
    "content_type",
    ["text/event-stream", "Text/Event-Stream", "text/event-stream;", "text/event-stream ; charset=x", " text/event-stream"],
)
def test_the_content_type_of_an_event_stream(content_type):
    assert is_event_stream(content_type)


@each_case("content_type", ["", "text/plain", "text/event-streams", "text/event", "x; text/event-stream", "x bogus"])
def test_the_content_type_of_anything_else(content_type):
    assert not is_event_stream(content_type)
