"""Environment variables that give options: their names, and those that nearly are one."""

import os
import sys

import click

from .nearest import ask_for, nearest

# What their names begin with.
VARIABLES = "CHIRP_TRIO_"
# How a process of ours tells one that it starts what it is.
_OWN = {f"{VARIABLES}{name}" for name in ("PARENT", "RELOADER", "DEMO_FOLDER")}


def warn_of_misspelt_variables(command: click.Command) -> None:
    """Warn of environment variables that are nearly, and not quite, those of a command's options. They have no effect.

    Others of which the name begins in the same way may be those of another command, or anybody's.
    """
    if _OWN & os.environ.keys():  # the process that has started this one has told it
        return
    known = {str(parameter.envvar).removeprefix(VARIABLES) for parameter in command.params if parameter.envvar is not None}
    for variable in sorted(os.environ):
        name = variable.removeprefix(VARIABLES)
        if name == variable or name in known:
            continue
        if name == "ENV_FILE":
            hint = "; --env-file has none: give the option"
        else:
            near = nearest(name, known, 0.75)
            hint = ask_for(near and f"{VARIABLES}{near}")
        if hint:
            print(f"chirp-trio: the variable {variable} has no effect{hint}", file=sys.stderr)
