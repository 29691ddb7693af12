"""The table of the README, read."""

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
NOT_TRIED = None


def read() -> dict[tuple[str, str], str]:
    """What it says, by row and peer."""
    lines = README.read_text().partition("## Beside its peers")[2].partition("\n\n")[2].partition("\n\n")[0].splitlines()
    rows = [[re.sub(r"[\[\]]", "", cell).strip() for cell in line.strip("|").split("|")] for line in lines]
    head, _, *body = rows
    return {(row[0], name): cell for row in body for name, cell in zip(head[1:], row[1:], strict=True)}


def installed(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def agree(says: str, came: str | None) -> bool:
    """Whether what was said is what came; what was not tried contradicts nothing, and a detail may be added to a yes."""
    return came is NOT_TRIED or says == came or (says.startswith(f"{came},") and came != "yes, only")
