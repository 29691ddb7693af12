"""The ids of a topic's events: a number, and the name of the epoch in which it was given."""

import secrets
from bisect import bisect_right
from collections.abc import Iterable
from operator import attrgetter
from typing import NamedTuple, Protocol, override


class Epoch(NamedTuple):
    """A range of numbers, up to that of the next epoch.

    Attributes:
        first: The number that it begins with.
        name: What the ids begin with.
        shift: By how much what the ids end with is more than the number.
    """

    first: int
    name: str
    shift: int

    @property
    def first_given(self) -> int:
        """What the first of its ids ends with."""
        return self.first + self.shift


class Ids(Protocol):
    """The ids of a topic's events, for each number that it gave them; see `Epochs`, which are the usual ones."""

    def id_of(self, number: int) -> str:
        """The id of the event with this number, without commas or white space."""

    def number_of(self, id: str, last: int) -> int | None:
        """The number of the event with this id; None if it is nobody's, or is not known here yet.

        It may be that of an event which is forgotten, or which this process never had: so much is told to be missing.
        """


class Epochs(Ids):
    """Numbers to ids and back.

    Each start of a topic begins an epoch with a name drawn by lot, so that the id of somebody else's event, or of one that
    was taken back, is never taken for one of ours. An id is known if it was given to a number that there is: that is, if
    its number is in the range of an epoch with its name.

    Args:
        epochs: Those that there have been so far, the oldest first; default: one, from number 0 on.
    """

    def __init__(self, epochs: Iterable[Epoch] = ()) -> None:
        self._all = list(epochs) or [Epoch(0, new_name(), 0)]
        self._index()

    @property
    def all(self) -> tuple[Epoch, ...]:
        """All that are known, the oldest first."""
        return tuple(self._all)

    @override
    def id_of(self, number: int) -> str:
        """The id of the event with this number; if its epoch is not known any more, one that is not known either."""
        if number >= self._first:
            return f"{self._name}-{number + self._shift}"
        at = bisect_right(self._all, number, key=attrgetter("first")) - 1
        _, name, shift = self._all[max(at, 0)]
        return f"{name}-{number + shift}"

    @override
    def number_of(self, id: str, last: int) -> int | None:
        """The number of the event with this id; None if it is nobody's, whatever it may be.

        Args:
            id: What a client says.
            last: The newest number that there is.
        """
        name, _, digits = id.rpartition("-")
        ranges = self._ranges.get(name)
        if ranges is None or not (digits.isascii() and digits.isdigit() and len(digits) < 20):
            return None
        given = int(digits)
        # A client may send very many ids, so each of them has to be cheap.
        at = bisect_right(ranges, given, key=lambda found: found[0].first_given) - 1
        if at < 0:
            return None
        epoch, end = ranges[at]
        number = given - epoch.shift
        return number if number <= (last if end is None else end) else None

    def begin(self, first: int) -> None:
        """A start: from this number on, ids are of another epoch than ever before."""
        self._begin(Epoch(first, new_name(), 0))

    def skip(self, number: int, skipped: int) -> None:
        """Take ids back that were given, and that nobody has got: from this number on, they go on so much further."""
        self._begin(Epoch(number, self._name, self._shift + skipped))

    def forget(self, number: int) -> None:
        """Forget the epochs of which nothing is left but numbers below this one."""
        del self._all[: sum(epoch.first <= number for epoch in self._all[1:])]
        self._index()

    def _begin(self, epoch: Epoch) -> None:
        while self._all and self._all[-1].first >= epoch.first:  # nothing has come of it
            self._all.pop()
        self._all.append(epoch)
        self._index()

    def _index(self) -> None:
        self._first, self._name, self._shift = self._all[-1]
        # Of each name the ranges, in order, with the last number of each; None: it goes on.
        self._ranges: dict[str, list[tuple[Epoch, int | None]]] = {}
        for place, epoch in enumerate(self._all):
            end = self._all[place + 1].first - 1 if place + 1 < len(self._all) else None
            self._ranges.setdefault(epoch.name, []).append((epoch, end))


def new_name() -> str:
    """A name that no other epoch has, of whatever topic."""
    return secrets.token_hex(6)
