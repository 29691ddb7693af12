"""Lines of a log: what is shown of the bytes of one, and how serious it is."""

import re
from dataclasses import dataclass
from typing import Literal

type Level = Literal["debug", "info", "warning", "error"]

SEARCHED = 200  # characters at the beginning of a line in which its level is looked for
LEVELS: dict[str, Level] = {
    **dict.fromkeys(("trace", "debug"), "debug"),
    **dict.fromkeys(("info", "notice"), "info"),
    **dict.fromkeys(("warn", "warning"), "warning"),
    **dict.fromkeys(("error", "err", "critical", "crit", "fatal", "severe", "alert", "emerg", "panic"), "error"),
}
# A word in capitals, `[error]` as in nginx's log, `level=error`, or `"level": "error"`.
_NAMES = "|".join(LEVELS)
_LEVEL = re.compile(rf"\b({_NAMES.upper()})\b|\[({_NAMES})\]|\blevel[\"']?\s*[:=]\s*[\"']?({_NAMES})\b")
_COLOUR = re.compile(r"\x1b\[[0-9;:]*[A-Za-z]")  # what a terminal makes colours of
_PICTURES = {code: 0x2400 + code for code in range(0x20) if code != 0x09} | {0x7F: 0x2421}  # ␀ for NUL, and so on


@dataclass(frozen=True, slots=True)
class Line:
    """A line, and its level. A line that names none, such as those of a traceback, has that of the line before."""

    text: str
    level: Level

    @property
    def is_warning(self) -> bool:
        """Whether it is a warning, or worse."""
        return self.level in ("warning", "error")


def to_line(data: bytes, before: Level) -> Line:
    """A line of the bytes between two line feeds, whatever they are: what is no UTF-8 is shown as U+FFFD."""
    text = _COLOUR.sub("", data.decode("utf-8", "replace").removesuffix("\r")).translate(_PICTURES)
    found = _LEVEL.search(text[:SEARCHED])
    return Line(text, LEVELS[found[found.lastindex or 0].lower()] if found else before)


def to_lines(pieces: list[bytes], before: Level) -> list[Line]:
    """The lines, of which the first one follows a line of that level."""
    lines = []
    for piece in pieces:
        lines.append(line := to_line(piece, before))
        before = line.level
    return lines
