"""Arguments of public functions: one check, and one sentence, for each kind. A wrong type is a TypeError, a wrong value a
ConfigurationError, which is a ValueError.
"""

import math
from collections.abc import Collection
from typing import TypeIs

from .errors import ConfigurationError

_WORDS = {0: "zero", 1: "one"}


def check_type(name: str, value: object, kinds: type | tuple[type, ...], allowed: str) -> None:
    """Raise unless a value is of one of some types; True and False are numbers only where `bool` is among them.

    Args:
        name: What to call it.
        value: The value.
        kinds: The types.
        allowed: What it must be, in words, such as `"text, or None"`.

    Raises:
        TypeError: It is something else.
    """
    wanted = kinds if isinstance(kinds, tuple) else (kinds,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in wanted and object not in wanted):
        raise TypeError(f"{name} is {value!r:.200}; it must be {allowed}")


def check_count(name: str, value: object, *, least: int, of: str = "a whole number", otherwise: str = "") -> None:
    """Raise unless a value is a whole number, and not too small.

    Args:
        name: What to call it.
        value: The value.
        least: The smallest number that may be given, 0 or 1.
        of: What it is, such as `"a number of bytes"`.
        otherwise: What else may be given, such as `", or None"`.

    Raises:
        TypeError: It is no whole number.
        ConfigurationError: It is too small.
    """
    if type(value) is int and value >= least:
        return  # before the message is made, as below: every subscription is checked
    allowed = f"{of}, {_WORDS[least]} or more{otherwise}"
    check_type(name, value, int, allowed)
    if isinstance(value, int) and value < least:
        raise ConfigurationError(f"{name} is {value!r}; it must be {allowed}")


def check_choice(name: str, value: object, choices: Collection[object]) -> None:
    """Raise unless a value is one of some words.

    Raises:
        TypeError: It is no text.
        ConfigurationError: It is another one.
    """
    if isinstance(value, str) and value in choices:
        return
    allowed = "one of " + ", ".join(map(repr, choices))
    check_type(name, value, str, allowed)
    raise ConfigurationError(f"{name} is {value!r:.200}; it must be {allowed}")


def check_function(name: str, value: object) -> None:
    """Raise unless a value is a function, or None.

    Raises:
        TypeError: It is something else.
    """
    if value is not None and not callable(value):
        raise TypeError(f"{name} is {value!r:.200}; it must be a function, or None")


def check_seconds(name: str, value: object, *, least: int | None = None, otherwise: str = "") -> None:
    """Raise unless a value is a number of seconds: neither infinite nor too small.

    Args:
        name: What to call it.
        value: The value.
        least: The smallest number that may be given, 0 or 1; default: anything above zero.
        otherwise: What else may be given, such as `", or None"`; default: nothing.

    Raises:
        TypeError: It is no number.
        ConfigurationError: It is too small, infinite or NaN.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_seconds(value) and (value > 0 if least is None else value >= least):
        return  # before the message is made: every stream is checked
    least_in_words = "more than zero" if least is None else f"{_WORDS[least]} or more"
    allowed = f"{name} is {value!r:.200}; it must be a number of seconds, {least_in_words}{otherwise}"
    raise ConfigurationError(allowed) if is_number else TypeError(allowed)


def is_seconds(value: object) -> TypeIs[int | float]:
    """Whether a value is a time that passes: a number, zero or more, and not infinite."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf
