"""Figures as people read them. What is missing is a dash. The app makes them filters of its templates."""

from typing import NamedTuple


class Quantity(NamedTuple):
    """A number and its unit: apart for who sets them in different sizes, together as text."""

    number: str
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.number}\N{NO-BREAK SPACE}{self.unit}" if self.unit else self.number


MISSING = Quantity("\N{EN DASH}")


def percent(value: float | None) -> Quantity:
    """A share of a hundred: whole, but with a decimal where it is small."""
    if value is None:
        return MISSING
    return Quantity(f"{value:.1f}" if value < 9.95 else f"{value:.0f}", "%")


def number(value: float | None) -> str:
    """A whole number."""
    return MISSING.number if value is None else f"{value:.0f}"


def level(percent: float | None) -> str:
    """How much of something is taken, as a class: `"high"` from 75 %, `"full"` from 90 %."""
    if percent is None or percent < 75:
        return ""
    return "high" if percent < 90 else "full"


def size(value: float | None) -> Quantity:
    """A number of bytes, in steps of 1024."""
    return MISSING if value is None else _scaled(value, 1024, ("B", "KiB", "MiB", "GiB", "TiB", "PiB"))


def rate(value: float | None) -> Quantity:
    """A number of bytes per second, in steps of 1000."""
    return MISSING if value is None else _scaled(value, 1000, ("B/s", "kB/s", "MB/s", "GB/s", "TB/s"))


def decimal(value: float | None) -> Quantity:
    """A number with two decimals."""
    return MISSING if value is None else Quantity(f"{value:.2f}")


def duration(seconds: float | None) -> str:
    """A length of time, in its two largest units."""
    if seconds is None:
        return MISSING.number
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days} d {hour} h"
    if hours:
        return f"{hours} h {minute} min"
    return f"{minutes} min {second} s" if minutes else f"{second} s"


def _scaled(value: float, step: int, units: tuple[str, ...]) -> Quantity:
    unit = 0
    while value >= step and unit < len(units) - 1:
        value /= step
        unit += 1
    decimals = 1 if unit and value < 99.95 and value != int(value) else 0
    return Quantity(f"{value:.{decimals}f}", units[unit])
