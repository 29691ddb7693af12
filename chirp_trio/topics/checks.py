"""Arguments that are numbers or functions."""

from ..errors import ConfigurationError


def check_count(name: str, value: object, *, least: int) -> None:
    """Raise unless it is a whole number, and not too small."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigurationError(f"{name} is {value!r}; it must be a whole number, {least} or more")


def check_function(name: str, value: object) -> None:
    """Raise unless it is a function, or None."""
    if value is not None and not callable(value):
        raise TypeError(f"{name} is {value!r}; it must be a function, or None")
