"""Charts, as the two SVG paths that a template draws. Pure functions of numbers."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

HEIGHT = 100.0  # of a chart, in the units of its paths; one unit is one value wide


@dataclass(frozen=True, slots=True)
class Chart:
    """Values as a curve, the newest one at the right edge.

    Attributes:
        line: The curve, as the `d` of an SVG path.
        area: What is below the curve.
        newest: Where the curve ends, as a path without length, for a dot; `""` if the newest value is missing.
        top: The value at the upper edge.
        width: The width, in the units of the paths. The height is `HEIGHT`.
    """

    line: str
    area: str
    newest: str
    top: float
    width: int


def draw(values: Sequence[float | None], *, span: int, top: float) -> Chart:
    """Draw the last values of a series.

    Args:
        values: The values, the oldest first. None is a gap in the curve.
        span: How many values fill the whole width; fewer leave the left side empty.
        top: The value at the upper edge; the lower edge is zero. What is outside is drawn at the edge.
    """
    values = values[-span:]
    width = span - 1
    lines, areas = [], []
    newest = ""
    for run in _runs(values, first=width + 1 - len(values), top=top):
        lines.append("M" + "L".join(f"{x} {y}" for x, y in run))
        (left, _), (right, y) = run[0], run[-1]
        areas.append(f"{lines[-1]}V{HEIGHT:g}H{left}Z")
        newest = f"M{right} {y}h0" if right == width else ""
    return Chart("".join(lines), "".join(areas), newest, top, width)


def round_top(values: Sequence[float | None], *, least: float) -> float:
    """A round number at or above all values, for the upper edge: 1, 2 or 5 times a power of ten, and not below `least`."""
    highest = max([least, *(value for value in values if value is not None)])
    tops = (digit * 10.0**power for power in itertools.count() for digit in (1, 2, 5))
    return next(top for top in tops if top >= highest)


def _runs(values: Sequence[float | None], *, first: int, top: float) -> Iterator[list[tuple[int, str]]]:
    """The points of the curve, in unbroken runs."""
    run: list[tuple[int, str]] = []
    for x, value in enumerate(values, start=first):
        if value is not None:
            part = min(max(value / top, 0.0), 1.0)
            run.append((x, f"{HEIGHT * (1 - part):.1f}".removesuffix(".0")))
        elif run:
            yield run
            run = []
    if run:
        yield run
