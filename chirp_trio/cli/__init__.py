"""The command line, `chirp-trio`: a file for each of its commands.

This room uses apps, the server that runs them, and the wire. It does not use `stream/`: the events that it prints come over a
connection.
"""

import sys
from collections.abc import Sequence

import click

from .commands import command
from .forms import neutral
from .habits import explain
from .load import load_app

__all__ = ["command", "load_app", "main"]

_INTERRUPTED = 130  # as shells report a SIGINT


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: What follows the program's name; default: those of the process.

    Returns:
        The process's exit code: 0; 1 if the app failed; 2 if the command cannot be run as asked.

    Raises:
        SystemExit: With 2 if an argument is wrong; with 0 after `--version`.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return int(command.main(given, prog_name="chirp-trio", standalone_mode=False, obj=given) or 0)
    except click.UsageError as error:
        print(f"chirp-trio: {neutral(explain(error))}", file=sys.stderr)
        raise SystemExit(2) from None
    except click.Abort:
        return _INTERRUPTED
