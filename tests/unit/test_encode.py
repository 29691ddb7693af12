"""Events to bytes: text and fields as they look on the wire, and comments."""

import re

import pytest

from chirp_trio.wire import HEARTBEAT, Comment, Decoder, SSEEvent, encode_comment, encode_data, encode_event
from tests.cases import each_case


class Text(str):
    """Extends text."""


@each_case(
    ("event", "encoded"),
    [
        (SSEEvent(""), b"data: \n\n"),
        (SSEEvent("text"), b"data: text\n\n"),
        (SSEEvent(" text "), b"data:  text \n\n"),
        (SSEEvent("data: text"), b"data: data: text\n\n"),
        (SSEEvent(": text"), b"data: : text\n\n"),
        (SSEEvent("é☃😀"), b"data: \xc3\xa9\xe2\x98\x83\xf0\x9f\x98\x80\n\n"),
        (SSEEvent("a\0b"), b"data: a\0b\n\n"),
        (SSEEvent("\ufefftext"), b"data: \xef\xbb\xbftext\n\n"),
        (SSEEvent(Text("a\nb")), b"data: a\ndata: b\n\n"),
        (SSEEvent("", event=""), b"event: \ndata: \n\n"),
        (SSEEvent("", id=""), b"id: \ndata: \n\n"),
        (SSEEvent("", retry=0), b"retry: 0\ndata: \n\n"),
        (SSEEvent("x", event="é", id="☃"), b"event: \xc3\xa9\nid: \xe2\x98\x83\ndata: x\n\n"),
        (SSEEvent("x", event="e", id="i", retry=1), b"event: e\nid: i\nretry: 1\ndata: x\n\n"),
        (SSEEvent({"a": 1}, event="e"), b'event: e\ndata: {"a":1}\n\n'),
        (SSEEvent("a\n\nb", id="i"), b"id: i\ndata: a\ndata: \ndata: b\n\n"),
    ],
    ids=ascii,
)
def test_one_event_as_bytes(event, encoded):
    assert encode_event(event.data, event.event, event.id, event.retry) == encoded
    assert event.encode() == encoded.decode()


@each_case(
    ("text", "lines"),
    [
        ("a\nb", ["a", "b"]),
        ("a\rb", ["a", "b"]),
        ("a\r\nb", ["a", "b"]),
        ("a\n\rb", ["a", "", "b"]),
        ("a\r\r\nb", ["a", "", "b"]),
        ("a\r\n\nb", ["a", "", "b"]),
        ("\n", ["", ""]),
        ("a\n", ["a", ""]),
        ("\r\na", ["", "a"]),
        ("a\n b", ["a", " b"]),
    ],
    ids=ascii,
)
def test_data_becomes_one_field_for_each_line(text, lines):
    assert encode_data(text).decode() == "".join(f"data: {line}\n" for line in lines) + "\n"


@each_case("character", ["\u2028", "\u2029", "\x85", "\v", "\f", "\x1c", "\x1d", "\x1e", "\0"], ids=ascii)
def test_nothing_else_ends_a_line(character):
    assert encode_data(f"a{character}b").decode() == f"data: a{character}b\n\n"


def test_data_cannot_smuggle_a_field_or_an_event():
    hostile = "a\n\nevent: other\rid: 7\r\n\r\ndata: b"

    [event] = Decoder().feed(encode_data(hostile))

    assert event == SSEEvent("a\n\nevent: other\nid: 7\n\ndata: b")


@each_case(
    ("text", "half", "position"),
    [("a\ud800", "\ud800", 1), ("\udfff", "\udfff", 0), ("\ud83d\ude00", "\ud83d", 0)],
    ids=ascii,
)
@each_case(("encode", "name"), [(encode_data, "data"), (encode_comment, "comment")], ids=["data", "comment"])
def test_half_a_surrogate_pair_is_refused_with_its_place(encode, name, text, half, position):
    message = f"{name} holds {half!r} at position {position}: half of a surrogate pair, which UTF-8 cannot carry"

    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        encode(text)


def test_a_heartbeat_is_a_comment():
    assert HEARTBEAT == encode_comment("heartbeat") == b": heartbeat\n"


@each_case(
    ("text", "encoded"),
    [
        ("", ": \n"),
        (" two spaces", ":  two spaces\n"),
        ("é☃😀", ": é☃😀\n"),
        ("a\nb\rc\r\nd", ": a\n: b\n: c\n: d\n"),
        ("a\u2028b\x85c", ": a\u2028b\x85c\n"),
    ],
    ids=ascii,
)
def test_a_comment_becomes_one_line_for_each_of_its_lines(text, encoded):
    assert encode_comment(text).decode() == encoded


def test_a_comment_cannot_smuggle_a_field_or_an_event():
    assert Decoder().feed(encode_comment("a\n\ndata: b\n\n")) == [Comment(text) for text in ("a", "", "data: b", "", "")]
