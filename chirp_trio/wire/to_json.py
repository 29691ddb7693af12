"""Values to JSON (RFC 8259), compact and on one line, in the same way everywhere in an app and at any depth of a value.

What JSON has goes straight to msgspec. Anything else is first made of that, by a walk that knows where it is: so an error can
say it, and nothing of an object travels but its fields.
"""

import datetime
import decimal
import enum
import inspect
import json
import uuid
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from .objects import WRITTEN, fields_of, scalar, struct_items, takes_fallback, written
from .renderable import NoData, Renderable

# Converts a value that JSON does not have into one that it has; raises TypeError for others, as with `json.dumps`.
type JSONDefault = Callable[[object], object]
type EncodeJSON = Callable[[object], bytes]

_ACCEPTED = (
    "text, dict, list, tuple, set, int, float, bool, None, dates and times, UUID, Decimal, Enum, dataclasses, attrs, "
    "msgspec Structs and pydantic models; json_default says how to send others"
)

# Events of sse-starlette, Litestar, FastAPI and Quart's documentation.
_EVENTS_OF_OTHERS = {"ServerSentEvent", "ServerSentEventMessage", "JSONServerSentEvent"}

_encode = msgspec.json.Encoder().encode
_encode_text = json.JSONEncoder().encode  # all in ASCII, so it may stand in a message


_SIMPLE = frozenset({str, int, float, bool, type(None), *WRITTEN})
_TEXT = frozenset({str})
_FEW = 8  # items of a dict, for which a loop, where it is called, takes half of the time of comparing sets
_CONTAINERS = frozenset({dict, list})
_KEYS = (datetime.datetime, datetime.date, datetime.time, uuid.UUID, decimal.Decimal)


def check_json_default(default: object) -> None:
    """Raise `TypeError` unless it is a function, or None."""
    if default is not None and not callable(default):
        raise TypeError(f"json_default is {default!r}; it must be a function of a value, as that of json.dumps, or None")


def json_encoder(default: JSONDefault | None = None) -> EncodeJSON:
    """A function that turns values into JSON. NaN and the infinities, which JSON has not, become null.

    Args:
        default: Asked for each value that is nothing of what is known here; default: those are refused.

    The function raises `TypeError` where a value cannot be sent as JSON, and `ValueError` where it refers to itself, is
    nested too deeply, holds text that UTF-8 cannot carry, or two keys that are the same in JSON. Both say where.
    """
    check_json_default(default)
    plainly = _Walk(default).plain

    def encode(value: object) -> bytes:
        try:
            if type(value) is dict and len(value) <= _FEW:  # as nearly all are, most of them with text
                for key, item in value.items():
                    if type(key) is not str or not (type(item) is str or type(item) in _SIMPLE or _is_simple(item)):
                        return _encode(plainly(value, "$"))
            else:
                if type(value) not in _CONTAINERS:
                    _check_alone(value)
                if not _is_simple(value):
                    return _encode(plainly(value, "$"))
            try:
                return _encode(value)
            except ValueError:
                plainly(value, "$")  # it says where
                raise
        except RecursionError:
            name = type(value).__name__
            raise ValueError(f"a {name} that refers to itself, or is nested too deeply, is no JSON") from None

    return encode


def _check_alone(value: object) -> None:
    """Raise `TypeError` for what may be sent inside of a value, or rendered, but not as it is."""
    if isinstance(value, bytes | bytearray | memoryview):  # inside of a value it is Base64; alone, somebody's text
        raise TypeError(f"a value of type {type(value).__name__} cannot be sent as JSON by itself: decode it, if it is text")
    if type(value).__name__ in _EVENTS_OF_OTHERS:
        raise TypeError(
            f"a {type(value).__name__} is another library's: yield SSEEvent(data, event='name', id='1', retry=3000)"
        )
    if inspect.isawaitable(value):
        raise TypeError(f"a value of type {type(value).__name__} cannot be sent: await it, and send what it returns")
    if isinstance(value, Renderable):
        raise TypeError(f"a {type(value).__name__} cannot be sent before it is rendered, which takes an App with templates")


def _is_simple(value: object) -> bool:
    """Whether the value can be given to msgspec as it is, because it consists of JSON types only."""
    kind = type(value)
    if kind is dict:
        if not _TEXT.issuperset(map(type, value)):  # type: ignore[call-overload]
            return False
        items = value.values()  # type: ignore[attr-defined]
    elif kind is list or kind is tuple:
        items = value
    else:
        return kind in _SIMPLE
    # For a large flat value, comparing sets takes half of the time of a loop.
    if _SIMPLE.issuperset(map(type, items)):
        return True
    for item in items:  # noqa: SIM110 - all() would take two frames for each level
        if not (type(item) in _SIMPLE or _is_simple(item)):
            return False
    return True


def _is_plain(value: object) -> bool:
    """Whether it consists of JSON types only, without nesting. Most values do, so this has to be quick."""
    kind = type(value)
    if kind is str:
        return value.isascii()  # type: ignore[attr-defined, no-any-return]
    return kind is float or kind is bool or value is None or (kind is int and -(2**63) < value < 2**63)  # type: ignore[operator]


class _Walk:
    """Converts values to JSON types, and refuses those that cannot be converted."""

    def __init__(self, default: JSONDefault | None) -> None:
        self._default = default

    def plain(self, value: object, path: str) -> object:
        match value:
            case enum.Enum():
                return self.plain(value.value, path)
            case None | bool():
                return value
            case str():
                return _checked_text(str.__str__(value), path)
            case int():
                return _checked_number(int(value), path)
            case float():
                return float(value)
            case dict():
                return self._object(value.items(), path)
            case list() | tuple() | set() | frozenset():
                return [item if _is_plain(item) else self.plain(item, f"{path}[{index}]") for index, item in enumerate(value)]
        if isinstance(value, WRITTEN):
            return written(value)
        if isinstance(value, NoData) and not isinstance(value, Renderable):
            place = "" if path == "$" else f" at {path}"
            raise TypeError(f"a value of type {type(value).__name__}{place} is no data: {value._instead}")
        if isinstance(value, msgspec.Struct) and value.__struct_config__.array_like:
            return self.plain(struct_items(value), path)
        fields = fields_of(value)
        if fields is not None:
            return self._object(fields, path)
        return self.plain(self._ask(value, path, "value"), path)

    def _own_means(self, value: object, path: str) -> JSONDefault | None:
        """The method by which a pydantic model or a numpy scalar becomes JSON, found by the methods that it has."""
        if isinstance(value, type):
            return None
        kind: Any = type(value)
        if callable(getattr(kind, "model_dump", None)):
            known = {"fallback": lambda inner: self.plain(inner, f"{path}..*")} if takes_fallback(kind) else {}
            return lambda model: model.model_dump(mode="json", **known)  # type: ignore[attr-defined]
        if hasattr(value, "dtype") and getattr(value, "shape", None) == () and callable(getattr(value, "item", None)):
            return scalar
        return None

    def _object(self, items: Iterable[tuple[object, object]], path: str) -> dict[str, object]:
        plain: dict[str, object] = {}
        for key, item in items:
            name = key if type(key) is str and key.isascii() else self._key(key, path)
            if name in plain:
                raise ValueError(f"{path} has two keys that are {_encode_text(name)} in JSON, and only one can be sent")
            plain[name] = item if _is_plain(item) else self.plain(item, _below(path, name))
        return plain

    def _key(self, key: object, path: str) -> str:
        """A key as `json.dumps` writes it; dates and times, UUIDs and decimals as they are written as values."""
        match key:
            case enum.Enum():
                return self._key(key.value, path)
            case str():
                return _checked_text(str.__str__(key), f"a key of {path}")
            case None | bool():
                return json.dumps(key)
            case int():
                return str(_checked_number(int(key), f"a key of {path}"))
            case float():
                return json.dumps(float(key))
        if isinstance(key, _KEYS):
            return str(msgspec.to_builtins(written(key)))
        return self._key(self._ask(key, path, "key"), path)

    def _ask(self, value: object, path: str, what: str) -> object:
        """What stands for a value that is nothing of the above: by its own means, or by the app's."""
        convert = self._own_means(value, path) or self._default
        if convert is not None and not isinstance(value, Renderable):
            try:
                made = convert(value)
            except Exception as error:
                error.add_note(f"raised for the {what} at {path}, of type {_type_name(value)}, while it was made JSON")
                raise
            if type(made) is type(value):
                raise TypeError(f"the {what} of type {_type_name(made)} at {path} was made another one of that, and not JSON")
            return made
        if isinstance(value, Renderable):
            raise TypeError(
                f"a value of type {_type_name(value)} at {path} cannot be sent as JSON: it is rendered, so it has to be "
                "all of the data"
            )
        place = "" if path == "$" and what == "value" else f" at {path}"
        raise TypeError(f"a {what} of type {_type_name(value)}{place} cannot be sent as JSON; allowed are {_ACCEPTED}")


def _checked_text(text: str, path: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            half = text[error.start]
            raise ValueError(
                f"the text at {path} holds {half!r} at position {error.start}: half of a surrogate pair, which UTF-8 cannot "
                "carry"
            ) from None
    return text


def _checked_number(number: int, path: str) -> int:
    try:
        str(number)
    except ValueError:
        raise ValueError(f"the int at {path} has more digits than Python writes (sys.get_int_max_str_digits())") from None
    return number


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if name.isidentifier() and name.isascii() else f"{path}[{_encode_text(name)}]"


def _type_name(value: object) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


encode_json = json_encoder()
