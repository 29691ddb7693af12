"""SSEEvent: what can be made, what is refused and how that is said, and the specification's examples byte by byte."""

import copy
import dataclasses
import enum
import pickle
import re

import pytest

from chirp_trio import Fragment
from chirp_trio.wire import Comment, SSEEvent, check_one_line, unchecked_event
from tests.cases import each_case

RETRY_RANGE = "it must be zero or more milliseconds, and at most 10**15"


class Name(str):
    """Text that is more than text, as a template engine's safe strings are."""


class Color(str, enum.Enum):  # noqa: UP042  (a StrEnum turns into its value by itself; this one does not)
    RED = "red"


class Wait(int, enum.Enum):
    LONG = 5000


class Multiline(str):
    def __format__(self, spec):
        return "one\ndata: smuggled"


def test_all_fields_but_data_are_absent_unless_given():
    event = SSEEvent("text")

    assert (event.data, event.event, event.id, event.retry) == ("text", None, None, None)


def test_the_fields_are_data_event_id_retry_in_that_order():
    assert SSEEvent("text", "ping", "1", 5) == SSEEvent(data="text", event="ping", id="1", retry=5)


@each_case("field", ["data", "event", "id", "retry"])
def test_an_event_cannot_be_changed(field):
    event = SSEEvent("text")

    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(event, field, "other")
    with pytest.raises(dataclasses.FrozenInstanceError):
        delattr(event, field)
    assert event == SSEEvent("text")


def test_an_event_has_no_room_for_other_attributes():
    assert not hasattr(SSEEvent("text"), "__dict__")


def test_a_comment_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Comment("heartbeat").text = "other"


@each_case("field", ["event", "id"])
@each_case(
    "legal",
    ["", " ", "  two spaces first", "a:b", ":", "é☃😀", "\u2028\u2029\x85\v\f", "\ufeff", "\t", Name("ping")],
    ids=ascii,
)
def test_event_and_id_may_be_any_one_line(field, legal):
    event = SSEEvent("text", **{field: legal})

    assert getattr(event, field) == legal
    assert event.encode() == f"{field}: {legal}\ndata: text\n\n"


@each_case("retry", [0, 1, 3000, 2**31, 10**15])
def test_retry_may_be_any_number_of_milliseconds(retry):
    assert SSEEvent("", retry=retry).encode() == f"retry: {retry}\ndata: \n\n"


@each_case(
    "data",
    ["", "a\nb\r\nc\rd", "nul \0", "\u2028 \x85", {"a": [1, None]}, [], 0, 1.5, True, None, Fragment("a.html")],
    ids=ascii,
)
def test_data_may_be_text_json_or_a_fragment(data):
    assert SSEEvent(data).data == data


@each_case("field", ["event", "id"])
@each_case(
    ("value", "error", "wrong"),
    [
        ("a\rb", ValueError, "a carriage return"),
        ("a\nb", ValueError, "a line feed"),
        ("a\r\nb", ValueError, "a carriage return"),
        ("\n", ValueError, "a line feed"),
        ("end\n", ValueError, "a line feed"),
        ("a\0b", ValueError, "a NUL"),
        ("a\ud800", ValueError, r"'\ud800' at position 1: half of a surrogate pair, which UTF-8 cannot carry"),
        ("\udfff", ValueError, r"'\udfff' at position 0: half of a surrogate pair"),
        ("\ud83d\ude00", ValueError, r"'\ud83d' at position 0: half of a surrogate pair"),
        (b"ping", TypeError, "is b'ping'; it must be a str without line breaks, or None"),
        (7, TypeError, "is 7; it must be a str without line breaks, or None"),
        (False, TypeError, "is False; it must be a str"),
        (["ping"], TypeError, "is ['ping']; it must be a str"),
    ],
    ids=ascii,
)
def test_event_and_id_refuse_what_one_line_cannot_carry_and_say_why(field, value, error, wrong):
    with pytest.raises(error, match=rf"^{field} .*{re.escape(wrong)}"):
        SSEEvent("text", **{field: value})


@each_case(
    ("retry", "error", "message"),
    [
        (-1, ValueError, f"retry is -1; {RETRY_RANGE}"),
        (10**15 + 1, ValueError, f"retry is 1000000000000001; {RETRY_RANGE}"),
        (10**100 - 1, ValueError, f"retry is {10**100 - 1}; {RETRY_RANGE}"),
        (10**100, ValueError, f"retry is a number of very many digits; {RETRY_RANGE}"),
        (10**5000, ValueError, f"retry is a number of very many digits; {RETRY_RANGE}"),  # repr() would refuse it
        (-(10**5000), ValueError, f"retry is a number of very many digits; {RETRY_RANGE}"),
        (1.0, TypeError, "retry is 1.0; it must be an int (milliseconds), or None"),
        ("1", TypeError, "retry is '1'; it must be an int (milliseconds), or None"),
        (True, TypeError, "retry is True; it must be an int (milliseconds), or None"),
        (False, TypeError, "retry is False; it must be an int (milliseconds), or None"),
        (float("nan"), TypeError, "retry is nan; it must be an int (milliseconds), or None"),
    ],
    ids=["-1", "10**15 + 1", "10**100 - 1", "10**100", "10**5000", "-10**5000", "1.0", "'1'", "True", "False", "nan"],
)
def test_retry_refuses_what_is_no_number_of_milliseconds_and_says_why(retry, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        SSEEvent("text", retry=retry)


def test_data_refuses_half_a_surrogate_pair_and_says_where_it_is():
    with pytest.raises(ValueError, match=r"^data holds '\\udc00' at position 3: half of a surrogate pair"):
        SSEEvent("one\udc00")


def test_an_event_is_no_data():
    with pytest.raises(TypeError, match=r"^data is an SSEEvent itself; it must be text, a JSON value or a Fragment$"):
        SSEEvent(SSEEvent("text"))


def test_a_changed_copy_is_checked_too():
    with pytest.raises(ValueError, match=r"^id .* a line feed"):
        dataclasses.replace(SSEEvent("text"), id="\n")


@each_case("made", [copy.copy, copy.deepcopy, lambda event: pickle.loads(pickle.dumps(event))])
def test_copies_are_equal(made):
    for event in (SSEEvent({"a": 1}, event="ping", id="1", retry=5), SSEEvent(retry=5)):
        assert made(event) == event
        assert made(event).encode() == event.encode()


@each_case("field", ["event", "id"])
def test_absent_and_empty_differ(field):
    absent, empty = SSEEvent("text"), SSEEvent("text", **{field: ""})

    assert absent != empty
    assert absent.encode() == "data: text\n\n"
    assert empty.encode() == f"{field}: \ndata: text\n\n"


def test_a_retry_of_zero_is_sent():
    assert SSEEvent("text", retry=0).encode() == "retry: 0\ndata: text\n\n"


@each_case(
    ("event", "encoded"),
    [
        (SSEEvent("Hello, World!"), "data: Hello, World!\n\n"),
        (SSEEvent(retry=5000), "retry: 5000\n"),
        (SSEEvent(id="7"), "id: 7\n\n"),
        (SSEEvent(id="7", retry=5000), "retry: 5000\nid: 7\n\n"),
        (SSEEvent(event="close", retry=5000), "event: close\nretry: 5000\n\n"),
        (SSEEvent({"count": 42, "status": "ok"}), 'data: {"count":42,"status":"ok"}\n\n'),
        (SSEEvent(data="custom", event="ping", id="1"), "event: ping\nid: 1\ndata: custom\n\n"),
        (
            SSEEvent(data="User joined", event="user-join", id="evt-42", retry=5000),
            "event: user-join\nid: evt-42\nretry: 5000\ndata: User joined\n\n",
        ),
        (
            SSEEvent('<div class="alert">\n  New alert\n</div>', event="notification"),
            'event: notification\ndata: <div class="alert">\ndata:   New alert\ndata: </div>\n\n',
        ),
    ],
    ids=["text", "retry", "id", "id and retry", "name and retry", "dict", "full control", "every field", "rendered fragment"],
)
def test_the_examples_of_the_specification_byte_by_byte(event, encoded):
    assert event.encode() == encoded


def test_the_fragments_of_the_specification_have_to_be_rendered_first():
    event = SSEEvent(data=Fragment("dashboard.html", "stats_panel", stats={"cpu": 3}), event="stats-update")

    with pytest.raises(TypeError, match=r"^a Fragment cannot be sent before it is rendered, which takes an App"):
        event.encode()


def test_an_event_that_was_received_may_have_a_nul_in_its_type():
    event = unchecked_event("text", "a\0b", "1", 5)

    assert event.encode() == "event: a\0b\nid: 1\nretry: 5\ndata: text\n\n"


def test_a_message_names_the_field_as_the_caller_calls_it():
    with pytest.raises(ValueError, match=r"^EventStream: event_type is 'a\\nb'; it must be one line of text"):
        check_one_line("EventStream: event_type", "a\nb")


@each_case(
    ("event", "encoded"),
    [
        (SSEEvent("", event=Color.RED), "event: red\ndata: \n\n"),
        (SSEEvent("", id=Color.RED), "id: red\ndata: \n\n"),
        (SSEEvent("", retry=Wait.LONG), "retry: 5000\ndata: \n\n"),
        (SSEEvent("", event=Multiline("one")), "event: one\ndata: \n\n"),
    ],
    ids=["event", "id", "retry", "a line break that was not there"],
)
def test_what_extends_text_or_a_number_is_sent_as_what_it_extends(event, encoded):
    assert event.encode() == encoded
