"""Data to JSON: what it looks like, and what is refused with an error that names it."""

import dataclasses
import datetime
import decimal
import enum
import json
import math
import re
import threading
import uuid
from collections import Counter, OrderedDict
from typing import NamedTuple

import pytest

from chirp_trio.wire import Renderable, SSEEvent, encode_data, encode_json


class Text(str):
    """Extends text."""


class Number(int):
    """Extends a number."""


class Fraction(float):
    """Extends a number with a point."""


class Level(enum.IntEnum):
    HIGH = 3


class Kind(enum.StrEnum):
    NEWS = "news"


class Choice(enum.Enum):
    FIRST = "first"


class Plain:
    """Nothing that JSON has."""


class Panel(Renderable):
    """Data that has to be rendered."""


@dataclasses.dataclass
class Point:
    x: float
    y: float


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    start: Point
    end: Point
    _label: str | None = None


@dataclasses.dataclass
class Node:
    child: object = None


@dataclasses.dataclass
class RenderableNode(Renderable):
    text: str = "secret"


class Pair(NamedTuple):
    first: int
    second: int


async def coroutine_function():
    pass


async def async_generator_function():
    yield


def named(value):
    """A test's id for a value whose own repr may differ from run to run."""
    return value if isinstance(value, str) else type(value).__name__


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ({}, "{}"),
        ([], "[]"),
        ({"count": 42, "status": "ok"}, '{"count":42,"status":"ok"}'),
        ({"b": 1, "a": [1, [2], {"c": None}]}, '{"b":1,"a":[1,[2],{"c":null}]}'),
        ([True, False, None], "[true,false,null]"),
        (True, "true"),
        (False, "false"),
        (None, "null"),
        (0, "0"),
        (-1, "-1"),
        (10**30, "1" + "0" * 30),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (-0.0, "-0.0"),
        ([" é☃😀 "], '[" é☃😀 "]'),
        (["a\r\n\0\tb"], '["a\\r\\n\\u0000\\tb"]'),
        (["\u2028\x85"], '["\u2028\x85"]'),
        (['"\\'], '["\\"\\\\"]'),
        ({1: "a"}, '{"1":"a"}'),
        ({Text("key"): Text("value")}, '{"key":"value"}'),
        ([Number(3), Level.HIGH], "[3,3]"),
        ([Fraction(1.5)], "[1.5]"),
        ([Kind.NEWS], '["news"]'),
        (Number(3), "3"),
        (Level.HIGH, "3"),
        (Fraction(1.5), "1.5"),
        (OrderedDict(a=1), '{"a":1}'),
        (Counter("aab"), '{"a":2,"b":1}'),
        (Point(1, 2.5), '{"x":1,"y":2.5}'),
        (Line(Point(0, 0), Point(1, 1)), '{"start":{"x":0,"y":0},"end":{"x":1,"y":1},"_label":null}'),
        ({"points": [Point(0, 1)]}, '{"points":[{"x":0,"y":1}]}'),
        (math.nan, "null"),
        (math.inf, "null"),
        ([math.nan, math.inf, -math.inf], "[null,null,null]"),
        ([Fraction("nan"), Fraction("-inf")], "[null,null]"),
        (Point(math.nan, 1), '{"x":null,"y":1}'),
    ],
    ids=ascii,
)
def test_json_is_compact_and_on_one_line(value, encoded):
    assert encode_json(value).decode() == encoded
    assert encode_data(value).decode() == f"data: {encoded}\n\n"
    json.loads(encoded)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ((1, 2), "tuple"),
        (Pair(1, 2), "Pair"),
        (b"bytes", "bytes"),
        (bytearray(b"bytes"), "bytearray"),
        ({1, 2}, "set"),
        (frozenset(), "frozenset"),
        (range(3), "range"),
        (iter([]), "list_iterator"),
        (1j, "complex"),
        (Plain(), "Plain"),
        (Plain, "type"),
        (Point, "type"),
        (SSEEvent, "type"),
        (len, "builtin_function_or_method"),
        (coroutine_function, "function"),
        (async_generator_function(), "async_generator"),
        (ValueError("secret"), "ValueError"),
    ],
    ids=named,
)
def test_what_is_neither_text_nor_json_is_refused_with_its_type_and_what_is_accepted(data, name):
    accepted = "text, dict, list, int, float, bool, None, a dataclass, a Fragment, an SSEEvent or a Comment"

    with pytest.raises(TypeError, match=rf"^a value of type {name} cannot be sent as event data; allowed are {accepted}$"):
        encode_data(data)


def test_a_coroutine_that_was_not_awaited_is_refused():
    coroutine = coroutine_function()

    with pytest.raises(TypeError, match=r"^a value of type coroutine cannot be sent as event data; allowed are text, dict"):
        encode_data(coroutine)
    coroutine.close()


@pytest.mark.parametrize("data", [Panel(), RenderableNode()], ids=["plain", "dataclass"])
def test_what_has_to_be_rendered_is_refused_before_it_is(data):
    with pytest.raises(TypeError, match=rf"^a {type(data).__name__} cannot be sent before it is rendered"):
        encode_data(data)


@pytest.mark.parametrize(
    ("inside", "name"),
    [(Plain(), "Plain"), (Plain, "type"), (Point, "type"), (1j, "complex"), (range(3), "range"), (Panel(), "Panel")],
    ids=named,
)
@pytest.mark.parametrize(
    "wrap", [lambda value: [value], lambda value: {"a": [value]}, Node], ids=["list", "dict", "dataclass"]
)
def test_what_json_has_not_is_refused_inside_json_too(wrap, inside, name):
    with pytest.raises(TypeError, match=rf"^a value or a key of type {name} cannot be sent as JSON"):
        encode_json(wrap(inside))


@pytest.mark.parametrize("key", [None, (1, 2), Plain()], ids=["None", "tuple", "object"])
def test_a_key_that_json_has_not_is_refused(key):
    with pytest.raises(TypeError, match=rf"^a value or a key of type {type(key).__name__} cannot be sent as JSON"):
        encode_json({key: 1})


@pytest.mark.parametrize(
    ("inside", "encoded"),
    [
        ((1, 2), "[1,2]"),
        (Pair(1, 2), "[1,2]"),
        ({1}, "[1]"),
        (frozenset(), "[]"),
        (b"bytes", '"Ynl0ZXM="'),
        (datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC), '"2026-01-02T03:04:05Z"'),
        (datetime.date(2026, 1, 2), '"2026-01-02"'),
        (uuid.UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (decimal.Decimal("1.10"), '"1.10"'),
        (Choice.FIRST, '"first"'),
    ],
    ids=named,
)
def test_what_the_json_encoder_knows_besides_may_be_inside(inside, encoded):
    assert encode_json([inside]).decode() == f"[{encoded}]"


def a_list_in_itself():
    value = []
    value.append(value)
    return value


def a_dict_in_itself():
    value = {}
    value["again"] = [value]
    return value


def a_dataclass_in_itself():
    node = Node()
    node.child = {"again": node}
    return node


@pytest.mark.parametrize("make", [a_list_in_itself, a_dict_in_itself, a_dataclass_in_itself])
def test_what_refers_to_itself_is_refused(make):
    value = make()

    with pytest.raises(
        ValueError, match=rf"^a {type(value).__name__} that refers to itself, or is nested too deeply, is no JSON$"
    ):
        encode_data(value)


# How deep is too deep depends on the stack, so the thread gets one whose size does not depend on the machine's settings.
@pytest.fixture
def small_stack():
    before = threading.stack_size(256 * 1024)
    yield
    threading.stack_size(before)


@pytest.mark.parametrize("wrap", [lambda value: [value], lambda value: {"a": value}, Node], ids=["list", "dict", "dataclass"])
def test_what_is_nested_100_000_deep_is_an_error_and_no_crash(small_stack, wrap):
    refused = []

    def encode():
        value = None
        for _ in range(100_000):
            value = wrap(value)
        try:
            encode_data(value)
        except ValueError as error:
            refused.append(str(error))

    thread = threading.Thread(target=encode)
    thread.start()
    thread.join()

    [message] = refused
    assert message.endswith(" that refers to itself, or is nested too deeply, is no JSON")


def test_what_is_nested_as_deep_as_people_nest_is_no_error():
    value = json.loads("[" * 500 + "]" * 500)

    assert encode_json(value) == b"[" * 500 + b"]" * 500


@pytest.mark.parametrize(
    ("text", "half", "position"),
    [("a\ud800", "\ud800", 1), ("\udfff", "\udfff", 0), ("\ud83d\ude00", "\ud83d", 0)],
    ids=ascii,
)
@pytest.mark.parametrize(
    "wrap",
    [lambda text: [text], lambda text: {"a": [text]}, lambda text: {text: 1}, Node],
    ids=["list", "dict", "key", "dataclass"],
)
def test_half_a_surrogate_pair_is_refused_wherever_it_is(wrap, text, half, position):
    message = f"text in the JSON holds {half!r} at position {position}: half of a surrogate pair, which UTF-8 cannot carry"

    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        encode_json(wrap(text))
