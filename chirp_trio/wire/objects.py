"""The fields of objects that are not JSON themselves, such as dataclasses and models, as each library defines them."""

import dataclasses
import datetime
import decimal
import functools
import inspect
import uuid
from collections.abc import Callable
from typing import Any

import msgspec

from .renderable import Renderable

_UNSET = msgspec.UNSET  # a field without a value is left out


def _date(day: datetime.date) -> datetime.date:
    return datetime.date(day.year, day.month, day.day)


def _time(at: datetime.time | datetime.datetime) -> datetime.time:
    return datetime.time(at.hour, at.minute, at.second, at.microsecond, at.tzinfo, fold=at.fold)


# Types that msgspec writes as text: ISO 8601 for dates and times, Base64 for bytes. It does not write their subclasses, such
# as those of pendulum, pandas and asyncpg, so these are converted to the type itself.
_COPIES: dict[type, Callable[[Any], object]] = {
    datetime.datetime: lambda at: datetime.datetime.combine(_date(at), _time(at)),
    datetime.date: _date,
    datetime.time: _time,
    datetime.timedelta: lambda span: datetime.timedelta(span.days, span.seconds, span.microseconds),
    uuid.UUID: lambda given: uuid.UUID(int=given.int),
    **{kind: kind for kind in (decimal.Decimal, bytes, bytearray, memoryview)},
}
WRITTEN = tuple(_COPIES)


def written(value: object) -> object:
    """A value of a subclass of a type that msgspec writes, converted to that type."""
    if type(value) in _COPIES:
        return value
    return next(copy(value) for kind, copy in _COPIES.items() if isinstance(value, kind))


def scalar(value: Any) -> object:
    """A numpy scalar as a Python value."""
    kind = getattr(value.dtype, "kind", None)
    if kind in ("M", "m"):  # for units finer than Python's, item() would return a plain number
        value = value.astype(f"{kind}8[us]") if isinstance(value.item(), int) else value
    made = value.item()
    return float(made) if kind == "f" else made


@functools.cache
def takes_fallback(kind: type) -> bool:
    """Whether the model accepts a fallback for values that it cannot serialize, as pydantic 2.11 and later do."""
    return "fallback" in inspect.signature(kind.model_dump).parameters  # type: ignore[attr-defined]


def fields_of(value: object) -> list[tuple[str, object]] | None:
    """The declared fields of an object, and no other attributes; None if its class declares none."""
    kind = type(value)
    if isinstance(value, type | Renderable):
        return None
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        return [(field.name, item) for field in fields if (item := getattr(value, field.name, _UNSET)) is not _UNSET]
    if (declared := getattr(kind, "__attrs_attrs__", None)) is not None:  # an underscore means private there
        names = [field.name for field in declared if not field.name.startswith("_")]
        return [(name, item) for name in names if (item := getattr(value, name, _UNSET)) is not _UNSET]
    if isinstance(value, msgspec.Struct):
        return _struct_fields(value)
    return None


def _struct_fields(value: msgspec.Struct) -> list[tuple[str, object]]:
    config = value.__struct_config__
    tag = [(config.tag_field, config.tag)] if config.tag_field is not None else []
    return tag + [
        (field.encode_name, item)
        for field in msgspec.structs.fields(value)
        if (item := getattr(value, field.name, _UNSET)) is not _UNSET
        and not (config.omit_defaults and _is_default(item, field))
    ]


def struct_items(value: msgspec.Struct) -> list[object]:
    """The values of a struct with `array_like`, as an array."""
    tag = value.__struct_config__.tag
    return [*([] if tag is None else [tag]), *msgspec.structs.astuple(value)]


def _is_default(item: object, field: msgspec.structs.FieldInfo) -> bool:
    if field.default_factory is not msgspec.NODEFAULT:
        return bool(item == field.default_factory())
    return bool(item == field.default)
