"""The command line: `chirp-trio`, and a file for what each of its commands does.

This room knows apps, the server that runs them, and the wire. It must not know streams: what it prints, it has over a
connection.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import nullcontext

from ..errors import ConfigurationError, LifespanError
from ..version import __version__
from . import check, run, tail
from .forms import neutral
from .load import load_app

__all__ = ["load_app", "main", "parser"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the process's exit code: 0; 1 where the app failed; 2 where what was asked for cannot be done."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = parser().parse_args(given, argparse.Namespace(arguments=given, output=nullcontext))
    with options.output():
        try:
            return int(options.command(options))
        except ConfigurationError as error:
            print(f"chirp-trio: {neutral(str(error))}", file=sys.stderr)
            return 2
        except LifespanError as error:
            print(f"chirp-trio: {neutral(str(error))}", file=sys.stderr)
            return 1


def parser() -> argparse.ArgumentParser:
    """What the commands take."""
    parser = argparse.ArgumentParser(prog="chirp-trio", description="Server-Sent Events for trio.")
    parser.add_argument("--version", action="version", version=f"chirp-trio {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run.add_commands(commands)
    tail.add_commands(commands)
    check.add_commands(commands)
    return parser
