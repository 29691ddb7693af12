"""Kinds of options and arguments: what a text may be, and what is told where it is something else."""

import math
import re
from collections.abc import Callable
from typing import Any, Never, override

import click

from .nearest import ask_for, nearest


class WrongValueError(click.BadParameter):
    """The text of an option or an argument is not of its kind.

    Args:
        value: The text.
        allowed: What it must be, in words.
        parameter: The option or argument.
        context: The command's context.
    """

    def __init__(self, value: str, allowed: str, parameter: click.Parameter | None, context: click.Context | None) -> None:
        super().__init__(f"it is {value!r}; it must be {allowed}", context, parameter)
        self.value = value
        self.allowed = allowed


class Checked(click.ParamType[Any]):
    """A kind of option, with a function that converts its text.

    Args:
        name: The kind's name in the help.
        convert: Returns the value of a text, or raises `ValueError` with what the text must be.
        separator: The separator of several values in an environment variable; default: any white space.
    """

    def __init__(self, name: str, convert: Callable[[str], Any], separator: str | None = None) -> None:
        self.name = name
        self._convert = convert
        self.envvar_list_splitter = separator  # type: ignore[misc]  # click has it as one of the class

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):  # the default
            return value
        try:
            return self._convert(value)
        except ValueError as error:
            raise WrongValueError(value, str(error), param, ctx) from None


class Choice(click.Choice[str]):
    """One of some words, in capitals or small letters.

    Args:
        words: These.
    """

    def __init__(self, *words: str) -> None:
        super().__init__(words, case_sensitive=False)

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            allowed = f"one of {', '.join(map(repr, self.choices))}{ask_for(nearest(value, self.choices))}"
            raise WrongValueError(value, allowed, param, ctx) from None


class _Flag(click.types.BoolParamType):
    """Yes or no, as an environment variable says it."""

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            raise WrongValueError(value, "1 or 0, or one of true, false, yes, no, on, off", param, ctx) from None


FLAG = _Flag()


def count(least: int) -> Callable[[str], int]:
    """A function that converts a text to a whole number of at least this."""

    def convert(text: str) -> int:
        if not text.isdecimal() or len(text) > 15 or int(text) < least:
            raise ValueError(f"a whole number of at least {least}")
        return int(text)

    return convert


def seconds(text: str) -> float:
    """The number of seconds that a text names; it must be above zero."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < math.inf:
        raise ValueError("a number of seconds above 0")
    return found


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        _refuse_unit(text, "a whole number")


def _number_of_seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        _refuse_unit(text, "a number of seconds")


def _refuse_unit(text: str, allowed: str) -> Never:
    """Raise for a text that is no number; if it is one with a unit, say that there is none."""
    found = re.fullmatch(r"(\d+) ?[a-zA-Z]+", text)
    raise ValueError(f"{allowed} without a unit, such as {found[1]}" if found else allowed)


# Of these, the settings say what is too small or too large.
WHOLE = Checked("integer", _whole)
SECONDS = Checked("number", _number_of_seconds)
