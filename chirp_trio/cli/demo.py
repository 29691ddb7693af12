"""`chirp-trio demo`: serve one of the examples."""

import importlib.util
from pathlib import Path

import click

from ..errors import ConfigurationError
from .options import ServerCommand, address_options

# The examples that can be tried as they are, by their names here: the file of each.
_DEMOS = {
    "dashboard": "dashboard/dashboard.py",
    "chat": "chat/chat.py",
    "progress": "progress/progress.py",
    "answers": "answers/answers.py",
    "log-tail": "log_tail/log_tail.py",
    "todo": "todo/todo.py",
}


@click.command(cls=ServerCommand, help=f"Serve an example: {', '.join(_DEMOS)}; without a name, the first.",
    short_help="Serve an example.")  # fmt: skip
@click.argument("name", required=False, metavar="[NAME]", type=click.Choice(list(_DEMOS)))
@address_options
@click.option("--open", is_flag=True, help="Open the page in a browser.")
def command(name: str | None, host: str, port: int, *, open: bool) -> int:
    """Serve an example."""
    from ..server import ServerConfig
    from .log import configure_logging
    from .serving import find_app, serve_app

    config = ServerConfig(host=host, port=port)
    if name in (None, "dashboard") and importlib.util.find_spec("psutil") is None:
        raise ConfigurationError("the demo reads this machine's figures with psutil: pip install 'chirp-trio[demo]'")
    app, _ = find_app(f"{examples() / _DEMOS[name or 'dashboard']}:app")
    configure_logging(None, "text")
    return serve_app(app, config, "the demo" if name is None else f"the demo {name}", is_opening=open)


def examples() -> Path:
    """Where the examples are: inside the package where it was installed from a wheel, beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "examples"
    return inside if inside.is_dir() else package.parent / "examples"
