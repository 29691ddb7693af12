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
    r"""The variables in a file of lines like `NAME=VALUE`.

    A value may be in quotes; in double quotes, `\n`, `\t` and `\r` are escapes. Empty lines, `export`, and comments after a
    `#` are left out. Variables in values are not replaced.

    Raises:
        ConfigurationError: The file cannot be read, or a line is not like that.
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
