"""`chirp-trio check`: look for mistakes without running anything."""

import argparse

from ..errors import ConfigurationError
from ..logs import harmless
from .load import load_app
from .run import Commands


def add_commands(commands: Commands) -> None:
    """Add `check`."""
    checking = commands.add_parser(
        "check", help="look for mistakes in an app", description="Look for mistakes in an app, without running it."
    )
    checking.add_argument("app", metavar="MODULE:APP", help="where the app is, as for `run`")
    checking.add_argument(
        "--root-path", default="", metavar="PATH", help="what a proxy takes away from the beginning of the paths"
    )
    checking.add_argument(
        "--elsewhere",
        action="append",
        default=[],
        metavar="PATH",
        help="a path that something else answers, with all below it; may be given several times",
    )
    checking.set_defaults(command=_check)


def _check(options: argparse.Namespace) -> int:
    try:
        from ..checking import check_app  # the other commands work without what it needs
    except ImportError as error:
        raise ConfigurationError(str(error)) from error
    try:
        app = load_app(options.app)
    except ConfigurationError:
        raise
    except Exception as error:
        raise ConfigurationError(f"{options.app} cannot be imported: {type(error).__name__}: {error}") from error
    try:
        findings = check_app(app, root_path=options.root_path, elsewhere=options.elsewhere)  # type: ignore[arg-type]  # it looks
    except (RecursionError, MemoryError) as error:
        raise ConfigurationError(f"{options.app} cannot be checked: something in its files is nested too deeply") from error
    for finding in findings:
        print(harmless(str(finding)))  # names of files, and what stands in them, may be anything
    print(f"{len(findings) or 'no'} finding{'' if len(findings) == 1 else 's'}")
    return 1 if findings else 0
