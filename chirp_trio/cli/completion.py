"""`chirp-trio completion`: the script by which a shell completes commands and options."""

import click
from click.shell_completion import get_completion_class

from .kinds import Choice
from .options import Command


@click.command(cls=Command, help="Print the script by which a shell completes commands and options: "
    'eval "$(chirp-trio completion bash)".', short_help="Print a shell's completion script.")  # fmt: skip
@click.argument("shell", metavar="SHELL", type=Choice("bash", "zsh", "fish"))
@click.pass_context
def command(context: click.Context, shell: str) -> int:
    """Print the script for a shell."""
    made = get_completion_class(shell)
    assert made is not None
    print(made(context.find_root().command, {}, "chirp-trio", "_CHIRP_TRIO_COMPLETE").source())
    return 0
