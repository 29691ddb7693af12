"""Common parts of the commands: how they are run, and kinds of options."""

import math
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, override

import click

from ..errors import ConfigurationError, LifespanError
from ..output import unblocked_output
from .env_file import read_env_file
from .forms import neutral

_VARIABLES = "Environment variables give options as well, and MODULE:APP: CHIRP_TRIO_PORT=8001 is --port 8001."


class Command(click.Command):
    """A command whose options can be given by environment variables too, as `CHIRP_TRIO_PORT` gives `--port`.

    An error is told in one line on standard error.
    """

    serves = False  # whether it must go on if nobody reads its output

    def __init__(self, name: str | None, **options: Any) -> None:
        super().__init__(name, **{"epilog": _VARIABLES, **options})
        for parameter in self.params:
            if parameter.name == "app" or (isinstance(parameter, click.Option) and not parameter.is_eager):
                parameter.envvar = f"CHIRP_TRIO_{str(parameter.name).upper()}"

    @override
    def invoke(self, ctx: click.Context) -> int:
        with unblocked_output() if self.serves else nullcontext():
            try:
                return int(super().invoke(ctx) or 0)
            except (ConfigurationError, LifespanError) as error:
                print(f"chirp-trio: {neutral(str(error))}", file=sys.stderr)
                return 2 if isinstance(error, ConfigurationError) else 1


class ServerCommand(Command):
    """A command that serves an app until it is stopped."""

    serves = True


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
            self.fail(f"it is {value!r}; it must be {error}", param, ctx)


def seconds(text: str) -> float:
    """The number of seconds that a text names; it must be above zero."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < math.inf:
        raise ValueError("a number of seconds above 0")
    return found


def count(least: int) -> Callable[[str], int]:
    """A function that converts a text to a whole number of at least this."""

    def convert(text: str) -> int:
        if not text.isdecimal() or len(text) > 15 or int(text) < least:
            raise ValueError(f"a whole number of at least {least}")
        return int(text)

    return convert


def app_argument[Function: Callable[..., Any]](function: Function) -> Function:
    """The argument `app`, the name of an app; None if it is left out."""
    return click.argument("app", required=False, metavar="[MODULE:APP]")(function)


def address_options[Function: Callable[..., Any]](function: Function) -> Function:
    """`--host` and `--port`."""
    function = click.option("--port", type=int, default=8000, help="Port to listen on, 0 for a free one.")(function)
    return click.option("--host", default="127.0.0.1", help="Address to listen on.")(function)


def env_file_option[Function: Callable[..., Any]](function: Function) -> Function:
    """`--env-file`; its variables are set before any other option is read."""
    return click.option(
        "--env-file",
        multiple=True,
        metavar="FILE",
        is_eager=True,
        expose_value=False,
        callback=_read_env_files,
        help="Read environment variables from this file, with lines like NAME=VALUE; those that are set already are kept. "
        "May be given several times.",
    )(function)


def _read_env_files(context: click.Context, _: click.Parameter, files: Sequence[str]) -> None:
    if context.resilient_parsing:
        return
    for file in files:
        try:
            found = read_env_file(Path(file))
        except ConfigurationError as error:
            raise click.UsageError(str(error)) from None
        for name, value in found.items():
            os.environ.setdefault(name, value)
