"""All that one stream sends: its headers, its events, its heartbeats, and the end of its body, by one writer.

Only the writer sends, so that nothing can interleave. On a connection that takes bytes without blocking it is a function
that the host's flusher calls; otherwise it is a task in the app's nursery (see `host`) for as long as there is something to
write: hypercorn's `send()` cannot be cancelled while the client does not read, so the handler has to leave it behind.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Protocol

import trio

from ..failures import reraise, split_failure
from ..logs import logger_of
from ..wire import HEARTBEAT
from .alarms import STANDSTILL
from .ending import Ending
from .outbox import Outbox
from .sender import Sender

logger = logger_of("stream")


class WriterHost(Protocol):
    """What a writer needs of the host of its stream."""

    is_open: bool

    def flush_soon(self, writer: Writer) -> None:
        """Call the writer's `flush()` soon, once."""

    def start_soon[*Arguments](self, function: Callable[[*Arguments], Awaitable[None]], *arguments: *Arguments) -> None:
        """Start a task that may outlive its request."""


class EndOfWriting(Protocol):
    """What a writer calls."""

    def __call__(self, ending: Ending | None, error: Exception | None = None, /) -> None:
        """The stream is over."""


class Writer:
    """What sends the bytes of one stream.

    Args:
        sender: The way to the client.
        host: Where the writer's task may live.
        headers: The headers of the response.
        greeting: What the client is told first. It is no event, counts for nothing, and does not begin the response.
        name: What to call the stream in the log.
        context: The request's, and nobody runs in it: what `send()` does, traces say, belongs to the request.
        end: Called when writing shows that the stream is over, with how it ended; None before the end of the body; and
            with what the server raised, if it did.
    """

    __slots__ = (
        "_context", "_done", "_end", "_flush_due", "_greeting", "_headers", "_heartbeat_due", "_host", "_is_complete",
        "_is_finished", "_name", "_progress", "_sender", "_task", "begun", "blocked_since", "last_sent", "outbox",
    )  # fmt: skip

    def __init__(
        self,
        sender: Sender,
        host: WriterHost,
        *,
        headers: Sequence[tuple[bytes, bytes]],
        greeting: bytes,
        name: str,
        context: Context,
        end: EndOfWriting,
    ) -> None:
        self._sender = sender
        self._host = host
        self._headers: Sequence[tuple[bytes, bytes]] | None = headers  # None once they are sent
        self._greeting = greeting  # empty once it is sent
        self._name = name
        self._end = end
        self._context = context
        self.outbox = Outbox()
        self.begun = False  # the response is decided: it is an event stream
        self.last_sent = trio.current_time()
        self.blocked_since: float | None = None  # since when the client has taken nothing of what is being sent
        self._progress = 0  # of what is being sent, when it was looked at last

        self._task: trio.CancelScope | None = None  # around the task, while there is one
        self._done: trio.Event | None = None  # what waits for the end of the task
        self._flush_due = False  # the host has been asked to flush
        self._heartbeat_due = False
        self._is_complete = False  # nothing more will come
        self._is_finished = False  # the body has got its end, or will get none

    # -- from any task: none of them blocks -----------------------------------------------------------------------------

    def put_nowait(self, event: bytes) -> bool:
        """Send an event; whether there is room for another one."""
        if self._task is None and not self._flush_due:
            self.write_soon()
        return self.outbox.put_nowait(event)

    def put_joined_nowait(self, events: bytes, count: int) -> bool:
        """Send several events in one piece; whether there is room for more."""
        self.outbox.count_further(count - 1)
        return self.put_nowait(events)

    def tell_place(self, place: bytes) -> None:
        """Send what is no event: before the first one if that is still to come, for which the response waits as ever."""
        if self.begun:
            self.put_joined_nowait(place, 0)
        else:
            self._greeting += place

    def advise(self, advice: bytes) -> None:
        """Send what is for the client's browser, and no event."""
        self.write_soon()
        self.outbox.put_advice_nowait(advice)

    def beat(self) -> None:
        """Send a heartbeat, unless events are on their way."""
        self._heartbeat_due = True
        self.write_soon()

    def complete(self) -> None:
        """Send what waits, and then the end of the body."""
        self._is_complete = True
        self.write_soon()

    def write_soon(self) -> None:
        """Send what waits; the headers, if nothing has been sent."""
        self.begun = True
        if self._task is not None or self._flush_due or self._is_finished or not self._host.is_open:
            return
        if self._sender.is_direct:
            self._flush_due = True
            self._host.flush_soon(self)
        else:
            self._start()

    def stop(self) -> None:
        """Send nothing more: nobody is there."""
        self._is_finished = True
        if self._task is not None:
            self._task.cancel("nobody is there")

    def abort(self) -> None:
        """Give up a client that does not read. The handler has to leave next: that is what wakes the task up."""
        self.stop()
        self._sender.abort()
        self._task = None

    def fail(self, error: Exception) -> None:
        """Give up after an error: nobody knows how much of a piece has been written, so nothing may follow it."""
        logger.error("%s: what it sends could not be written", self._name, exc_info=error)
        self._is_finished = True
        self._sender.abort()
        self._end(Ending.CLOSED, error)

    def look(self, now: float) -> None:
        """See whether the client has taken anything since the last look; if so, its time begins anew."""
        if self.blocked_since is not None and self._sender.progress != self._progress:
            self._progress = self._sender.progress
            self.blocked_since = now

    def forgive(self, now: float) -> None:
        """Let the client's time begin anew, because the server has stood still."""
        if self.blocked_since is not None:
            self.blocked_since = now

    def flush(self) -> None:
        """Write what waits without blocking, and leave the rest to a task. The host's flusher calls this."""
        if not self._flush_due:
            return
        self._flush_due = False
        if self._is_finished or not self._host.is_open:
            return
        if not self._sender.is_direct:  # somebody else has ended the body meanwhile
            self._start()
            return
        data = self._take()
        try:
            is_clear = not data or self._sender.write_nowait(data)
        except trio.BrokenResourceError:
            self._end(Ending.DISCONNECTED)
            return
        if data:
            self.last_sent = trio.current_time()
        if self._is_complete or not is_clear:
            self._start()

    # -- the handler's task ---------------------------------------------------------------------------------------------

    async def finish(self, timeout: float, *, is_patient: bool) -> None:
        """Wait until everything is sent, unless the client takes nothing for this many seconds; then stop.

        A server that has much to do may take its time: only a client that does not read is not waited for. Nor one that
        reads slowly, where there is no patience.
        """
        if self._flush_due:
            self._flush_due = False
            if not self._is_finished and self._host.is_open:
                self._start()
        if self._task is not None:
            self._done = trio.Event()
            began = trio.current_time()
            while not self._done.is_set() and not self._is_blocked(began, timeout, is_patient=is_patient):
                with trio.move_on_after(timeout, shield=True) as waiting:
                    await self._done.wait()
                if waiting.cancelled_caught and trio.current_time() > waiting.deadline + STANDSTILL:
                    began = trio.current_time()
                    self.forgive(began)
        self.stop()
        if self._task is None:
            self._end = _ignore  # a circle otherwise, which only the garbage collector would find

    # -- the writer's own task ------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self._task = trio.CancelScope()
        self._context.run(self._host.start_soon, self._run, self._task)

    async def _run(self, scope: trio.CancelScope) -> None:
        try:
            with scope:
                await self._write_all()
        except OSError, trio.BrokenResourceError:
            self._end(Ending.DISCONNECTED)
        except BaseException as raised:
            signal, failure = split_failure(raised)
            try:
                if failure is not None and self._sender.is_direct:
                    self.fail(failure)
                elif failure is not None:
                    self._is_finished = not self._sender.has_begun  # the response is somebody else's then, if there is one
                    logger.exception("%s: the server, or middleware, raised from send()", self._name, exc_info=failure)
                    self._end(Ending.CLOSED, failure)
                if signal is not None:
                    reraise(signal)
            finally:
                del signal, failure  # what is raised holds this frame
        finally:
            self._task = None
            if self._done is not None:
                self._done.set()
                self._end = _ignore

    async def _write_all(self) -> None:
        if self._headers is not None:
            headers, self._headers = self._headers, None
            await self._send(self._sender.start(headers))
        await self._send(self._sender.drain())  # what a flush has left
        while True:
            data = self._take()
            if data or self._greeting:
                greeting, self._greeting = self._greeting, b""
                await self._send(self._sender.write(greeting + data))
                if data:
                    self.last_sent = trio.current_time()
            elif self._is_complete:
                # The watch has to be over before the body ends: hypercorn reports a disconnect inside that last send,
                # and nobody must take it for the client's.
                self._end(None)
                self._is_finished = True
                await self._send(self._sender.finish())
                return
            else:
                return

    async def _send(self, sending: Awaitable[None]) -> None:
        self._progress = self._sender.progress
        self.blocked_since = trio.current_time()
        await sending
        self.blocked_since = None

    def _is_blocked(self, began: float, timeout: float, *, is_patient: bool) -> bool:
        now = trio.current_time()
        self.look(now)
        if self.blocked_since is None:
            return False
        return now >= (max(began, self.blocked_since) if is_patient else began) + timeout

    def _take(self) -> bytes:
        """All that waits to be sent: events, or a heartbeat if that is due and there are none."""
        data = self.outbox.take()
        if self._heartbeat_due:
            self._heartbeat_due = False
            data = data or HEARTBEAT
        return data


def _ignore(_ending: Ending | None, _error: Exception | None = None) -> None:
    """The stream is over already."""
