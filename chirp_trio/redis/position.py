"""Where a process is in one topic of the server, and what it makes of what it finds there."""

from bisect import bisect_right
from itertools import pairwise, takewhile
from operator import attrgetter
from typing import Any

import trio

from ..logs import logger_of
from ..topics import Delivery, Epoch, Epochs, Record
from ..topics.history import new_name
from .connection import Answer, Connection
from .options import Options

logger = logger_of("topics")

# So many events are asked for at a time, at least and at most: more or fewer by how large they were the last time.
_LEAST, _MOST = 1, 1000
_FEW_BYTES, _MANY_BYTES = 256 * 1024, 1024 * 1024


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
        self._count = 100
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
        if not self.has_begun:
            entries = connection.ask("XREVRANGE", self.events, "+", "-", "COUNT", max(1, self._delivery.capacity))
        else:
            entries = connection.ask("XRANGE", self.events, f"{self.number}-1", "+", "COUNT", self._count)
        return state, entries, self.ask_state(connection)

    def ask_state(self, connection: Connection) -> Answer:
        """Ask for the epochs and the newest number."""
        return connection.ask("HMGET", self.meta, "server", "epochs", "last", "version")

    def is_at(self, state: list[bytes | None]) -> bool:
        """Whether there is nothing new."""
        epochs, last = _parse(state)
        return self.has_begun and (epochs[-1].name, last) == (self._name, self.number)

    def receive(self, state: list[bytes | None], entries: list[Any]) -> bool:
        """Deliver what has come; whether there is more."""
        self._is_asking = False
        epochs, last = _parse(state)
        if not self.has_begun:
            self._begin(epochs, last, entries)
            is_more = False
        else:
            is_more = self._go_on(epochs, last, entries)
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
            self._take(name, number, *_record(fields))
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
        self._delivery.begin(self._ids, 0, ())

    def close(self) -> None:
        """Have no more."""
        self.is_open = self.has_begun = False
        self.changed.unpark_all()

    def tell_loss(self, count: int) -> None:
        """Tell this process's subscribers of events that were published here, and that the server did not take."""
        number = self._delivery.last + 1
        self._ids.go_on(number, self._own, number)
        self._delivery.deliver(Record.gap(count), 0.0, is_own=True)

    def _begin(self, epochs: list[Epoch], last: int, entries: list[Any]) -> None:
        records: list[tuple[Record, float]] = []
        for id, fields in entries:
            number, record, at = _entry(id, fields)
            if number > last:
                continue
            if number != last - len(records) or len(records) >= self._delivery.capacity:
                break
            try:
                record.check()
            except (TypeError, ValueError) as error:
                record = self._unreadable(number, error)
            records.append((record, at))
        self._ids = Epochs(epochs)
        self._name, self.number = epochs[-1].name, last
        self.has_begun = True
        self._delivery.begin(self._ids, last, reversed(records))

    def _go_on(self, epochs: list[Epoch], last: int, entries: list[Any]) -> bool:
        is_elsewhere = self._find(epochs)
        self._check_acknowledged(epochs)
        if is_elsewhere:  # what has come is what comes after another place
            return True
        size = 0
        newest = epochs[-1]
        for id, fields in entries:
            number, record, at = _entry(id, fields)
            if number > last:  # it came after the state was asked for, and may be of another epoch
                return True
            if number <= self.number:
                return True  # it has been found to be further back than was thought
            if number > self.number + 1:
                self._miss(epochs, number - self.number - 1, number - 1)
            self._take(newest.name if number >= newest.first else _name_at(epochs, number), number, record, at)
            size += len(record.data)
        is_more = len(entries) >= self._count
        if not is_more and self.number < last:
            self._miss(epochs, last - self.number, last)
        if size > _MANY_BYTES:
            self._count = max(_LEAST, self._count // 2)
        elif size < _FEW_BYTES and is_more:
            self._count = min(_MOST, self._count * 2)
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
        self._deliver(_name_at(epochs, number), number, Record.gap(count), 0.0)

    def _take(self, name: str, number: int, record: Record, published: float) -> None:
        try:
            self._deliver(name, number, record, published)
        except (TypeError, ValueError) as error:
            self._deliver(name, number, self._unreadable(number, error), published)

    def _deliver(self, name: str, number: int, record: Record, published: float) -> None:
        self._ids.go_on(self._delivery.last + 1, name, number)
        self._delivery.deliver(record, published)
        self._name, self.number = name, number

    def _unreadable(self, number: int, error: Exception) -> Record:
        logger.error("the topic %r: its event %d in Redis cannot be read: %s", self.topic, number, error)
        return Record.gap(1)


def _parse(state: list[bytes | None]) -> tuple[list[Epoch], int]:
    epochs, last = state[1], state[2]
    if epochs is None or last is None:
        return [Epoch(0, "", 0)], 0
    pairs = [text.split(":") for text in epochs.decode().split(" ")]
    return [Epoch(int(first), name, 0) for first, name in pairs], int(last)


def _name_at(epochs: list[Epoch], number: int) -> str:
    return epochs[max(0, bisect_right(epochs, number, key=attrgetter("first")) - 1)].name


def _entry(id: bytes, fields: list[bytes]) -> tuple[int, Record, float]:
    return int(id[: id.index(b"-")]), *_record(fields)


def _record(fields: list[bytes]) -> tuple[Record, float]:
    at: bytes | None
    if len(fields) == 6 and fields[0] == b"at" and fields[2] == b"kind" and fields[4] == b"data":  # nearly all are so
        _, at, _, kind, _, data = fields
        event = retry = None
    else:
        parts = dict(zip(fields[::2], fields[1::2], strict=True))
        kind, data = parts.get(b"kind", b"text"), parts.get(b"data", b"")
        at, event, retry = parts.get(b"at"), parts.get(b"event"), parts.get(b"retry")
    try:
        given_retry = None if retry is None else int(retry)
        seconds = 0.0 if at is None else int(at) / 1000
    except ValueError:
        given_retry, seconds = None, 0.0
    name = None if event is None else event.decode(errors="replace")
    return Record(kind.decode(errors="replace"), data.decode(errors="replace"), name, given_retry), seconds
