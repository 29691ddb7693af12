"""Files of environment variables, as `--env-file` reads them."""

import re
from pathlib import Path

from ..errors import ConfigurationError

_LINE = re.compile(
    r"""(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*
    (?: "(?P<double>(?:[^"\\]|\\.)*)" | '(?P<single>[^']*)' | (?P<plain>[^'"\s\#][^\#]*?|) )
    \s*(?:(?<=\s)\#.*|\#.*)?""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def read_env_file(file: Path) -> dict[str, str]:
    r"""The variables in a file: a `NAME=VALUE` on each line.

    A value may be in quotes; in double ones, `\n` and the like mean what they mean in Python. Empty lines, `export`, and what
    follows a `#` are left out. Nothing is replaced in values.

    Raises:
        ConfigurationError: The file cannot be read, or a line of it is something else.
    """
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigurationError(f"--env-file is {str(file)!r}, which cannot be read: {why}") from None
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise ConfigurationError(f'{file}:{number}: the line must be like NAME=VALUE or NAME="a value"')
        double = match["double"]
        found[match["name"]] = _unescaped(double) if double is not None else (match["single"] or match["plain"] or "")
    return found


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), text)
