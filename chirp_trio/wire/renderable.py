"""Data that the wire cannot turn into bytes by itself, and what is no data."""

from collections.abc import Callable
from typing import ClassVar


class Renderable:
    """Data that somebody has to turn into text before it can travel, such as a fragment of a template.

    The wire knows no templates. It only has to tell such data from JSON, so that a forgotten rendering is an error and
    not somebody's internals on the wire. `event` is the event name that the data itself asks for.
    """

    __slots__ = ()

    event: str | None

    def _copied(self, _copy: Callable[[object], object]) -> Renderable:
        """See `copied_data`; here nothing may change."""
        return self


def copied_data(data: Renderable, copy: Callable[[object], object]) -> Renderable:
    """The same data with copies of what may change in it, each made by that function; itself, where nothing may."""
    return data._copied(copy)


class NoData:
    """A value that is never data, such as a response, although it has fields: as JSON, it would be somebody's internals."""

    __slots__ = ()

    _instead: ClassVar[str]  # what to do with it, for an error


def html_text(value: object) -> str | None:
    """The HTML of an object with `__html__`, as plain text; None where it has no such method.

    Raises:
        TypeError: The method returned what is no text.
    """
    # Asked of the class, as Python does for methods of this kind: an object that answers to any name is not meant.
    method: Callable[[object], object] | None = getattr(type(value), "__html__", None)
    if method is None:
        return None
    text = method(value)
    if not isinstance(text, str):
        raise TypeError(f"the __html__() of a {type(value).__name__} returned {text!r}; it must return text")
    return str.__str__(text)
