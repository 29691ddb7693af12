"""`chirp-trio check`: look for mistakes in an app without running it."""

from collections.abc import Sequence

import click

from ..errors import ConfigurationError
from ..logs import harmless
from .options import Command, app_argument, env_file_option


@click.command(
    cls=Command, help="Look for mistakes in an app, without running it.", short_help="Look for mistakes in an app."
)
@app_argument
@env_file_option
@click.option(
    "--root-path",
    default="",
    show_default=False,
    metavar="PATH",
    help="The prefix that a proxy takes away from the paths.",
)
@click.option("--elsewhere", multiple=True, metavar="PATH", help="A path that another service answers, with all "
    "paths below it. May be given several times.")  # fmt: skip
def command(app: str | None, root_path: str, elsewhere: Sequence[str]) -> int:
    """Look for mistakes in an app, without running it."""
    try:
        from ..checking import check_app  # the other commands work without the extra that it needs
    except ImportError as error:
        raise ConfigurationError(str(error)) from error
    from ..web import App
    from .find import find
    from .load import article

    found, name = find(app, is_checked=False)
    if not isinstance(found, App):
        raise ConfigurationError(f"{name} is {article(found)}; only a chirp_trio.App can be checked")
    try:
        findings = check_app(found, root_path=root_path, elsewhere=elsewhere)
    except (RecursionError, MemoryError) as error:
        raise ConfigurationError(f"{name} cannot be checked: something in its files is nested too deeply") from error
    for finding in findings:
        print(harmless(str(finding)))  # names and contents of files may have any characters
    print(f"{len(findings) or 'no'} finding{'' if len(findings) == 1 else 's'}")
    return 1 if findings else 0
