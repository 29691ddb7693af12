"""Writing for all topics of a process: what has come while the server was busy is written together."""

import secrets
import time
from collections import deque
from typing import Any, Protocol

import trio

from ..errors import StoreError
from ..logs import logger_of
from ..topics import Record
from ..topics.history import new_name
from .connection import Answer, Connection, ServerError, Word
from .options import Options
from .position import Position
from .server import Server

logger = logger_of("topics")

# One call has so many events and bytes at most, and so many calls are on their way at a time.
_EVENTS, _BYTES, _CALLS = 200, 512 * 1024, 64
# For so many seconds the server knows the result of a call; before that is over, whoever has not heard of it has given up.
_RESULT_KEPT = 120.0
_GIVE_UP_AFTER = 60.0
# An idle connection is looked after, in seconds.
_PING_AFTER = 10.0
# What passes, by the server's error codes: nothing was done, and the same can be tried again.
_PASSES = {"LOADING", "READONLY", "MASTERDOWN", "BUSY", "UNKILLABLE"}


class Writer(Protocol):
    """The topic of an event."""

    position: Position

    def done(self, count: int, size: int, name: str, number: int) -> None:
        """So many of its events, with so many bytes, are written; the newest is that one."""

    def failed(self, count: int, size: int, unheard: int, error: StoreError) -> None:
        """They are not; of so many of them nobody will hear."""


class Event:
    """One event on its way.

    Attributes:
        writer: Its topic.
        words: What is written.
        size: About how many bytes it has.
        over: Is set when it is written, or not; None: nobody waits for that.
        id: Its id, when it is written.
        error: What is wrong, when it is not.
        is_put: Whether it is to be written.
        is_sent: Whether it may have been written.
        is_dropped: Whether it is not to be written any more.
    """

    __slots__ = ("error", "id", "is_dropped", "is_put", "is_sent", "over", "size", "words", "writer")

    def __init__(self, writer: Writer, record: Record, over: trio.Event | None) -> None:
        words: list[Word] = ["kind", record.kind, "data", record.data]
        if record.event is not None:
            words += ["event", record.event]
        if record.retry is not None:
            words += ["retry", record.retry]
        self.writer = writer
        self.words = words
        self.size = len(record.data) + 100
        self.over = over
        self.id = ""
        self.error: StoreError | None = None
        self.is_put = False
        self.is_sent = False
        self.is_dropped = False


class _Call:
    """Events of one topic that are written together or not at all, and once, however often that is tried."""

    def __init__(self, writer: Writer, events: list[Event]) -> None:
        self.writer = writer
        self.events = events
        self.key = b"%b:%b" % (writer.position.events, secrets.token_hex(8).encode())
        self.begun = trio.current_time()

    def ask(self, connection: Connection) -> Answer:
        position = self.writer.position
        words: list[Word] = []
        for event in self.events:
            event.is_sent = True
            words += [len(event.words), *event.words]
        head = (position.channel, new_name(), int(time.time() * 1000), position.length, int(_RESULT_KEPT * 1000))
        return connection.ask("FCALL", "chirp_publish_1", 3, position.events, position.meta, self.key, *head, *words)

    def succeed(self, name: str, first: int) -> None:
        for number, event in enumerate(self.events, first):
            event.id = f"{name}-{number}"
        self._end()
        self.writer.done(len(self.events), sum(event.size for event in self.events), name, first + len(self.events) - 1)

    def fail(self, why: str, *, is_written: bool = False) -> None:
        error = StoreError(f"the topic {self.writer.position.topic!r} in Redis {why}")
        for event in self.events:
            event.error = error
        self._end()
        unheard = 0 if is_written else sum(event.over is None for event in self.events)
        self.writer.failed(len(self.events), sum(event.size for event in self.events), unheard, error)

    def _end(self) -> None:
        for event in self.events:
            if event.over is not None:
                event.over.set()


class Publishing:
    """What is to be written, in the order in which it came."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._queue: deque[Event] = deque()
        self._calls: deque[_Call] = deque()  # on their way, or of an unknown end
        self._work = trio.lowlevel.ParkingLot()

    def put(self, event: Event) -> None:
        """Have an event written. Never blocks."""
        self._queue.append(event)
        self._work.unpark_all()

    def drop(self, writer: Writer) -> None:
        """Write nothing more for a topic: there is no time left."""
        for call in [call for call in self._calls if call.writer is writer]:
            self._calls.remove(call)
            call.fail("may have been written or not: the topic was closed, and the server did not answer in time")
        error = StoreError(f"the topic {writer.position.topic!r} was closed, and Redis did not answer in time")
        events = [event for event in self._queue if event.writer is writer and not event.is_dropped]
        for event in events:
            event.is_dropped = True
            event.error = error
            if event.over is not None:
                event.over.set()
        if events:
            unheard = sum(event.over is None for event in events)
            writer.failed(len(events), sum(event.size for event in events), unheard, error)

    async def use(self, connection: Connection, _server: Server) -> None:
        """Write by this connection, until it is lost."""
        self._give_up_old_ones()
        while True:
            if not self._calls and not self._queue:
                with trio.move_on_after(_PING_AFTER):
                    await self._work.park()
            if not self._calls:
                self._form_calls()
            if not self._calls:
                await connection("PING")
                continue
            answers = [call.ask(connection) for call in self._calls]
            confirmed = self._ask_confirmation(connection)
            results = [(call, await self._result(answer)) for call, answer in zip(tuple(self._calls), answers, strict=True)]
            doubt = await self._doubt(confirmed)
            for call, result in results:
                if call not in self._calls:  # it was given up
                    continue
                self._calls.remove(call)
                if isinstance(result, ServerError):
                    call.fail(f"was not written: {result}{_cure(result)}")
                elif doubt:
                    call.fail(doubt, is_written=True)
                else:
                    call.succeed(result[0].decode(), result[1])
            await trio.lowlevel.checkpoint()

    async def _result(self, answer: Answer) -> ServerError | list[Any]:
        try:
            found: list[Any] = await answer.get()
            return found
        except ServerError as error:
            if error.code in _PASSES or "Function not found" in str(error):
                raise  # all calls are made again, by another connection, and those that were answered have a result there
            return error

    def _ask_confirmation(self, connection: Connection) -> Answer | None:
        milliseconds = max(1, int(self._options.timeout * 800))
        match self._options.confirm:
            case "disk":
                return connection.ask("WAITAOF", 1, 0, milliseconds)
            case "replica":
                return connection.ask("WAIT", 1, milliseconds)
            case _:
                return None

    async def _doubt(self, confirmed: Answer | None) -> str:
        if confirmed is None:
            return ""
        try:
            count = await confirmed.get()
        except ServerError as error:
            return f"is written, and whether it is more than that, nobody knows: {error}"
        if isinstance(count, list):
            return "" if count[0] else "is written, and is not on the disk yet: confirm='disk' has waited in vain"
        return "" if count else "is written, and no replica has it yet: confirm='replica' has waited in vain"

    def _form_calls(self) -> None:
        taken: dict[Writer, list[Event]] = {}
        sizes: dict[Writer, int] = {}
        while self._queue and len(self._calls) < _CALLS:
            event = self._queue.popleft()
            if event.is_dropped:
                continue
            writer = event.writer
            events = taken.get(writer)
            if events is None or len(events) >= _EVENTS or sizes[writer] + event.size > _BYTES:
                events = taken[writer] = []
                sizes[writer] = 0
                self._calls.append(_Call(writer, events))
            events.append(event)
            sizes[writer] += event.size

    def _give_up_old_ones(self) -> None:
        now = trio.current_time()
        while self._calls and self._calls[0].begun + _GIVE_UP_AFTER < now:
            self._calls.popleft().fail("may have been written or not: the server did not answer for too long")


def _cure(error: ServerError) -> str:
    return {
        "OOM": "; the server needs more memory, or a higher maxmemory",
        "NOREPLICAS": "; fewer replicas are connected than its min-replicas-to-write asks for",
        "NOPERM": "; the user's ACL has to allow it: +@all on the keys and channels with the store's prefix is enough",
        "MISCONF": "; it cannot write its file: its own log says more",
        "WRONGTYPE": "; something else uses a key of this name: the store's prefix has to be another one",
    }.get(error.code, "")
