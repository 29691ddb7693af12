"""Writing for all topics of a process: what has come while the server was busy is written together."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any

import trio

from .calls import RESULT_KEPT, Call, Event, Writer, fail_all
from .connection import Answer, Connection, ServerError
from .options import Options
from .server import Server

# One call has so many events and bytes at most. So many calls are sent at a time, and so many times that is done before the
# first of them is answered: what comes meanwhile waits, and is written with fewer calls.
_EVENTS, _BYTES, _CALLS, _ROUNDS = 200, 512 * 1024, 64, 3
# A call whose end nobody knows is given up after so many seconds: before the server forgets whether it has done it.
_GIVE_UP_AFTER = RESULT_KEPT / 2
# An idle connection is looked after, in seconds.
_PING_AFTER = 10.0
# What passes, by the server's error codes: nothing was done, and the same can be tried again.
_PASSES = {"LOADING", "READONLY", "MASTERDOWN", "BUSY", "UNKILLABLE", "CHIRP_ORDER"}


@dataclass(slots=True)
class _Round:
    """Calls that were sent together."""

    calls: list[Call]
    answers: list[Answer]
    confirmed: Answer | None


class Publishing:
    """What is to be written, in the order in which it came."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._queue: deque[Event] = deque()
        self._calls: deque[Call] = deque()  # on their way, or of an unknown end
        self._work = trio.lowlevel.ParkingLot()

    def put(self, event: Event) -> None:
        """Have an event written. Never blocks."""
        self._queue.append(event)
        if self._work:
            self._work.unpark_all()

    def drop(self, writer: Writer) -> None:
        """Write nothing more for a topic: there is no time left."""
        for call in [call for call in self._calls if call.writer is writer]:
            self._calls.remove(call)
            call.fail("may have been written or not: the topic was closed, and the server did not answer in time")
        events = [event for event in self._queue if event.writer is writer and not event.is_dropped]
        for event in events:
            event.is_dropped = True
        if events:
            fail_all(writer, events, "was not written: the topic was closed, and the server did not answer in time")

    async def watch(self, trouble: Callable[[], str]) -> None:
        """Tell those who have waited for too long, until cancelled.

        Args:
            trouble: What is wrong with the server, as far as anybody knows.
        """
        timeout = self._options.timeout
        while True:
            if not self._calls and not self._queue:
                await self._work.park()
            await trio.sleep(timeout / 20)
            late = trio.current_time() - timeout
            for event in chain(chain.from_iterable(call.events for call in self._calls), self._queue):
                if event.is_awaited and event.begun <= late and not event.is_dropped:
                    self._give_up(event, trouble() or f"it has not answered within {timeout} s")

    def _give_up(self, event: Event, trouble: str) -> None:
        what = f"the topic {event.writer.position.topic!r} in Redis"
        if event.is_sent:
            event.end("", f"{what} may have been written or not: {trouble}")
            return
        event.is_dropped = True
        event.end("", f"{what} was not written: {trouble}")
        event.writer.failed(1, event.size, 0, "")

    # -- on a connection ------------------------------------------------------------------------------------------------

    async def use(self, connection: Connection, _server: Server) -> None:
        """Write by this connection, until it is lost."""
        self._give_up_old_ones()
        # While the server waits for its disk or a replica, it takes nothing more from this connection.
        room = trio.Semaphore(_ROUNDS if self._options.confirm == "written" else 1)
        send, receive = trio.open_memory_channel[_Round](_ROUNDS)
        async with trio.open_nursery() as nursery, send, receive:
            nursery.start_soon(self._settle, receive, room)
            again = list(self._calls)
            while True:
                if not self._queue and not again:
                    with trio.move_on_after(_PING_AFTER) as idle:
                        await self._work.park()
                    if idle.cancelled_caught and not self._calls:
                        await connection("PING")
                    continue
                await room.acquire()
                calls, again = again or self._form_calls(), []
                send.send_nowait(_Round(calls, [call.ask(connection) for call in calls], self._ask_confirmation(connection)))

    async def _settle(self, rounds: trio.MemoryReceiveChannel[_Round], room: trio.Semaphore) -> None:
        """Take the answers, which come in the order in which they were asked for."""
        async for sent in rounds:
            results = [await _result(answer) for answer in sent.answers]
            again = self._settle_refused(sent.calls, results)
            if again is not None and sent.confirmed is not None:
                raise again  # and what has to be confirmed, too
            doubt = await self._doubt(sent.confirmed)
            for call, result in zip(sent.calls, results, strict=True):
                if call.is_over or isinstance(result, ServerError):  # it was given up, or refused
                    continue
                self._calls.remove(call)
                if doubt:
                    call.fail(doubt, is_written=True)
                else:
                    call.succeed(result[0].decode(), result[1])
            if again is not None:
                raise again
            room.release()

    def _settle_refused(self, calls: list[Call], results: list[Any]) -> ServerError | None:
        """Have what was refused for good fail.

        Returns:
            What was refused for the moment: the calls that are not over are made again, by another connection. Those that
            the server has made have a result there, as long as it keeps that.
        """
        again: ServerError | None = None
        for call, result in zip(calls, results, strict=True):
            if call.is_over or not isinstance(result, ServerError):
                continue
            error = call.why(result)
            if error.code in _PASSES or "Function not found" in str(error):
                again = again or error
            else:
                self._calls.remove(call)
                call.refusal = error
                call.fail(f"was not written: {error}{_cure(error)}")
        return again

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

    def _form_calls(self) -> list[Call]:
        calls: list[Call] = []
        newest = {call.writer: call for call in self._calls}
        taken: dict[Writer, list[Event]] = {}
        sizes: dict[Writer, int] = {}
        while self._queue:
            event = self._queue[0]
            writer = event.writer
            events = taken.get(writer)
            if event.is_dropped:
                self._queue.popleft()
                continue
            if events is None or len(events) >= _EVENTS or sizes[writer] + event.size > _BYTES:
                if len(calls) >= _CALLS:
                    break
                events = taken[writer] = []
                sizes[writer] = 0
                newest[writer] = call = Call(writer, events, newest.get(writer))
                calls.append(call)
            events.append(self._queue.popleft())
            sizes[writer] += event.size
        self._calls.extend(calls)
        return calls

    def _give_up_old_ones(self) -> None:
        now = trio.current_time()
        while self._calls and self._calls[0].begun + _GIVE_UP_AFTER < now:
            self._calls.popleft().fail("may have been written or not: the server did not answer for too long")


async def _result(answer: Answer) -> Any:
    """What was answered; an error, too."""
    try:
        return await answer.get()
    except ServerError as error:
        return error


def _cure(error: ServerError) -> str:
    return {
        "OOM": "; the server needs more memory, or a higher maxmemory",
        "NOREPLICAS": "; fewer replicas are connected than its min-replicas-to-write asks for",
        "NOPERM": "; the user's ACL has to allow it: +@all on the keys and channels with the store's prefix is enough",
        "MISCONF": "; it cannot write its file: its own log says more",
        "WRONGTYPE": "; something else uses a key of this name: the store's prefix has to be another one",
    }.get(error.code, "")
