"""Reading a topic's history from the file, when the topic is opened."""

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

# Seconds after which to check once more whether events were too old when their topic was opened.
_SECOND_LOOK = 3600.0

# The number of every event is smaller than this. SQLite can count to twice as many.
_MOST = 2**62


class Withheld(NamedTuple):
    """Events that stay in the file, but that no subscriber gets: they are too old by the wall clock, which may be wrong.

    Attributes:
        first: The number of the oldest of them.
        newest: When the newest of them was published, by the wall clock.
    """

    first: int
    newest: float

    def are_too_old(self, max_age: float, open_for: float) -> bool:
        """Whether they are surely too old: they still are after the topic has been open for a while, `open_for` seconds."""
        return open_for >= min(max_age, _SECOND_LOOK) and self.newest + max_age < time.time()


class Loaded(NamedTuple):
    """The history that a topic begins with.

    Attributes:
        log: The events that are in the file and within the topic's bounds.
        epochs: The ids of events. The next event begins an epoch of its own.
        withheld: The events that may be too old; None: there are none.
    """

    log: Log
    epochs: Epochs
    withheld: Withheld | None


def open_history(store: Options, database: Database, log: Log, now: float, ahead: float) -> Loaded:
    """Call `load_history()`, and treat a damaged file as the store's `on_damage` says.

    Raises:
        StoreError: The file cannot be used, or what is in it cannot be read.
    """
    try:
        return load_history(database, log, now, ahead)
    except DamagedFileError as error:
        if store.on_damage == "refuse":
            raise refusal(error) from error
        name = database.set_aside()
        logger.error(  # noqa: TRY400 - a traceback would say nothing more
            "%s; so it was renamed to %s, and the topic begins without its history", error, name
        )
        return load_history(database, log, now, ahead)


def load_history(database: Database, log: Log, now: float, ahead: float) -> Loaded:
    """Take the topic over, and read what it remembers. Blocks; if it raises, everything is as it was.

    Args:
        database: The topic's part of the store.
        log: An empty log with the topic's bounds.
        now: The time on trio's clock, which `Published.at` uses.
        ahead: By how many seconds trio's clock is ahead of the wall clock, which the file uses.

    Raises:
        DamagedFileError: What is in the file cannot be read.
        StoreError: The file cannot be used.
    """
    with database.opening(new_name()) as (last, found):
        _check(last, found)
        epochs = Epochs(found)
        events: list[Published] = []
        times: list[float] = []
        for number, published, *parts in database.newest(log.most):
            if number != last - len(events):  # another program has changed the file
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
        raise DamagedFileError(f"cannot be opened: its numbers cannot be read: one of them is invalid, in {numbers!r:.200}")
    if not all(isinstance(name, str) and name.isascii() and name.isalnum() for name in names):
        raise DamagedFileError(f"cannot be opened: its ids cannot be read: they begin with {names!r:.200}")


def _event(topic: str, number: int, at: float, record: Record, id: str) -> Published:
    try:
        return load_event(record, topic, id, number, at)
    except (TypeError, ValueError) as error:
        raise DamagedFileError(f"cannot be opened: its event {number} cannot be read: {error}") from error
