"""A topic's history as the store has it: read when the topic is opened."""

import time
from typing import NamedTuple

from ....logs import logger_of
from ...history import Epoch, Epochs, Log, new_name
from ...published import Published
from ..record import Record, load_event
from .database import Batch, Database
from .options import Options
from .troubles import DamagedFileError, refusal

logger = logger_of("topics")

# Seconds after which it is asked again whether events were too old when their topic was opened.
_SECOND_LOOK = 3600.0

# No topic has had so many events. From twice as many on, SQLite could not count them.
_MOST = 2**62


class Withheld(NamedTuple):
    """Events that are in the file, and that nobody gets: the wall clock says that they are too old, and may be wrong.

    Attributes:
        first: The number of the oldest.
        newest: When the newest was published, by the wall clock.
    """

    first: int
    newest: float

    def are_too_old(self, max_age: float, open_for: float) -> bool:
        """Whether they are so for sure: by the wall clock once more, after the topic has been open for so many seconds."""
        return open_for >= min(max_age, _SECOND_LOOK) and self.newest + max_age < time.time()


class Loaded(NamedTuple):
    """What a topic goes on with.

    Attributes:
        log: The events that are there and within the bounds.
        epochs: Their ids; what comes next is in an epoch of its own.
        withheld: Those that may be too old; None: there are none.
    """

    log: Log
    epochs: Epochs
    withheld: Withheld | None


def open_history(store: Options, database: Database, log: Log, now: float, ahead: float) -> Loaded:
    """As `load_history()`; where the file is damaged, as the store says.

    Raises:
        StoreError: The file cannot be used, or what is in it cannot be read.
    """
    try:
        return load_history(database, log, now, ahead)
    except DamagedFileError as error:
        if store.on_damage == "refuse":
            raise refusal(error) from error
        name = database.set_aside()
        logger.error(  # noqa: TRY400 - what led to it says nothing to whoever reads this
            "%s; so it was renamed to %s, and the topic begins without its history", error, name
        )
        return load_history(database, log, now, ahead)


def load_history(database: Database, log: Log, now: float, ahead: float) -> Loaded:
    """Take the topic over, and read what it remembers. Blocks; if it raises, everything is as it was.

    Args:
        database: The topic's part of the store.
        log: With the bounds of the topic; it has had nothing yet.
        now: The time on trio's clock, which `Published.at` is about.
        ahead: By how many seconds that is ahead of the wall clock, which is what the store has.

    Raises:
        DamagedFileError: What is in the file cannot be read.
        StoreError: It cannot be used.
    """
    with database.opening(new_name()) as (last, found):
        _check(last, found)
        epochs = Epochs(found)
        events: list[Published] = []
        times: list[float] = []
        for number, published, *parts in database.newest(log.most):
            if number != last - len(events):  # somebody else was at work in the file
                break
            if not isinstance(published, int | float):
                raise DamagedFileError(f"cannot be opened: its event {number} cannot be read: its time is {published!r}")
            at = min(now, published + ahead) if log.max_age is not None else 0.0
            events.append(_event(database.topic, number, at, Record(*parts), epochs.id_of(number)))
            times.append(published)
        log.last = last
        max_age, log.max_age = log.max_age, None
        for event in reversed(events):
            log.append(event)
        first, log.max_age = log.first, max_age
        log.forget(now)
        withheld = Withheld(first, max(times[last + 1 - log.first : last + 1 - first])) if first < log.first else None
        epochs.forget(first - 1)
        if found:
            epochs.begin(last + 1)
        database.put(Batch(first, last, (), epochs.all))
    return Loaded(log, epochs, withheld)


def _check(last: object, epochs: list[Epoch]) -> None:
    numbers = [last, *(number for epoch in epochs for number in (epoch.first, epoch.shift))]
    names = [epoch.name for epoch in epochs]
    if not all(isinstance(number, int) and 0 <= number < _MOST for number in numbers):
        raise DamagedFileError(
            f"cannot be opened: its numbers cannot be read: there is one that is none, in {numbers!r:.200}"
        )
    if not all(isinstance(name, str) and name.isascii() and name.isalnum() for name in names):
        raise DamagedFileError(f"cannot be opened: its ids cannot be read: they begin with {names!r:.200}")


def _event(topic: str, number: int, at: float, record: Record, id: str) -> Published:
    try:
        return load_event(record, topic, id, number, at)
    except (TypeError, ValueError) as error:
        raise DamagedFileError(f"cannot be opened: its event {number} cannot be read: {error}") from error
