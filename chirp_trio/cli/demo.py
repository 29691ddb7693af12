"""`chirp-trio demo`: serve one of the examples."""

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from urllib.parse import urlsplit

import click

from ..errors import ConfigurationError
from .kinds import Choice
from .options import ServerCommand, address_options

# The environment variable with the folder that the demo and this command share; see the example's own restart.py.
_FOLDER, _PREFIX = "CHIRP_TRIO_DEMO_FOLDER", "chirp-trio-demo-"

# The examples that need no settings: for each name, its file.
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
@click.argument("name", required=False, metavar="[NAME]", type=Choice(*_DEMOS))
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
    configure_logging(None, "text")
    with _folder(may_restart=_is_loopback(host)) as folder:
        app, _ = find_app(f"{examples() / _DEMOS[name or 'dashboard']}:app")
        urls: list[str] = []
        called = "the demo" if name is None else f"the demo {name}"
        is_opening = open and not (folder / "served").exists()
        code = serve_app(app, config, called, is_opening=is_opening, announce=urls.extend)
        again = folder / "again"
        if code == 0 and again.exists():
            again.unlink()
            (folder / "served").touch()
            _start_anew(urlsplit(urls[0]).port or port)
    return code


@contextmanager
def _folder(*, may_restart: bool) -> Iterator[Path]:
    """A folder for files that tell the demo what it may do, and for its data that outlive a restart.

    It is removed at the end, unless the demo restarts: then the next process uses it.
    """
    kept = os.environ.get(_FOLDER)
    folder = Path(kept or mkdtemp(prefix=_PREFIX))
    os.environ[_FOLDER] = str(folder)
    if may_restart and os.name == "posix":
        (folder / "may-restart").touch()
    try:
        yield folder
    finally:
        del os.environ[_FOLDER]
        if folder.name.startswith(_PREFIX):
            rmtree(folder, ignore_errors=True)


def _start_anew(port: int) -> None:
    """Run the same command anew in this process, so that Ctrl-C, or the parent process, still reaches it."""
    os.execv(sys.executable, [*sys.orig_argv, "--port", str(port)])  # noqa: S606 - there is no shell to be used


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def examples() -> Path:
    """The folder of the examples: in the package, if it was installed from a wheel; beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "examples"
    return inside if inside.is_dir() else package.parent / "examples"
