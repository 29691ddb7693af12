"""One stream from its first byte to its last: its nursery, its tasks, and every way to end.

    handler's task   opens the nursery, and watches for `http.disconnect` in it
    source's task    in the nursery: runs the user's source; what it yields goes into the outbox
    writer's task    in the app's nursery (see `host`), while there is something to write: all that waits, in one piece

Only the writer sends, so events, heartbeats and the end of the body cannot interleave. It is not in the stream's nursery,
because a task in hypercorn's `send()` cannot be cancelled while the client does not read. The handler leaves it behind; the
server then closes the connection, and that wakes the writer up. An idle stream has no writer, and no timer of its own:
the host looks at all of its streams from one task.
"""

import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING

import trio

from ..asgi import Receive, Scope
from ..errors import HTTPError, sole
from ..wire import HEARTBEAT
from .ending import Ending
from .items import Render, encode_item
from .outbox import Outbox
from .report import report
from .sender import Sender
from .snapshot import StreamSnapshot
from .source import close_source, open_source

if TYPE_CHECKING:
    from .event_stream import EventStream
    from .host import StreamHost

logger = logging.getLogger("chirp_trio.stream")

# Where an app leaves the pattern of its route in the request's scope.
ROUTE_KEY = "chirp_trio.route"

# How long the last bytes may take where nobody can be made to wait for them: at a shutdown, a cancellation.
FAREWELL_TIMEOUT = 0.5


class LiveStream:
    """An `EventStream` that is being served to one client."""

    __slots__ = (
        "_begun", "_debug", "_expires", "_failed", "_finished", "_headers_sent", "_heartbeat_due", "_host", "_last_sent",
        "_name", "_opened", "_outbox", "_render", "_revalidation", "_route", "_scope", "_sender", "_sending_since", "_since",
        "_source_closed", "_source_late", "_stream", "_writer", "_writer_done", "client", "ending", "error",
    )  # fmt: skip

    def __init__(
        self, stream: EventStream, sender: Sender, host: StreamHost, scope: Scope, *, render: Render | None, debug: bool
    ) -> None:
        self._stream = stream
        self._sender = sender
        self._host = host
        self._render = render
        self._debug = debug
        self._name: str = scope["path"]
        self._route: str | None = scope.get(ROUTE_KEY)
        self.client: str | None = (scope.get("client") or (None,))[0]
        self.ending: Ending | None = None
        self.error: Exception | None = None  # what the source raised before the response had begun

        self._scope: trio.CancelScope | None = None  # the nursery's: around the source and the watch
        self._outbox = Outbox()
        self._writer: trio.CancelScope | None = None  # around the writer, while there is one
        self._writer_done: trio.Event | None = None  # what the handler waits for, once it wants to leave

        self._begun = False  # the response is decided: it is an event stream
        self._headers_sent = False
        self._heartbeat_due = False
        self._failed = False  # the source raised
        self._source_closed = False
        self._source_late = False  # it did not get closed in time
        self._finished = False  # the body has got its end
        # When it began; when this state, open or ending, did; when bytes last left.
        self._opened = self._since = self._last_sent = trio.current_time()
        self._sending_since: float | None = None
        self._expires = min(stream.deadline(), host.registry.deadline())
        self._revalidation = stream.revalidation()

    # -- the handler's task ---------------------------------------------------------------------------------------------

    async def serve(self, receive: Receive) -> None:
        """Serve the client until the stream is over. The request's handler calls this, once.

        Raises:
            HTTPError: There are as many streams as there may be.
            Exception: What the source raised before its first event. The response has not begun then.
        """
        try:
            self._host.adopt(self)
        except HTTPError:  # there are too many already
            await close_source(self._stream.generator)
            raise
        try:
            async with trio.open_nursery() as nursery:
                self._scope = nursery.cancel_scope
                if self.ending is not None:  # the server was about to stop already
                    self._scope.cancel(f"stream ended: {self.ending}")
                nursery.start_soon(self._produce, name="source of an EventStream")
                if self._revalidation is not None:
                    nursery.start_soon(self._revalidation.run, self)
                # Whatever else comes (a request body) is drained: hypercorn queues ten messages, and then blocks.
                while (await receive())["type"] != "http.disconnect":
                    pass
                self.end(Ending.DISCONNECTED)
        finally:
            self.end(Ending.CLOSED)  # if nobody has named an ending, the handler was cancelled from outside
            await self._leave()
            self._host.release(self)
        if self.error is not None:
            raise self.error

    async def _leave(self) -> None:
        """Wait for the writer to end the body; not longer than is any use, so the shield is safe."""
        if self._writer is None or self.ending is Ending.STALLED:
            return  # what wakes a stalled writer up is that the handler leaves
        self._writer_done = trio.Event()
        finite = self.ending in (Ending.COMPLETED, Ending.FAILED, Ending.EXPIRED)
        with trio.move_on_after(self._stream.send_timeout if finite else FAREWELL_TIMEOUT, shield=True):
            await self._writer_done.wait()
        if self._writer is not None:
            self._writer.cancel("the handler has left")

    # -- from any task: neither blocks ----------------------------------------------------------------------------------

    def end(self, ending: Ending) -> None:
        """End the stream. Only the first ending counts."""
        if self.ending is not None:
            return
        self.ending = ending
        self._since = trio.current_time()
        if self._scope is not None:
            self._scope.cancel(f"stream ended: {ending}")
        if self._gone and self._writer is not None:
            self._writer.cancel(f"stream ended: {ending}")
        if ending is Ending.SHUTDOWN and (farewell := self._host.registry.farewell()):
            self._outbox.put_advice_nowait(farewell)
            self._write_soon()
        if not self._source_closed:
            self._host.look_at(self, self._since + self._stream.cleanup_timeout)

    def beat(self) -> None:
        """Send a heartbeat."""
        self._heartbeat_due = True
        self._write_soon()

    def snapshot(self) -> StreamSnapshot:
        """What can be seen of it now."""
        return StreamSnapshot(
            self._name, self._route, self.client, self._stream.label, self._opened, self._outbox.event_count,
            self._outbox.byte_count, self._outbox.backlog, self._last_sent, self.ending,
        )  # fmt: skip

    @property
    def event_count(self) -> int:
        """How many events the client has got, or will get: its source's, and reports of errors."""
        return self._outbox.event_count

    @property
    def byte_count(self) -> int:
        """How many bytes these are."""
        return self._outbox.byte_count

    @property
    def _gone(self) -> bool:
        """Whether there is nobody to write to."""
        return self.ending is Ending.DISCONNECTED or self.ending is Ending.STALLED

    # -- the source's task ----------------------------------------------------------------------------------------------

    async def _produce(self) -> None:
        try:
            if self.ending is not None:
                await close_source(self._stream.generator)
                return
            items = open_source(self._stream.generator)
            step = items.__anext__()
            while True:
                try:
                    item = await step
                except StopAsyncIteration:
                    return
                # What is raised while the source stands at its `yield` belongs there: a Cancelled may be that of a scope
                # or a nursery of the source's own, which has to see it. It is not swallowed: the source raises it again,
                # or had it coming. So no way out of this loop leaves the source open.
                try:
                    if (self._revalidation is None or await self._revalidation.allows(self)) and not self._accept(item):
                        await self._outbox.wait_for_space()
                except BaseException as error:
                    step = items.athrow(error)
                else:
                    step = items.__anext__()
        except* trio.Cancelled:
            self.end(Ending.CLOSED)  # if nobody has named an ending, this comes from outside
            raise
        except* Exception as errors:
            self._fail(sole(errors))
        finally:
            self._source_closed = True
            if self.error is None:
                self._write_soon()  # what is left, and the end of the body

    def _fail(self, error: Exception) -> None:
        self._failed = True
        if self._begun or self.ending is not None:
            self._outbox.put_nowait(report(self._name, "its source raised", error, debug=self._debug))
        else:
            self.error = error
            self.end(Ending.FAILED)

    def _accept(self, item: object) -> bool:
        """Put one item into the outbox; whether there is room for more. An item that cannot be sent costs only itself."""
        try:
            event = encode_item(item, self._stream.event_type, self._render)
        except Exception as error:
            event = report(self._name, "an item of its source cannot be sent", error, debug=self._debug)
        if self._writer is None:
            self._write_soon()
        return self._outbox.put_nowait(event)

    # -- the writer's task ----------------------------------------------------------------------------------------------

    def _write_soon(self) -> None:
        self._begun = True
        if self._writer is None and not self._gone and not self._finished and self._host.is_open:
            self._writer = trio.CancelScope()
            self._host.start_soon(self._write, self._writer)

    async def _write(self, scope: trio.CancelScope) -> None:
        try:
            with scope:
                await self._write_all()
        except OSError:
            self.end(Ending.DISCONNECTED)  # from servers that raise when the client is gone
        except Exception:
            logger.exception("%s: the server, or middleware, raised from send()", self._name)
            self.end(Ending.CLOSED)
        finally:
            self._writer = None
            if self._writer_done is not None:
                self._writer_done.set()

    async def _write_all(self) -> None:
        if not self._headers_sent:
            self._headers_sent = True
            await self._send(self._sender.start(self._stream.response_headers()))
        while True:
            data = self._outbox.take()
            if data or self._heartbeat_due:
                self._heartbeat_due = False
                await self._send(self._sender.write(data or HEARTBEAT))
                self._last_sent = trio.current_time()
            elif self._source_closed or self._source_late:
                # The watch has to be over before the body ends: hypercorn reports a disconnect inside that last send,
                # and nobody must take it for the client's.
                self.end(Ending.FAILED if self._failed else Ending.COMPLETED)
                self._finished = True
                await self._send(self._sender.finish())
                return
            else:
                return

    async def _send(self, sending: Awaitable[None]) -> None:
        self._sending_since = trio.current_time()
        await sending
        self._sending_since = None
