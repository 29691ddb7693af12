"""Where a process is in one topic of the server, and what it makes of what it finds there."""

from itertools import pairwise, takewhile
from typing import Any

import trio

from ..logs import logger_of
from ..topics import Delivery, Epoch, Epochs, Record
from ..topics.history import new_name
from .beginning import Beginning, unreadable
from .connection import Answer, Connection
from .entries import Page, name_at, parse_entry, parse_fields, parse_state
from .options import Options

logger = logger_of("topics")


class Position:
    """A topic's place in its stream: what it has had, in which epoch.

    Attributes:
        topic: Its name.
        events: The key of the stream.
        meta: The key of the hash beside it.
        channel: The doorbell.
        is_open: Whether anybody wants to have more.
        has_begun: Whether the topic has been given its history.
        number: That of the newest event that was delivered, in the server's count.
        acknowledged: The newest event that this process knows to be written: the name of its epoch, and its number.
        lost: How many of all of these the server has lost (None: nobody knows), and of which epoch, as long as nobody else
            has been told.
    """

    def __init__(self, delivery: Delivery, options: Options) -> None:
        self.topic = delivery.name
        key = f"{options.prefix}:{{{delivery.name}}}"
        self.events, self.meta, self.channel = key.encode(), f"{key}:meta".encode(), f"{key}:bell".encode()
        self.is_open = False
        self.has_begun = False
        self.number = 0
        self.acknowledged: tuple[str, int] | None = None
        self.lost: tuple[int | None, str] | None = None
        self._name = ""  # of the epoch
        self._epochs: list[Epoch] = []  # as the server had them the last time
        self._surely: tuple[str, int] | None = None  # what was acknowledged before it was asked
        self._own = new_name()  # of this process's own gaps
        self._delivery = delivery
        self._most = options.max_length
        self._ids: Epochs
        self._page = Page()
        self._beginning: Beginning | None = None
        self._asked = 0  # how often it was asked, and up to which time everything that was there then has been delivered
        self._complete = 0
        self._is_asking = False
        self.changed = trio.lowlevel.ParkingLot()

    @property
    def length(self) -> int:
        """How many events the server keeps at least."""
        return max(self._most, self._delivery.capacity)

    def ask(self, connection: Connection) -> tuple[Answer, Answer, Answer]:
        """Ask for what is new: for the state, for events, and for the state again. The answers are for `receive()`.

        Where the epochs are not the same before and after, nobody knows of which the events are.
        """
        self._asked += 1
        self._surely = self.acknowledged
        self._is_asking = True
        state = self.ask_state(connection)
        if self.has_begun:
            entries = connection.ask("XRANGE", self.events, f"{self.number}-1", "+", "COUNT", self._page.count)
        else:
            end = "+" if self._beginning is None else f"{self._beginning.next}-0"
            entries = connection.ask("XREVRANGE", self.events, end, "-", "COUNT", self._page.count)
        return state, entries, self.ask_state(connection)

    def ask_state(self, connection: Connection) -> Answer:
        """Ask for the epochs and the newest number."""
        return connection.ask("HMGET", self.meta, "server", "epochs", "last", "version")

    def is_at(self, state: list[bytes | None]) -> bool:
        """Whether there is nothing new."""
        epochs, last = parse_state(state)
        return self.has_begun and (epochs[-1].name, last) == (self._name, self.number)

    def receive(self, state: list[bytes | None], entries: list[Any]) -> bool:
        """Deliver what has come; whether there is more."""
        if not self._is_asking:
            return True  # it was asked before the topic was closed, and opened again
        self._is_asking = False
        epochs, last = parse_state(state)
        take = self._go_on if self.has_begun else self._read_back
        is_more = take(epochs, last, entries)
        self._epochs = epochs
        if not is_more:
            self._complete = self._asked
        self.changed.unpark_all()
        return is_more

    def hear(self, name: str, first: int, events: list[list[bytes]]) -> bool:
        """Deliver what the doorbell tells, if that is what comes next; otherwise it has to be asked for."""
        if not self.has_begun or self._is_asking or (name, first) != (self._name, self.number + 1):
            return False
        for number, fields in enumerate(events, first):
            self._take(name, number, *parse_fields(fields))
        self.changed.unpark_all()
        return True

    async def wait_until_complete(self) -> None:
        """Return once everything has been delivered that is there now; somebody has to ring."""
        now = self._asked
        while self._complete <= now and self.is_open:
            await self.changed.park()

    def has_had(self, name: str, number: int) -> bool:
        """Whether the event is delivered, or will never be."""
        return name != self._name or number <= self.number

    def begin_without(self) -> None:
        """Begin with nothing: the server is not there."""
        self._ids = Epochs()
        self._name = self._ids.all[0].name
        self.has_begun = True
        self._beginning = None
        self._delivery.begin(self._ids, 0, ())

    def close(self) -> None:
        """Have no more."""
        self.is_open = self.has_begun = self._is_asking = False
        self._beginning = None
        self.changed.unpark_all()

    def tell_loss(self, count: int) -> None:
        """Tell this process's subscribers of events that were published here, and that the server did not take."""
        number = self._delivery.last + 1
        self._ids.go_on(number, self._own, number)
        self._delivery.deliver(Record.gap(count), 0.0, is_own=True)

    def _read_back(self, epochs: list[Epoch], last: int, entries: list[Any]) -> bool:
        """Read the history, the newest first, and begin with it; whether there is more of it."""
        found = self._beginning
        if found is None:
            found = self._beginning = Beginning(self._delivery, epochs, last)
        elif found.epochs != epochs:  # it is another history
            self._beginning = None
            return True
        size = found.take(entries)
        is_full = len(entries) >= self._page.count
        self._page.adapt(size, is_full=is_full)
        if is_full and not found.is_complete:
            return True
        self._beginning = None
        self._ids = Epochs(epochs)
        self._name, self.number = epochs[-1].name, found.last
        self.has_begun = True
        self._delivery.begin(self._ids, found.last, reversed(found.records))
        return last != found.last

    def _go_on(self, epochs: list[Epoch], last: int, entries: list[Any]) -> bool:
        is_elsewhere = self._find(epochs)
        self._check_acknowledged(epochs)
        if is_elsewhere:  # what has come is what comes after another place
            return True
        size = 0
        newest = epochs[-1]
        for id, fields in entries:
            number, record, at = parse_entry(id, fields)
            if number > last:  # it came after the state was asked for, and may be of another epoch
                return True
            if number <= self.number:
                return True  # it has been found to be further back than was thought
            if number > self.number + 1:
                self._miss(epochs, number - self.number - 1, number - 1)
            self._take(newest.name if number >= newest.first else name_at(epochs, number), number, record, at)
            size += len(record.data)
        is_more = len(entries) >= self._page.count
        if not is_more and self.number < last:
            self._miss(epochs, last - self.number, last)
        self._page.adapt(size, is_full=is_more)
        if self.number == last:
            self._name = epochs[-1].name  # which may have begun without an event
        if len(self._ids.all) > 1:
            self._ids.forget(self._delivery.first - 1)
        return is_more

    def _find(self, epochs: list[Epoch]) -> bool:
        """Find the own place among the server's epochs; whether it is another one than was thought."""
        if epochs[-1].name == self._name:
            return False
        places = {epoch.name: place for place, epoch in enumerate(epochs)}
        number = self.number
        passed = self._epochs[: 1 + sum(1 for _ in takewhile(lambda epoch: epoch.name != self._name, self._epochs))]
        while passed and passed[-1].name not in places:  # what came in it is lost as a whole
            number = min(number, passed.pop().first - 1)
        if not passed:
            self.acknowledged = self._surely = None
            self._deliver(epochs[0].name, max(0, epochs[0].first - 1), Record.gap(None), 0.0)
            return True
        place = places[passed[-1].name]
        if place + 1 < len(epochs):
            number = min(number, epochs[place + 1].first - 1)
        missing, lost = self.number - number, self._name
        self.number, self._name = number, passed[-1].name
        if missing:  # this process has had them, and others may not have had them
            self._lose(missing, lost)
        return missing > 0

    def _check_acknowledged(self, epochs: list[Epoch]) -> None:
        """Whether the server still has what it has acknowledged, which nobody may have read."""
        if self._surely is None or self._surely[0] == epochs[-1].name:
            return
        name, number = self._surely
        self._surely = None
        if self.acknowledged == (name, number):
            self.acknowledged = None
        end = next((after.first - 1 for epoch, after in pairwise(epochs) if epoch.name == name), None)
        if end is None or number > end:
            self._lose(None if end is None else number - end, name)

    def _lose(self, count: int | None, name: str) -> None:
        how_many = "all" if count is None else count
        logger.warning("the topic %r: Redis has lost %s events of the epoch %s", self.topic, how_many, name)
        if self.lost is None or count is None or (self.lost[0] is not None and self.lost[0] < count):
            self.lost = count, name

    def _miss(self, epochs: list[Epoch], count: int, number: int) -> None:
        logger.warning("the topic %r: %d events had been forgotten by Redis before they were read", self.topic, count)
        self._deliver(name_at(epochs, number), number, Record.gap(count), 0.0)

    def _take(self, name: str, number: int, record: Record, published: float) -> None:
        try:
            self._deliver(name, number, record, published)
        except (TypeError, ValueError) as error:
            self._deliver(name, number, unreadable(self.topic, number, error), published)

    def _deliver(self, name: str, number: int, record: Record, published: float) -> None:
        self._ids.go_on(self._delivery.last + 1, name, number)
        self._delivery.deliver(record, published)
        self._name, self.number = name, number
