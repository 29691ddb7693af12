"""A topic's history as the store has it: read when the topic is opened."""

from ...errors import StoreError
from ..epochs import Epochs, new_name
from ..log import Log
from ..published import Gap, Published
from .database import Batch, Database
from .stored import Stored, load


def load_history(database: Database, log: Log, now: float, ahead: float) -> tuple[Log, Epochs]:
    """Take the topic over, and read what it remembers. Blocks; if it raises, everything is as it was.

    Args:
        database: The topic's part of the store.
        log: With the bounds of the topic; it has had nothing yet.
        now: The time on trio's clock, which `Published.at` is about.
        ahead: By how many seconds that is ahead of the wall clock, which is what the store has.

    Returns:
        The events that are there and within the bounds, and their ids; what comes next is in an epoch of its own.

    Raises:
        StoreError: The file cannot be used, or what is in it cannot be read.
    """
    with database.opening(new_name()) as (last, found):
        epochs = Epochs(found)
        events: list[Published] = []
        for number, published, *parts in database.newest(log.most):
            if number != last - len(events):  # somebody else was at work in the file
                break
            at = min(now, published + ahead) if log.max_age is not None else 0.0
            events.append(_event(database.topic, number, at, Stored(*parts), epochs.id_of(number)))
        log.last = last
        for event in reversed(events):
            log.append(event)
        log.forget(now)
        epochs.forget(log.first - 1)
        if found:
            epochs.begin(last + 1)
        database.put(Batch(log.first, last, (), epochs.all))
    return log, epochs


def _event(topic: str, number: int, at: float, stored: Stored, id: str) -> Published:
    try:
        if stored.kind == "gap":
            return Gap(topic, int(stored.data), id, number, at)
        return Published(*load(stored), topic, id, number, at)
    except (TypeError, ValueError) as error:
        raise StoreError(f"cannot be opened: its event {number} cannot be read: {error}") from error
