"""Arguments that are a number of seconds: one check, and one sentence, for all of them."""

import math

from .errors import ConfigurationError

_WORDS = {None: "more than zero", 0: "zero or more", 1: "one or more"}


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
    allowed = f"{name} is {value!r:.200}; it must be a number of seconds, {_WORDS[least]}{otherwise}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(allowed)
    if not is_seconds(value) or (value <= 0 if least is None else value < least):
        raise ConfigurationError(allowed)


def is_seconds(value: object) -> bool:
    """Whether a value is a time that passes: a number, zero or more, and not infinite."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
