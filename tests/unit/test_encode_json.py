"""Data to JSON: what it looks like, and what is refused with an error that names it."""

import contextlib
import dataclasses
import datetime
import decimal
import enum
import functools
import json
import math
import re
import threading
import uuid
from collections import Counter, OrderedDict
from typing import Any, NamedTuple

import attrs
import msgspec
import pydantic
import pytest

from chirp_trio.wire import Renderable, SSEEvent, encode_data, encode_json, json_encoder
from tests.cases import each_case


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
    SECOND = (1, {"deep": datetime.date(2026, 1, 2)})


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


@attrs.define
class Attributes:
    child: object = None


class Struct(msgspec.Struct):
    child: object = None


class Renamed(msgspec.Struct, rename="camel", tag_field="kind", tag=True, omit_defaults=True):
    first_name: str
    last_name: str = ""
    tags: list[str] = []
    age: int | msgspec.UnsetType = msgspec.UNSET


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)

    child: Any = None


class Scalar:
    """As numpy's are."""

    dtype = "float32"
    shape = ()

    def __init__(self, value):
        self._value = value

    def item(self):
        return self._value


class LookalikeBool:
    pass


LookalikeBool.__module__, LookalikeBool.__qualname__ = "numpy", "bool"


class Secretive:
    @functools.cached_property
    def secret(self):
        return "SECRET"


@dataclasses.dataclass
class User(Secretive):
    name: str


@attrs.define(slots=False)
class AttrsUser(Secretive):
    name: str
    _token: str = "SECRET"


@attrs.define
class SlottedAttrsUser:
    name: str
    _token: str = "SECRET"

    @functools.cached_property
    def secret(self):
        return "SECRET"


class StructUser(msgspec.Struct, dict=True):
    name: str

    @functools.cached_property
    def secret(self):
        return "SECRET"


class ModelUser(pydantic.BaseModel):
    name: str
    password: pydantic.SecretStr = pydantic.SecretStr("SECRET")
    _token: str = pydantic.PrivateAttr("SECRET")

    def __init__(self, name):
        super().__init__(name=name)

    @functools.cached_property
    def secret(self):
        return "SECRET"


class NamedtupleUser(NamedTuple("_User", [("name", str)])):
    @functools.cached_property
    def secret(self):
        return "SECRET"


async def coroutine_function():
    pass


async def async_generator_function():
    yield


def named(value):
    """A test's id for a value whose own repr may differ from run to run."""
    return value if isinstance(value, str) else type(value).__name__


@each_case(
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


def extended(kind, *arguments):
    """A value of a type that extends another one, as those of pendulum, pandas, asyncpg and freezegun do."""
    return type(f"Extended_{kind.__name__}", (kind,), {})(*arguments)


class Positional(msgspec.Struct, array_like=True, tag="positional", omit_defaults=True):
    a: object = 1
    b: object = 2


class Moment:
    """As numpy's datetime64: with units finer than microseconds, it is a number to Python."""

    shape = ()

    class dtype:  # noqa: N801 - numpy's name
        kind = "M"

    def __init__(self, unit):
        self.unit = unit

    def astype(self, unit):
        return Moment(unit)

    def item(self):
        return datetime.datetime(2026, 1, 2, 3, 4, 5) if self.unit == "M8[us]" else 1767323045000000001


class LongDouble:
    """As numpy's: for Python it is no float, and `item` gives itself."""

    shape = ()

    class dtype:  # noqa: N801 - numpy's name
        kind = "f"

    def item(self):
        return self

    def __float__(self):
        return 1.5


WRAPPINGS = each_case(
    "wrap",
    [
        lambda value: [value],
        lambda value: (value,),
        lambda value: {"a": [value]},
        lambda value: {"a": {"b c": value}},
        Node,
        Attributes,
        Struct,
        lambda value: Model(child=value),
    ],
    ids=["list", "tuple", "list in dict", "dict in dict", "dataclass", "attrs", "struct", "model"],
)

# What each is as JSON: alone, and wherever else it may stand.
TABLE = [
    ((1, 2), [1, 2]),
    (Pair(1, 2), [1, 2]),
    ({1}, [1]),
    (frozenset(), []),
    (datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC), "2026-01-02T03:04:05Z"),
    (datetime.datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),
    (datetime.date(2026, 1, 2), "2026-01-02"),
    (datetime.time(3, 4), "03:04:00"),
    (datetime.timedelta(days=1), "P1D"),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (decimal.Decimal("1.10"), "1.10"),
    (Choice.FIRST, "first"),
    (Choice.SECOND, [1, {"deep": "2026-01-02"}]),
    (Level.HIGH, 3),
    (Kind.NEWS, "news"),
    (Text("text"), "text"),
    (Number(3), 3),
    (math.nan, None),
    (Scalar(True), True),
    (Scalar(1.5), 1.5),
    (Scalar(datetime.date(2026, 1, 2)), "2026-01-02"),
    (Node((1, 2)), {"child": [1, 2]}),
    (Attributes({1}), {"child": [1]}),
    (Struct(Choice.FIRST), {"child": "first"}),
    (Renamed(first_name="Ada"), {"kind": "Renamed", "firstName": "Ada"}),
    (Model(child=(1, 2)), {"child": [1, 2]}),
    (Model(child=Node(Model(child=uuid.UUID(int=1)))), {"child": {"child": {"child": str(uuid.UUID(int=1))}}}),
    ({True: 1, None: 2, 3: 4, 1.5: 6, math.inf: 7}, {"true": 1, "null": 2, "3": 4, "1.5": 6, "Infinity": 7}),
    (
        {Text("a"): 1, Number(2): 1, Level.HIGH: 1, Kind.NEWS: 1, Scalar(4): 1, Choice.FIRST: 1},
        dict.fromkeys(["a", "2", "3", "news", "4", "first"], 1),
    ),
    ({uuid.UUID(int=1): 1, datetime.date(2026, 1, 2): 1}, {str(uuid.UUID(int=1)): 1, "2026-01-02": 1}),
    ({decimal.Decimal("1.10"): 1, datetime.time(3, 4): 2}, {"1.10": 1, "03:04:00": 2}),
    (extended(datetime.datetime, 2026, 1, 2, 3, 4, 5, 6, datetime.UTC), "2026-01-02T03:04:05.000006Z"),
    (extended(datetime.date, 2026, 1, 2), "2026-01-02"),
    (extended(datetime.time, 3, 4), "03:04:00"),
    (extended(datetime.timedelta, 1), "P1D"),
    (extended(uuid.UUID, str(uuid.UUID(int=1))), str(uuid.UUID(int=1))),
    (extended(decimal.Decimal, "1.10"), "1.10"),
    ({extended(datetime.date, 2026, 1, 2): 1, extended(decimal.Decimal, "1.10"): 1}, {"2026-01-02": 1, "1.10": 1}),
    (Positional(), ["positional", 1, 2]),
    (Moment("M8[ns]"), "2026-01-02T03:04:05"),
    (LongDouble(), 1.5),
]


@each_case(("value", "expected"), TABLE, ids=named)
def test_what_json_has_not_but_python_is_the_same_by_itself_and_inside(value, expected):
    expected = json.dumps(expected, separators=(",", ":"))

    assert encode_json(value).decode() == expected
    assert encode_json([value]).decode() == f"[{expected}]"
    assert encode_json({"a": {"b c": (value,)}}).decode() == f'{{"a":{{"b c":[{expected}]}}}}'
    wrappings = [Node(value), Attributes(value), Struct(value)]
    if not isinstance(value, dict):  # pydantic has ideas of its own of some keys
        wrappings.append(Model(child=value))
    for wrapped in wrappings:
        assert json.loads(encode_json(wrapped)) == {"child": json.loads(expected)}


def test_bytes_are_base64_inside_of_a_value_and_refused_by_themselves():
    assert encode_json([b"bytes", bytearray(b"bytes")]) == b'["Ynl0ZXM=","Ynl0ZXM="]'
    for value in (b"bytes", bytearray(b"bytes"), memoryview(b"bytes")):
        with pytest.raises(TypeError, match=rf"^a value of type {type(value).__name__} cannot .* decode it, if it is text$"):
            encode_json(value)


@each_case("kind", [User, AttrsUser, SlottedAttrsUser, StructUser, ModelUser, NamedtupleUser])
@each_case("wrap", [lambda value: value, lambda value: [value], lambda value: {"a": Node(value)}])
def test_nothing_of_an_object_is_sent_but_the_fields_that_it_declares(kind, wrap):
    user = kind("Ada")
    assert user.secret == "SECRET"
    with contextlib.suppress(AttributeError, ValueError):
        user.extra = "SECRET"

    encoded = encode_json(wrap(user)).decode()

    assert "Ada" in encoded
    assert "SECRET" not in encoded


NOT_JSON = [
    (Plain(), f"{__name__}.Plain"),
    (Plain, "type"),
    (Point, "type"),
    (SSEEvent, "type"),
    (Model, "pydantic._internal._model_construction.ModelMetaclass"),
    (range(3), "range"),
    (iter([]), "list_iterator"),
    (1j, "complex"),
    (len, "builtin_function_or_method"),
    (coroutine_function, "function"),
    (async_generator_function(), "async_generator"),
    (ValueError("secret"), "ValueError"),
    (msgspec.Raw(b"{\n"), "msgspec.Raw"),
    (LookalikeBool(), "numpy.bool"),
]


@each_case(("value", "name"), NOT_JSON, ids=named)
@each_case(
    ("wrap", "path"),
    [
        (lambda value: value, "$"),
        (lambda value: [0, value], "$[1]"),
        (lambda value: {"items": [{"price": 1}, {"price": value}]}, "$.items[1].price"),
        (lambda value: {"a b": {"\n": value}}, '$["a b"]["\\n"]'),
        (lambda value: {3: (value,)}, '$["3"][0]'),
        (lambda value: Node(Attributes(Struct([value]))), "$.child.child.child[0]"),
    ],
    ids=["top", "list", "list in dict", "odd keys", "int key", "objects"],
)
def test_what_cannot_be_sent_as_json_is_refused_with_its_full_type_and_its_place(wrap, path, value, name):
    place = "" if path == "$" else f" at {path}"
    message = f"a value of type {name}{place} cannot be sent as JSON; allowed are text, dict, list, tuple, set, int"

    with pytest.raises(TypeError, match=f"^{re.escape(message)}.*; json_default says how to send others$"):
        encode_data(wrap(value))


def test_a_coroutine_that_was_not_awaited_is_refused():
    coroutine = coroutine_function()

    with pytest.raises(TypeError, match=r"^a value of type coroutine cannot be sent: await it, and send what it returns"):
        encode_data(coroutine)
    coroutine.close()


@each_case("data", [Panel(), RenderableNode()], ids=["plain", "dataclass"])
def test_what_has_to_be_rendered_is_refused_before_it_is(data):
    with pytest.raises(TypeError, match=rf"^a {type(data).__name__} cannot be sent before it is rendered"):
        encode_data(data)


@WRAPPINGS
@each_case("data", [Panel(), RenderableNode()], ids=["plain", "dataclass"])
def test_what_has_to_be_rendered_is_refused_inside_of_json(wrap, data):
    if type(wrap("")) is Model and type(data) is RenderableNode:
        return  # pydantic turns dataclasses into JSON by itself
    with pytest.raises(
        TypeError, match=rf"\.{type(data).__name__} at \$.* cannot be sent as JSON: it is rendered, so it has"
    ):
        encode_json(wrap(data))


@each_case("key", [(1, 2), b"a", Plain(), frozenset()], ids=named)
@each_case(("wrap", "path"), [(lambda value: value, "$"), (lambda value: {"a": [value]}, "$.a[0]")])
def test_a_key_that_json_has_not_is_refused_with_its_full_type_and_its_place(wrap, path, key):
    name = f"{__name__}.Plain" if isinstance(key, Plain) else type(key).__name__

    with pytest.raises(TypeError, match=rf"^a key of type {re.escape(name)} at {re.escape(path)} cannot be sent as JSON"):
        encode_json(wrap({key: 1}))


@each_case("value", [{1: "a", "1": "b"}, {True: 1, "true": 2}, {Choice.FIRST: 1, "first": 2}], ids=repr)
def test_two_keys_that_are_one_in_json_are_refused(value):
    with pytest.raises(ValueError, match=r'^\$\.a has two keys that are "(1|true|first)" in JSON, and only one can be sent$'):
        encode_json({"a": value})


@WRAPPINGS
def test_json_default_is_asked_for_what_is_not_known_and_for_nothing_else(wrap):
    asked = []

    def default(value):
        asked.append(value)
        return {"plain": (1, 2)}

    plain = Plain()
    encode = json_encoder(default)

    assert encode(plain) == b'{"plain":[1,2]}'
    assert b'{"plain":[1,2]}' in encode(wrap(plain))
    assert asked == [plain, plain]
    asked.clear()
    for value, _ in TABLE:
        assert encode(value) == encode_json(value)
    assert asked == []


def test_json_default_is_asked_for_keys_too():
    assert (
        json_encoder(lambda key: "/".join(map(str, key)) if type(key) is frozenset else key)({frozenset([1]): 2})
        == b'{"1":2}'
    )


def test_what_json_default_refuses_is_an_error_that_names_the_place():
    def default(value):
        raise TypeError(f"no idea of {value!r}")

    with pytest.raises(TypeError, match=r"^no idea of 1j") as caught:
        json_encoder(default)({"a": [1j]})
    assert caught.value.__notes__ == ["raised for the value at $.a[0], of type complex, while it was made JSON"]


def test_json_default_that_gives_back_what_it_was_given_is_an_error_and_no_loop():
    with pytest.raises(TypeError, match=r"^the value of type complex at \$\[0\] was made another one of that, and not JSON$"):
        json_encoder(lambda value: value)([1j])


def test_json_default_that_never_comes_to_an_end_is_an_error():
    with pytest.raises(ValueError, match="nested too deeply"):
        json_encoder(lambda value: 1j if isinstance(value, Plain) else Plain())([1j])


def test_an_int_that_is_too_long_is_refused_with_its_place():
    with pytest.raises(ValueError, match=r"^the int at \$\.a\[0\] has more digits than Python writes"):
        encode_json({"a": [10**5000]})


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


@each_case("make", [a_list_in_itself, a_dict_in_itself, a_dataclass_in_itself])
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


@each_case("wrap", [lambda value: [value], lambda value: {"a": value}, Node], ids=["list", "dict", "dataclass"])
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


@each_case(
    ("text", "half", "position"),
    [("a\ud800", "\ud800", 1), ("\udfff", "\udfff", 0), ("\ud83d\ude00", "\ud83d", 0)],
    ids=ascii,
)
@each_case(
    ("wrap", "place"),
    [
        (lambda text: text, "$"),
        (lambda text: [text], "$[0]"),
        (lambda text: {"a": [text]}, "$.a[0]"),
        (lambda text: {text: 1}, "a key of $"),
        (Node, "$.child"),
    ],
    ids=["top", "list", "dict", "key", "dataclass"],
)
def test_half_a_surrogate_pair_is_refused_wherever_it_is(wrap, place, text, half, position):
    message = f"the text at {place} holds {half!r} at position {position}: half of a surrogate pair, which UTF-8 cannot carry"

    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        encode_json(wrap(text))
