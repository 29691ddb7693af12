"""What a topic remembers, and by which ids."""

from typing import NamedTuple

import trio

from ..errors import ConfigurationError
from ..wire import Render
from .checks import check_count, is_seconds
from .chunks import Chunks
from .epochs import Epochs, Ids
from .log import Log

# Between the ids of several topics, where a client has one for all of them.
SEPARATOR = ","


class Place(NamedTuple):
    """Where a subscriber goes on.

    Attributes:
        number: That of the event after which it does.
        missed: How many events are missing before that; None: nobody knows.
        had: The id that its client has until it is told of those; None: none that is known here.
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

    Raises:
        ConfigurationError: An argument that cannot work.
    """

    def __init__(self, most: int, most_bytes: int, max_age: float | None) -> None:
        check_count("history", most, least=0)
        check_count("history_bytes", most_bytes, least=1)
        if max_age is not None and not (is_seconds(max_age) and max_age > 0):
            raise ConfigurationError(f"max_age is {max_age!r}; it must be a number of seconds, more than zero, or None")
        self._most = most
        self._most_bytes = most_bytes
        self._max_age = max_age
        self._held: tuple[int, str] | None = None  # the last event that is stored, where later ones are not
        self.begin(Log(most, most_bytes, max_age), Epochs())

    def hold_id(self) -> None:
        """What comes next is not stored: until it is, the id of the last event that is comes after its own.

        For only the ids of what is in the file are known to another process that takes it over, or after a restart.
        """
        if self._held is None:
            self._held = self.log.last, self.epochs.id_of(self.log.last)

    def release_id(self) -> None:
        """Everything is stored."""
        self._held = None

    def new_log(self) -> Log:
        """A log with the same bounds, which has had nothing yet."""
        return Log(self.log.most, self._most_bytes, self._max_age)

    def begin(self, log: Log, epochs: Ids) -> None:
        """Remember this, and nothing else."""
        self.log = log
        self.epochs = epochs
        self._held = None
        self._chunks = Chunks(log)

    def reach_back(self, count: int) -> None:
        """Remember so many events, should that be more."""
        self.log.most = max(self._most, count)

    @property
    def needs_clock(self) -> bool:
        """Whether events have an age, which is told by trio's clock."""
        return self._max_age is not None

    def now(self) -> float:
        """The time, if events have an age: a topic whose events have none can be used before trio runs."""
        return trio.current_time() if self.needs_clock else 0.0

    def find(self, last_event_id: str | None, replay: int) -> Place:
        """Where a subscriber goes on that sends this id, or is new."""
        log = self.log
        log.forget(self.now())
        if last_event_id:
            for id in last_event_id.split(SEPARATOR):  # that of several topics, if it comes from a stream of merged ones
                had = self.epochs.number_of(id, log.last)
                if had is not None:
                    number = max(had, log.first - 1)
                    return Place(number, number - had, id)
        return Place(max(log.last - replay, log.first - 1), None if last_event_id else 0, None)

    def id_of(self, number: int) -> str:
        """The id of the event with that number."""
        id = self.epochs.id_of(number)
        return id if self._held is None or number <= self._held[0] else f"{id}{SEPARATOR}{self._held[1]}"

    def encoded_since(self, number: int, event_type: str | None, render: Render | None) -> tuple[bytes, int]:
        """Events after that number as bytes, some kilobytes at most, and the number of the last of them."""
        return self._chunks.since(number, event_type, render)
