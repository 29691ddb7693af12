"""Data that must be rendered before it can be encoded, and values that are never data."""

from collections.abc import Callable
from typing import ClassVar


class Renderable:
    """Data that must be rendered to text before it can be sent, such as a fragment of a template.

    The wire knows no templates. It only has to tell such data from JSON, so that a forgotten rendering is an error and
    not somebody's internals on the wire. `event` is the event name that the data itself asks for.
    """

    __slots__ = ()

    event: str | None

    def _copied(self, _copy: Callable[[object], object]) -> Renderable:
        """See `copied_data`; here nothing may change."""
        return self


def copied_data(data: Renderable, copy: Callable[[object], object]) -> Renderable:
    """The same data with its mutable parts copied by a function; the data itself, if nothing in it is mutable."""
    return data._copied(copy)


class NoData:
    """A value that is never sent as data although it has fields, such as a response: its JSON would expose internals."""

    __slots__ = ()

    _instead: ClassVar[str]  # what to do with it, for an error


def html_text(value: object) -> str | None:
    """The HTML of an object with `__html__`, as plain text; None where it has no such method.

    Raises:
        TypeError: The method returned what is no text.
    """
    # Looked up on the class, as Python does for special methods, so that a mock with any attribute does not count.
    method: Callable[[object], object] | None = getattr(type(value), "__html__", None)
    if method is None:
        return None
    text = method(value)
    if not isinstance(text, str):
        raise TypeError(f"the __html__() of a {type(value).__name__} returned {text!r}; it must return text")
    return str.__str__(text)
