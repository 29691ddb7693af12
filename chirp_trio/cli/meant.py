"""What was meant by the name of an app, where there is nothing of that name."""

import re
from collections.abc import Iterator
from pathlib import Path

from .nearest import ask_for, nearest

_ADDRESS = re.compile(r"(?:(?:[\w.-]*|\[[0-9a-fA-F:]+\]):)?\d+")


def hint_at(target: str) -> str:
    """The end of a message about an app that is not there: how to write what was meant; empty if nobody can tell.

    Args:
        target: What was given: a module or a file, and maybe a name in it.
    """
    if _ADDRESS.fullmatch(target):
        return "; an address to listen on is --host and --port"
    place, colon, name = target.partition(":")
    after = f"{colon}{name}"
    if place and Path(place).is_dir():
        files = ", ".join(map(str, _files_in(Path(place))[:5]))
        return f"; it is a folder{f', with {files}: name one of these' if files else ''}"
    if (file := Path(f"{place}.py")).is_file():
        return ask_for(f"{file}{after}")
    module, _, last = place.rpartition(".")
    if not after and not last.lower().startswith("py") and Path(f"{module.replace('.', '/')}.py").is_file():
        return ask_for(f"{module}:{last}")
    written = dict(_names_beside(place))
    near = nearest(place.removesuffix(".py"), written, 0.7)
    return ask_for(near and f"{written[near]}{after}")


def _names_beside(place: str) -> Iterator[tuple[str, str]]:
    """Files where the name looks for one, and modules here: what they are compared as, and how they are written."""
    folder = Path(place).parent
    if folder.is_dir():
        for file in _files_in(folder):
            yield str(file.with_suffix("")), str(file) if place.endswith(".py") or "/" in place else file.stem


def _files_in(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix == ".py" and file.is_file() and file.stem != "__init__")
