"""What a topic remembers: its events in order, within bounds, and the ids that they are known by."""

import math
import secrets
from bisect import bisect_right
from collections.abc import Iterable
from operator import attrgetter
from typing import NamedTuple, Protocol, override

import trio

from ..arguments import check_count, check_seconds
from .published import Published

# Stands between the ids of several topics in the id of a merged stream.
SEPARATOR = ","


class Place(NamedTuple):
    """Where a subscriber goes on.

    Attributes:
        number: The number of the event after which it goes on.
        missed: How many events are missing before that; None: that is not known.
        had: The known id that its client keeps until it is told of the missing ones; None: it has none.
    """

    number: int
    missed: int | None
    had: str | None


class History:
    """The events of a topic that are remembered.

    Args:
        most: How many, at least.
        most_bytes: How many bytes they may have together.
        max_age: Seconds after which one is forgotten; None: never.

    Attributes:
        log: The events.
        epochs: Their ids.
        is_timed: Whether events get the time at which they are published.
    """

    def __init__(self, most: int, most_bytes: int, max_age: float | None) -> None:
        check_count("history", most, least=0)
        check_count("history_bytes", most_bytes, least=1)
        if max_age is not None:
            check_seconds("max_age", max_age, otherwise=", or None")
        self._most = most
        self.most_bytes = most_bytes
        self._max_age = max_age
        self.is_timed = max_age is not None
        self._held: tuple[int, str] | None = None  # the last event that is stored, where later ones are not
        self.begin(Log(most, most_bytes, max_age), Epochs())

    def hold_id(self) -> None:
        """Give the events that follow, which are not stored, a second part in their ids: the id of the last stored event.

        After a restart, or in another process that takes over the file, only ids of stored events are known.
        """
        if self._held is None:
            self._held = self.log.last, self.epochs.id_of(self.log.last)

    def release_id(self) -> None:
        """Everything is stored."""
        self._held = None

    def new_log(self) -> Log:
        """An empty log with the same bounds."""
        return Log(self.log.most, self.most_bytes, self._max_age)

    def begin(self, log: Log, epochs: Ids) -> None:
        """Remember this, and nothing else."""
        self.log = log
        self.epochs = epochs
        self._held = None

    def reach_back(self, count: int) -> None:
        """Remember at least so many events."""
        self.log.most = max(self._most, count)

    @property
    def needs_clock(self) -> bool:
        """Whether events have an age, which is told by trio's clock."""
        return self._max_age is not None

    def now(self) -> float:
        """The time, if events get one. A topic whose events have no age can be used before trio runs: never, is then."""
        if not self.is_timed:
            return 0.0
        return trio.current_time() if self.needs_clock or trio.lowlevel.in_trio_run() else math.inf

    def find(self, last_event_id: str | None, replay: int) -> Place:
        """The place at which a subscriber with this id, or a new one, goes on."""
        log = self.log
        log.forget(self.now())
        if last_event_id:
            for id in last_event_id.split(SEPARATOR):  # of a merged stream, it holds the ids of several topics
                had = self.epochs.number_of(id, log.last)
                if had is not None:
                    number = max(had, log.first - 1)
                    return Place(number, number - had, id)
        return Place(max(log.last - replay, log.first - 1), None if last_event_id else 0, None)

    def id_of(self, number: int) -> str:
        """The id of the event with that number."""
        id = self.epochs.id_of(number)
        return id if self._held is None or number <= self._held[0] else f"{id}{SEPARATOR}{self._held[1]}"


class Log:
    """A window of the events of a topic: the newest, within a number, a size and an age.

    Args:
        most: How many events are kept.
        most_bytes: How many bytes they may have together; the newest event is kept whatever it has.
        max_age: Seconds that an event is kept; None: for ever.
    """

    def __init__(self, most: int, most_bytes: int, max_age: float | None) -> None:
        self.most = most
        self.max_age = max_age
        self.last = 0  # the number of the newest event, kept or not
        self._most_bytes = most_bytes
        self._events: list[Published | None] = []
        self._start = 0  # where the oldest event is in the list; what is before it has been forgotten
        self._size = 0

    @property
    def first(self) -> int:
        """The number of the oldest event that is kept; one more than `last` if there is none."""
        return self.last + 1 - len(self)

    def __len__(self) -> int:
        return len(self._events) - self._start

    def append(self, event: Published) -> None:
        """Add the newest event; forget what is beyond the bounds."""
        self._events.append(event)
        self._size += event.size
        self.last = event.number
        self.forget(event.at)

    def forget(self, now: float) -> None:
        """Forget what is beyond the bounds at this time."""
        while len(self) > self.most or (self._size > self._most_bytes and len(self) > 1) or self._is_too_old(now):
            oldest = self._events[self._start]
            assert oldest is not None
            self._events[self._start] = None
            self._start += 1
            self._size -= oldest.size
        # Now and then, so that forgetting costs the same however much is kept.
        if self._start > 64 and self._start * 2 > len(self._events):
            del self._events[: self._start]
            self._start = 0

    def since(self, number: int, most: int) -> list[Published]:
        """The events after that number, the oldest first, and not more than so many."""
        at = self._start + max(0, number + 1 - self.first)
        return [event for event in self._events[at : at + most] if event is not None]

    def _is_too_old(self, now: float) -> bool:
        if self.max_age is None or not len(self):
            return False
        oldest = self._events[self._start]
        assert oldest is not None
        return oldest.at + self.max_age < now


class Epoch(NamedTuple):
    """A range of numbers whose ids have the same name, up to the next epoch.

    Attributes:
        first: Its first number.
        name: The first part of its ids.
        shift: The last part of an id minus the number.

    Example:
        >>> Epochs([Epoch(first=0, name="a", shift=10)]).id_of(1)
        'a-11'
    """

    first: int
    name: str
    shift: int


class Ids(Protocol):
    """The ids of a topic's events, for each number that it gave them; see `Epochs`, which are the usual ones.

    Example:
        >>> (ids := Epochs([Epoch(0, "a", 0)])).id_of(3), ids.number_of("a-3", last=5)
        ('a-3', 3)
    """

    def id_of(self, number: int) -> str:
        """The id of the event with this number, without commas or white space."""

    def number_of(self, id: str, last: int) -> int | None:
        """The number of the event with this id; None if no event has it, or it is not known here yet.

        The event may be forgotten, or may never have reached this process: the client is then told how many are missing.
        """


class Epochs(Ids):
    """Numbers to ids and back.

    Each start of a topic begins an epoch with a random name. So an id of another topic, or one that was taken back, is never
    mistaken for an id of this topic. An id is known if there is an epoch with its name whose range holds its number.

    Args:
        epochs: The epochs so far, the oldest first; default: a new one, from number 0 on.

    Example:
        >>> epochs = Epochs([Epoch(0, "a", 0), Epoch(3, "b", 0)])
        >>> epochs.id_of(2), epochs.id_of(3)
        ('a-2', 'b-3')
        >>> epochs.number_of("b-4", last=4), epochs.number_of("a-4", last=4)
        (4, None)
    """

    def __init__(self, epochs: Iterable[Epoch] = ()) -> None:
        self._all = list(epochs) or [Epoch(0, new_name(), 0)]
        self._index()

    @property
    def all(self) -> tuple[Epoch, ...]:
        """All known epochs, the oldest first."""
        return tuple(self._all)

    @override
    def id_of(self, number: int) -> str:
        """The id of the event with this number; if its epoch has been forgotten, an id that `number_of` does not know."""
        if number >= self._first:
            return f"{self._name}-{number + self._shift}"
        at = bisect_right(self._all, number, key=attrgetter("first")) - 1
        _, name, shift = self._all[max(at, 0)]
        return f"{name}-{number + shift}"

    @override
    def number_of(self, id: str, last: int) -> int | None:
        """The number of the event with this id; None for any other text.

        Args:
            id: The id as a client sent it; any text.
            last: The newest number that there is.
        """
        name, _, digits = id.rpartition("-")
        ranges = self._ranges.get(name)
        if ranges is None or not (digits.isascii() and digits.isdigit() and len(digits) < 20):
            return None
        given = int(digits)
        # A client may send very many ids, so each of them has to be cheap.
        at = bisect_right(ranges, given, key=lambda found: found[0].first + found[0].shift) - 1
        if at < 0:
            return None
        epoch, end = ranges[at]
        number = given - epoch.shift
        return number if number <= (last if end is None else end) else None

    def begin(self, first: int) -> None:
        """Begin a new epoch at this number, as each start of the topic does."""
        self._begin(Epoch(first, new_name(), 0))

    def skip(self, number: int, skipped: int) -> None:
        """Take back ids that no client has received: the ids from this number on skip so many."""
        self._begin(Epoch(number, self._name, self._shift + skipped))

    def go_on(self, number: int, name: str, given: int) -> None:
        """Continue, from this number on, with the ids of the epoch with this name; the first one ends with `given`."""
        if (name, given - number) != (self._name, self._shift):
            self._begin(Epoch(number, name, given - number))

    def forget(self, number: int) -> None:
        """Forget the epochs that have only numbers below this one."""
        del self._all[: sum(epoch.first <= number for epoch in self._all[1:])]
        self._index()

    def _begin(self, epoch: Epoch) -> None:
        while self._all and self._all[-1].first >= epoch.first:  # no event belongs to it
            self._all.pop()
        self._all.append(epoch)
        self._index()

    def _index(self) -> None:
        self._first, self._name, self._shift = self._all[-1]
        # For each name its epochs in order, each with its last number; None: it has not ended.
        self._ranges: dict[str, list[tuple[Epoch, int | None]]] = {}
        for place, epoch in enumerate(self._all):
            end = self._all[place + 1].first - 1 if place + 1 < len(self._all) else None
            self._ranges.setdefault(epoch.name, []).append((epoch, end))


def new_name() -> str:
    """A name that no other epoch has, of whatever topic."""
    return secrets.token_hex(6)
