"""Matching paths in linear time, where a regular expression would try one way after the other.

A regular expression gives the first parameter as much as it can have, tries the rest, and comes back for less. With two
parameters in one segment that is the square of the length of a path, with three the cube, and paths are what clients send.
Here each part of the pattern is asked once for each position of the path, from the last part to the first, whether the rest
fits from there; then the parameters take as much as they can, as they do in a regular expression.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

# Where a match may end that begins at a position: from the first to the last of these, both included; the longest first.
type _Ends = Sequence[tuple[int, int]]

_INT = re.compile(r"-?[0-9]{1,18}")
_FRACTION = re.compile(r"\.[0-9]{1,18}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A part of a pattern that stands for a parameter: its name, and the name of its converter."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class LinearMatch:
    """What was found, as `re.Match` has it."""

    groups: dict[str, str]

    def groupdict(self) -> dict[str, str]:
        """The parameters' texts, by their names."""
        return self.groups


class LinearPattern:
    """A pattern of literal texts and parameters, as `re.Pattern` is one.

    Args:
        parts: Texts, none of them empty, and parameters.
    """

    def __init__(self, parts: Sequence[str | Parameter]) -> None:
        self._parts = parts

    def fullmatch(self, path: str) -> LinearMatch | None:
        """The same as of a regular expression in which parameters are greedy, in time that is linear in the path's length."""
        tables = [[-1] * len(path) + [len(path)]]  # for each part and the end: see `_starts_before()`
        for part in reversed(self._parts):
            tables.append(_starts_before(part, path, tables[-1]))
            if tables[-1][-1] < 0:
                return None
        if tables.pop()[0] != 0:
            return None
        position, groups = 0, {}
        for part in self._parts:
            rest = tables.pop()
            if isinstance(part, str):
                position += len(part)
            else:
                slash = path.find("/", position)
                end = _longest(_ends(part.kind, path, position, slash if slash >= 0 else len(path)), rest)
                groups[part.name] = path[position:end]
                position = end
        return LinearMatch(groups)


def _starts_before(part: str | Parameter, path: str, rest: Sequence[int]) -> list[int]:
    """For each position the last one up to there from which this part and all that follow it fit; -1 if there is none.

    Args:
        part: This part.
        path: The path.
        rest: The same for the parts that follow.
    """
    fits = bytearray(len(path) + 1)
    if isinstance(part, str):
        start = path.find(part)
        while start >= 0:
            end = start + len(part)
            fits[start] = rest[end] == end
            start = path.find(part, start + 1)
    else:
        slash = len(path)  # the next one
        for start in range(len(path) - 1, -1, -1):
            if path[start] == "/":
                slash = start
            fits[start] = _longest(_ends(part.kind, path, start, slash), rest) >= 0
    last, table = -1, []
    for position, does_fit in enumerate(fits):
        if does_fit:
            last = position
        table.append(last)
    return table


def _longest(ends: _Ends, rest: Sequence[int]) -> int:
    for first, last in ends:
        if rest[last] >= first:
            return rest[last]
    return -1


def _ends(kind: str, path: str, start: int, slash: int) -> _Ends:
    match kind:
        case "str":
            return ((start + 1, slash),) if slash > start else ()
        case "path":
            return ((start + 1, len(path)),) if start < len(path) else ()
        case "uuid":
            found = _UUID.match(path, start)
            return ((found.end(), found.end()),) if found is not None else ()
    digits = _INT.match(path, start)
    if digits is None:
        return ()
    whole = (start + 1 + (path[start] == "-"), digits.end())
    fraction = _FRACTION.match(path, digits.end()) if kind == "float" else None
    return (whole,) if fraction is None else ((digits.end() + 2, fraction.end()), whole)
