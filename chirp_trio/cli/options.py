"""Common parts of the commands: how they are run, and options that several have."""

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
from .kinds import FLAG, WHOLE
from .variables import VARIABLES, warn_of_misspelt_variables

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
                parameter.envvar = f"{VARIABLES}{str(parameter.name).upper()}"
            if isinstance(parameter.type, click.types.BoolParamType):
                parameter.type = FLAG

    @override
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # click leaves it out of some, and it names the command
            raise

    @override
    def invoke(self, ctx: click.Context) -> int:
        with unblocked_output() if self.serves else nullcontext():
            warn_of_misspelt_variables(self)
            try:
                return int(super().invoke(ctx) or 0)
            except (ConfigurationError, LifespanError) as error:
                print(f"chirp-trio: {neutral(str(error))}", file=sys.stderr)
                return 2 if isinstance(error, ConfigurationError) else 1


class ServerCommand(Command):
    """A command that serves an app until it is stopped."""

    serves = True


def app_argument[Function: Callable[..., Any]](function: Function) -> Function:
    """The argument `app`, the name of an app; None if it is left out."""
    return click.argument("app", required=False, metavar="[MODULE:APP]")(function)


def address_options[Function: Callable[..., Any]](function: Function) -> Function:
    """`--host` and `--port`."""
    function = click.option("--port", type=WHOLE, default=8000, help="Port to listen on, 0 for a free one.")(function)
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
