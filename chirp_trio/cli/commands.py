"""The commands by their names. Each is imported when it is used."""

import importlib

import click

from ..version import __version__

# In the order in which `--help` lists them.
_COMMANDS = ("run", "new", "demo", "check", "routes", "tail", "publish", "dictionary", "completion")


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        found: click.Command = importlib.import_module(f".{cmd_name}", __package__).command
        return found


def _tell_version(context: click.Context, _: click.Parameter, is_asked: bool) -> None:
    if is_asked and not context.resilient_parsing:
        click.echo(f"chirp-trio {__version__}")
        raise SystemExit(0)


command = _Commands(
    help="Server-Sent Events for trio.",
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 110},
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            show_default=False,
            callback=_tell_version,
            help="Print the version, and end.",
        )
    ],
)
