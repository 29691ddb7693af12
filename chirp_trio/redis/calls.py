"""Events on their way to the server, and calls of its function that write several of them."""

import secrets
import time
from typing import Protocol

import trio

from ..errors import StoreError
from ..topics import Record
from ..topics.history import new_name
from .connection import Answer, Connection, ServerError, Word
from .position import Position

# For so many seconds the server knows the result of a call; whoever has not heard of it by then has given up.
RESULT_KEPT = 120.0


class Writer(Protocol):
    """The topic of an event."""

    position: Position

    def done(self, count: int, size: int, name: str, number: int) -> None:
        """So many of its events, with so many bytes, are written; the newest is that one."""

    def failed(self, count: int, size: int, unheard: int, error: str) -> None:
        """They are not; of so many of them nobody will hear."""


class Event:
    """One event on its way.

    Attributes:
        writer: Its topic.
        words: What is written.
        size: About how many bytes it has.
        begun: Since when it is on its way.
        is_awaited: Whether somebody hears what becomes of it.
        is_sent: Whether it may have been written.
        is_dropped: Whether it is not to be written any more.
    """

    __slots__ = ("_error", "_id", "_task", "begun", "is_awaited", "is_dropped", "is_sent", "size", "words", "writer")

    def __init__(self, writer: Writer, record: Record, begun: float, *, is_awaited: bool) -> None:
        kind, data, event, retry = record
        words: list[Word] = [4, "kind", kind, "data", data]
        if event is not None:
            words += "event", event
        if retry is not None:
            words += "retry", retry
        words[0] = len(words) - 1
        self.writer = writer
        self.words = words
        self.size = len(data) + 100
        self.begun = begun
        self.is_awaited = is_awaited
        self.is_sent = False
        self.is_dropped = False
        self._id = ""
        self._error = ""
        self._task: trio.lowlevel.Task | None = None

    async def wait(self) -> str:
        """Its id, once it is written.

        Raises:
            StoreError: It is not, or nobody knows.
        """
        # Neither an event of trio's nor a deadline: those cost more than all the rest, and there is one for each event.
        if not (self._id or self._error):
            self._task = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self._leave)
        if self._error:
            raise StoreError(self._error)
        return self._id

    def end(self, id: str, error: str = "") -> None:
        """It is written, with this id, or it is not. Only the first time counts."""
        if self._id or self._error:
            return
        self._id, self._error = id, error
        if self._task is not None:
            trio.lowlevel.reschedule(self._task)
            self._task = None

    def _leave(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED


class Call:
    """Events of one topic that are written together or not at all, and once, however often that is tried.

    Args:
        writer: Their topic.
        events: These.
        before: The topic's call that was on its way when this one was made: if the server refuses that, it refuses this one.

    Attributes:
        refusal: What the server has answered for good; None: it has not refused it.
    """

    def __init__(self, writer: Writer, events: list[Event], before: Call | None) -> None:
        self.writer = writer
        self.events = events
        self.key = b"%b:%b" % (writer.position.events, secrets.token_hex(8).encode())
        self.begun = trio.current_time()
        self.is_over = False
        self.refusal: ServerError | None = None
        self._before = before

    def ask(self, connection: Connection) -> Answer:
        position = self.writer.position
        keys = [position.events, position.meta, self.key]
        if self._before is not None and not self._before.is_over:
            keys.append(self._before.key)
        head = (position.channel, new_name(), int(time.time() * 1000), position.length, int(RESULT_KEPT * 1000))
        words: list[Word] = ["FCALL", "chirp_publish_1", len(keys), *keys, *head]
        for event in self.events:
            event.is_sent = True
            words += event.words
        return connection.ask(*words)

    def why(self, error: ServerError) -> ServerError:
        """What an answer means: what is refused because the call before it was refused for good has the same cause."""
        if error.code == "CHIRP_ORDER" and self._before is not None and self._before.refusal is not None:
            return self._before.refusal
        return error

    def succeed(self, name: str, first: int) -> None:
        self._end()
        for number, event in enumerate(self.events, first):
            event.end(f"{name}-{number}")
        self.writer.done(len(self.events), sum(event.size for event in self.events), name, first + len(self.events) - 1)

    def fail(self, why: str, *, is_written: bool = False) -> None:
        self._end()
        fail_all(self.writer, self.events, why, is_written=is_written)

    def _end(self) -> None:
        self.is_over = True
        self._before = None


def fail_all(writer: Writer, events: list[Event], why: str, *, is_written: bool = False) -> None:
    """Tell those who wait for them, and their topic, that events are not written, or not as was asked for."""
    error = f"the topic {writer.position.topic!r} in Redis {why}"
    for event in events:
        event.end("", error)
    unheard = 0 if is_written else sum(not event.is_awaited for event in events)
    writer.failed(len(events), sum(event.size for event in events), unheard, error)
