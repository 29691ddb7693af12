"""`chirp-trio new`: make a small app to begin with."""

import re
import shutil
from pathlib import Path

import click

from ..errors import ConfigurationError
from .demo import examples
from .options import Command

_SKELETON = Path(__file__).with_name("skeleton")
# The files that are made, and their names in the skeleton: under their own names, our tools would find them.
_FILES = {
    "app.py": "app.py.txt",
    "test_app.py": "test_app.py.txt",
    "templates/page.html": "templates/page.html.txt",
    "pyproject.toml": "pyproject.toml.txt",
    "Dockerfile": "Dockerfile.txt",
    ".dockerignore": "dockerignore.txt",
    ".gitignore": "gitignore.txt",
    "README.md": "README.md.txt",
}
_SCRIPTS = ("htmx-2.0.11.min.js", "htmx-ext-sse-2.2.4.min.js")


@click.command(cls=Command, help="Make a folder with a small app: a live page, its tests, a Dockerfile.",
    short_help="Make a small app to begin with.")  # fmt: skip
@click.argument("name", metavar="NAME")
def command(name: str) -> int:
    """Make a folder with a small app."""
    folder = Path(name)
    title = folder.name
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_ .-]*", title):
        raise ConfigurationError(
            f"{name!r} is no name for a project; it must begin with a letter, and have letters, digits, -, _"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigurationError(f"{name!r} exists already, and is not an empty folder; give another name")
    words = {"name": title, "distribution": re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")}
    try:
        for file, source in _FILES.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text((_SKELETON / source).read_text("utf-8").format(**words), "utf-8")
        (folder / "static").mkdir(exist_ok=True)
        for script in _SCRIPTS:
            shutil.copyfile(examples() / "static" / script, folder / "static" / script)
    except OSError as error:
        raise ConfigurationError(f"{name!r} cannot be made: {error.strerror or error}") from error
    print(f"{folder} is there. To run it:\n\n  cd {folder}\n  chirp-trio run --debug --reload\n")
    return 0
