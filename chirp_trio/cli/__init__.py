"""The command line: `chirp-trio`, and a file for what each of its commands does.

This room knows apps, the server that runs them, and the wire. It must not know streams: what it prints, it has over a
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

_INTERRUPTED = 130  # what a shell makes of a SIGINT


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: What follows the program's name; default: those of the process.

    Returns:
        The process's exit code: 0; 1 where the app failed; 2 where what was asked for cannot be done.

    Raises:
        SystemExit: With 2, where an argument is wrong; with 0, where the version was asked for.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return int(command.main(given, prog_name="chirp-trio", standalone_mode=False, obj=given) or 0)
    except click.UsageError as error:
        print(f"chirp-trio: {neutral(explain(error))}", file=sys.stderr)
        raise SystemExit(2) from None
    except click.Abort:
        return _INTERRUPTED
