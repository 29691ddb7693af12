"""The writer of one stream, which sends everything: headers, events, heartbeats, and the end of the body.

Only the writer sends, so that nothing can interleave. On a connection that takes bytes without blocking it is a function
that the host's flusher calls; otherwise one of the host's tasks (see `tasks`) has it while there is something to write:
hypercorn's `send()` cannot be cancelled while the client does not read, so the handler has to leave it behind.
"""

from collections.abc import Sequence
from contextvars import Context
from functools import partial

import trio

from ..compression import Coding
from ..failures import failure_of, reraise, split_failure
from ..logs import logger_of
from ..wire import HEARTBEAT
from .outcome import Outcome
from .sender import Sender, Sent
from .snapshot import Ending
from .tasks import WriterHost
from .waiting import Outbox

logger = logger_of("stream")


class Writer(Sent):
    """Sends the bytes of one stream, and counts its events.

    Args:
        sender: The way to the client.
        host: Where the writer's task may live.
        outcome: The state of the stream, which ends where writing shows that it is over.
        headers: The headers of the response.
        greeting: What the client is told first. It is no event, counts for nothing, and does not begin the response.
        context: The request's, which the writer's task runs in: traces say that what `send()` does belongs to the request.
        coding: Compresses the stream; default: it is not compressed.

    Attributes:
        outbox: What waits to be sent.
        flusher: What has turns for writing.
        begun: Whether the response is decided: it is an event stream.
    """

    __slots__ = (
        "_coding", "_context", "_flush_due", "_greeting", "_headers", "_heartbeat_due", "_host", "_is_closed", "_is_last",
        "_outcome", "_sent", "_task", "begun", "flusher", "outbox", "sender",
    )  # fmt: skip

    def __init__(
        self, sender: Sender, host: WriterHost, outcome: Outcome, *, headers: Sequence[tuple[bytes, bytes]], greeting: bytes,
        context: Context, coding: Coding | None = None,
    ) -> None:  # fmt: skip
        super().__init__(outcome.since)
        self.sender = sender
        self.outbox = Outbox() if sender.can_start_nowait else Outbox(Outbox.MAX_BYTES_BY_SEND)
        self.flusher = host.flusher
        self.begun = False
        self._host = host
        self._outcome = outcome
        self._headers: Sequence[tuple[bytes, bytes]] | None = headers  # None once they are sent
        self._greeting = greeting  # empty once it is sent
        self._context = context
        self._coding = coding
        self._task: trio.CancelScope | None = None  # around the task, while there is one
        self._sent: trio.Event | None = None  # what waits for the end of the task
        self._flush_due = self._heartbeat_due = False  # the host's flusher has been asked; a heartbeat waits
        self._is_last = self._is_closed = False  # nothing more will be put; nothing more will be sent

    # -- from any task: none of them blocks -----------------------------------------------------------------------------

    def put(self, event: bytes) -> bool:
        """Send an event; return whether there is room for another one."""
        if not self.outbox.backlog:  # whoever has put something into it has asked for that already
            self.write_soon()
        return self.outbox.put(event)

    def put_joined(self, events: bytes, count: int) -> bool:
        """Send several events in one piece; a count of 0 means that it holds none. Return whether there is room for more."""
        self.event_count += count - 1
        return self.put(events)

    def write(self, events: bytes, count: int, now: float) -> bool:
        """As `put_joined()`, called in the flusher's turn: written in this turn, if nothing else waits."""
        direct = self._at_once
        if direct is None or not direct.is_open:
            return self.put_joined(events, count)
        self.event_count += count
        self.last_sent = now
        if self.first_event_at is None:
            self.first_event_at = now
        try:
            piece = events
            if self._coding is not None:
                piece = self._coding.encode([events])
                self._byte_count += len(events) - len(piece)  # the latter are what the connection counts
            if not direct.write_nowait(piece):
                self._start()
        except BaseException as raised:
            self._note_failure(raised)
        return True

    async def wait_for_space(self) -> None:
        """Wait until there is room for another event. What is full is written at once, and waits for no other stream."""
        if self._flush_due:
            self.flusher.forget(self)
            self.flush(trio.current_time())
            await trio.lowlevel.checkpoint()
        await self.outbox.wait_for_space()

    def put_place(self, place: bytes) -> None:
        """Tell the client where it is: before the first event, if that is still to come, and the response waits for it."""
        if self.begun:
            self.put_joined(place, 0)
        else:
            self._greeting += place

    def beat(self) -> None:
        """Send a heartbeat, unless events are on their way."""
        self._heartbeat_due = True
        self.write_soon()

    def end(self) -> None:
        """Send what waits, and then the end of the body."""
        self._is_last = True
        self.write_soon()

    def close(self, *, reset: bool = False) -> None:
        """Send nothing more.

        Args:
            reset: Whether the client is given up, since it does not read. The handler does not wait for the writer's task
                then: the task cannot end before the handler has left.
        """
        self._is_closed = True
        self._end_at_once()
        if self._task is not None:
            self._task.cancel("nothing more is sent")
        if reset:
            self.sender.abort()
            self._task = None

    def write_soon(self) -> None:
        """Send what waits; the headers, if nothing has been sent."""
        self.begun = True
        if self._task is not None or self._flush_due or self._is_closed or not self._host.is_open:
            return
        if self.sender.can_write_nowait:
            self._flush_due = True
            self._end_at_once()
            self.flusher.flush_soon(self)
        else:
            self._start()

    def flush(self, now: float) -> None:
        """Write what waits without blocking, and leave the rest to a task. The host's flusher calls this."""
        if not self._flush_due:
            return
        self._flush_due = False
        if self._is_closed or not self._host.is_open:
            return
        if self.sender.can_write_nowait:
            self._write_now(self._take(now))
        else:  # the body has been ended meanwhile
            self._start()

    def _write_now(self, pieces: list[bytes]) -> None:
        try:
            is_clear = True
            data = self._encode(pieces)
            if (direct := self.sender.direct) is None:
                is_clear = self.sender.start_nowait(self._take_headers(), data)
            elif data:
                is_clear = direct.write_nowait(data)
            if self._is_last or not is_clear:
                self._start()
            elif (direct := self.sender.direct) is not None and not self._flush_due and not self._is_closed:
                self._at_once, self._bytes_before = direct, direct.body_bytes  # as nothing has come meanwhile
        except BaseException as raised:
            self._note_failure(raised)

    def _note_failure(self, raised: BaseException) -> None:
        """End the stream for what was raised in the flusher's turn, whose other writers go on."""
        self._end_at_once()
        if isinstance(raised, trio.BrokenResourceError):
            self._lose_client()
        else:
            self._fail(failure_of(raised))

    # -- the handler's task ---------------------------------------------------------------------------------------------

    async def aclose(self, timeout: float, *, is_patient: bool) -> None:
        """Wait until everything is sent, unless the client takes nothing for this many seconds; then close.

        A server that has much to do may take its time: only a client that does not read is not waited for. Nor one that
        reads slowly, where there is no patience.
        """
        if self._flush_due:
            self._flush_due = False
            if not self._is_closed and self._host.is_open:
                self._start()
        if self._task is not None:
            self._sent = trio.Event()
            await self.sender.wait_until_sent(self._sent, timeout, is_patient=is_patient)
        self.close()

    # -- the writer's own task ------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self._end_at_once()
        self._task = trio.CancelScope()
        self._host.tasks.start(self._context, partial(self._run, self._task))

    async def _run(self, scope: trio.CancelScope) -> None:
        has_more = False
        try:
            with scope:
                has_more = await self._write_waiting()
        except OSError, trio.BrokenResourceError:
            self._lose_client()
        except BaseException as raised:
            signal, failure = split_failure(raised)
            try:
                if failure is not None:
                    self._fail(failure)
                if signal is not None:
                    reraise(signal)
            finally:
                del signal, failure  # what is raised holds this frame
        finally:
            self._task = None
            if has_more and not self._is_closed:
                self._start()
            elif self._sent is not None:
                self._sent.set()

    async def _write_waiting(self) -> bool:
        """Write what waits, and the end if nothing comes after it; whether there is more, for which others go first."""
        if self._headers is not None:
            await self.sender.start(self._take_headers())
        await self.sender.drain()  # what a flush has left
        while True:
            if data := self._encode(self._take(trio.current_time())):
                await self.sender.write(data)
                if self.outbox.backlog:
                    return True
            elif self._is_last:
                # The watch has to be over before the body ends: hypercorn reports a disconnect inside that last send,
                # and nobody must take it for the client's.
                self._outcome.complete()
                self._is_closed = True
                await self.sender.finish(b"" if self._coding is None else self._coding.end())
                return False
            else:
                return False

    def _take_headers(self) -> Sequence[tuple[bytes, bytes]]:
        headers, self._headers = self._headers, None
        return headers or ()

    def _take(self, now: float) -> list[bytes]:
        """All that waits to be sent: the greeting, events, or a heartbeat if that is due and there are none."""
        is_due, self._heartbeat_due = self._heartbeat_due, False
        self.event_count += len(self.outbox)
        self._byte_count += self.outbox.backlog
        pieces = self.outbox.take() or ([HEARTBEAT] if is_due else [])
        if pieces:
            self.last_sent = now
            if self.first_event_at is None and self.event_count > 0:
                self.first_event_at = now
        if self._greeting:
            pieces.insert(0, self._greeting)
            self._greeting = b""
        return pieces

    def _encode(self, pieces: list[bytes]) -> bytes:
        return b"".join(pieces) if self._coding is None or not pieces else self._coding.encode(pieces)

    def _lose_client(self) -> None:
        self._is_closed = True
        self._outcome.end(Ending.DISCONNECTED)

    def _fail(self, error: Exception) -> None:
        path = self._outcome.path
        if self.sender.is_direct:  # it is not known how much of a piece was written, so nothing may follow it
            logger.error("%s: what it sends could not be written", path, exc_info=error)
            self._is_closed = True
            self.sender.abort()
        else:
            logger.error("%s: the server, or middleware, raised from send()", path, exc_info=error)
            self._is_closed = not self.sender.has_begun  # the response is somebody else's then, if there is one
        self._outcome.tell_listener("the server, or middleware, raised from send()", error)
        self._outcome.end(Ending.CLOSED)
