"""Where the value of an option comes from: the command line, which goes first, or the environment."""

from typing import Any

import click
from click.core import ParameterSource


def given_as(context: click.Context, name: str) -> str:
    """What messages call an option or an argument: as the user has given it, by the environment or by the command line.

    Args:
        context: The command's context.
        name: Its name, such as `"reload_dir"`.
    """
    parameter = next(each for each in context.command.params if each.name == name)
    if _is_of_environment(context, name):
        return str(parameter.envvar)
    return parameter.opts[0] if isinstance(parameter, click.Option) else parameter.make_metavar(context).strip("[]")


def leave_out_overridden_address(context: click.Context, options: dict[str, Any]) -> None:
    """Leave out what the environment says of where to listen, where the command line says it in the other way.

    That is `--bind` in place of `--host` and `--port`. Where only one of them says both, the settings refuse it.
    """
    of_environment = {name for name in ("host", "port", "bind") if _is_of_environment(context, name)}
    if _is_typed(context, "bind"):
        overridden = of_environment
    elif _is_typed(context, "host") or _is_typed(context, "port"):
        overridden = of_environment & {"bind"}
    else:
        return
    for name in overridden:
        del options[name]  # so it has its default


def _is_of_environment(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is ParameterSource.ENVIRONMENT


def _is_typed(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is ParameterSource.COMMANDLINE
