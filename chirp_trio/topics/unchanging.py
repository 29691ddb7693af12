"""Values as they were at a moment, for filters, which look at them later."""

import copy
import dataclasses
import json
from typing import Any

from ..wire import ABSENT, Comment, Renderable, SSEEvent, copied_data, unchecked_event

# A tuple, because a union written into a test is made anew at each call.
_UNCHANGING = (str, int, float, Comment, type(None))


def has_content(value: object) -> bool:
    """Whether the value, or what the event carries, can be had again from what is sent for it, whatever becomes of it."""
    data = value.data if isinstance(value, SSEEvent) else value
    if type(data) in (dict, list):
        return True
    if data is ABSENT or isinstance(data, (_UNCHANGING, Renderable)):
        return False
    return not dataclasses.is_dataclass(data)


def anew(value: object, content: object) -> object:
    """The value anew, from what was made of it: JSON as text, or `HTML`, where it is that by its own account."""
    decoded = decode_json(content) if isinstance(content, str) else content
    return unchecked_event(decoded, value.event, None, value.retry) if isinstance(value, SSEEvent) else decoded


def decode_json(text: str) -> Any:
    """JSON, read again.

    Raises:
        ValueError: It is nested too deeply for that.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("JSON that is nested so deeply cannot be read again") from None


def copied(value: object) -> object:
    """The value as it is now: what may change in it is copied.

    These are dataclasses, the variables of fragments, and the dicts, lists, tuples and sets in them. An object of any other
    class, which may be among the variables of a fragment, is left as it is: nobody knows what it is made of.
    """
    if isinstance(value, _UNCHANGING):
        return value
    if isinstance(value, SSEEvent):
        data = copied(value.data)
        return value if data is value.data else unchecked_event(data, value.event, value.id, value.retry)
    return _copied(value, {})


def _copied(value: object, copies: dict[int, object]) -> object:
    # `copies` has those that are made already, by the identities of what they are made of: a dict may be in itself.
    if id(value) in copies:
        return copies[id(value)]
    if isinstance(value, dict | list):
        container = copies[id(value)] = copy.copy(value)
        for key in value if isinstance(value, dict) else range(len(value)):
            container[key] = _copied(value[key], copies)
        return container
    if type(value) in (tuple, set, frozenset):
        assert isinstance(value, tuple | set | frozenset)
        return type(value)([_copied(item, copies) for item in value])
    if isinstance(value, Renderable):
        return copied_data(value, lambda variable: _copied(variable, copies))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        record = copies[id(value)] = copy.copy(value)
        for field in dataclasses.fields(value):
            object.__setattr__(record, field.name, _copied(getattr(value, field.name), copies))
        return record
    return value
