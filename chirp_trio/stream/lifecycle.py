"""One stream from its first byte to its last: its nursery, its tasks, and every way to end.

    handler's task   opens the nursery, and watches for `http.disconnect` in it
    source's task    in the nursery: runs the user's source (see `producer`); what it yields goes into the outbox
    writer           sends all that waits, in one piece (see `writer`); a task of the app's nursery where that would block

An idle stream has no writer, and no timer of its own: the host looks at all of its streams from one task.
"""

from contextvars import copy_context
from typing import TYPE_CHECKING

import trio

from ..asgi import Receive, Scope, error_listener, note_asyncio
from ..errors import HTTPError
from ..htmx import for_event_source, for_htmx4
from ..logs import logger_of
from ..wire import EncodeJSON
from .client import is_htmx4_stream, kind_of_client
from .ending import Ending
from .items import Render
from .producer import Producer, cancel_once_more, let_go
from .registry import StreamRegistry, log_ending
from .report import report
from .sender import Sender
from .snapshot import StreamSnapshot
from .source import close_source, source_name
from .writer import Writer

if TYPE_CHECKING:
    from .event_stream import EventStream
    from .placement import Placement

logger = logger_of("stream")
# Where an app leaves the pattern of its route in the request's scope.
ROUTE_KEY = "chirp_trio.route"
# How often within `send_timeout` to look whether a client takes bytes that is behind.
_LOOKS = 4
# How many seconds a look at the wall clock is good for.
_WALL_CLOCK_HOLDS = 15.0
# How long the last bytes may take where nobody can be made to wait for them: at a shutdown, a cancellation.
FAREWELL_TIMEOUT = 0.5


class LiveStream:
    """An `EventStream` that is being served to one client."""

    __slots__ = (
        "_debug", "_encode_json", "_error_listener", "_expires", "_failed", "_host", "_kind", "_name", "_opened",
        "_registries", "_render", "_revalidation", "_route", "_scope", "_since", "_source_closed", "_source_scope",
        "_stream", "_writer", "client", "ending", "error",
    )  # fmt: skip

    def __init__(
        self, stream: EventStream, sender: Sender, placement: Placement, scope: Scope,
        *, render: Render | None, encode_json: EncodeJSON, debug: bool,
    ) -> None:  # fmt: skip
        assert placement.host is not None
        self._stream = stream
        self._host = host = placement.host
        self._registries = registries = placement.registries  # the last is that of the app that answers
        self._render = render or (for_htmx4 if is_htmx4_stream(scope.get("headers", ())) else for_event_source)
        self._encode_json = encode_json
        self._debug = debug
        self._error_listener = error_listener(scope)
        self._kind = kind_of_client(scope)
        self._name: str = scope["path"]
        self._route: str | None = scope.get(ROUTE_KEY)
        self.client: str | None = (scope.get("client") or (None,))[0]
        self._writer = Writer(
            sender, host, headers=stream.response_headers(), greeting=registries[-1].greeting(self._kind), name=self._name,
            context=copy_context(), end=self._end_of_writing,
        )  # fmt: skip
        self._scope: trio.CancelScope | None = None  # the nursery's: around the source and the watch
        self._opened = self._since = trio.current_time()  # when it began; when this state, open or ending, did
        self._expires = min(stream.deadline(), *(registry.deadline() for registry in registries))
        self._revalidation = stream.revalidation()
        self._failed = False  # the source raised
        self._source_scope = trio.CancelScope()
        self._source_closed = False
        self.ending: Ending | None = None
        self.error: Exception | None = None  # what the source raised before the response had begun

    # -- the handler's task ---------------------------------------------------------------------------------------------

    async def serve(self, receive: Receive) -> None:
        """Serve the client until the stream is over. The request's handler calls this, once.

        Raises:
            HTTPError: There are as many streams as there may be.
            Exception: What the source raised before its first event. The response has not begun then.
        """
        try:
            for registry in self._registries:
                registry.check_room(self.client)
        except HTTPError:  # there are too many already
            await close_source(self._stream.generator)
            raise
        self._enter()
        try:
            async with trio.open_nursery() as nursery:
                self._scope = nursery.cancel_scope
                if self.ending is not None:  # the server was about to stop already
                    self._scope.cancel(f"stream ended: {self.ending}")
                nursery.start_soon(self._producer().run, self._source_scope, name="source of an EventStream")
                if self._revalidation is not None:
                    nursery.start_soon(self._revalidation.run, self)
                # Whatever else comes (a request body) is drained: hypercorn queues ten messages, and then blocks.
                while (await receive())["type"] != "http.disconnect":
                    pass
                self.end(Ending.DISCONNECTED)
        finally:
            self.end(Ending.CLOSED)  # if nobody has named an ending, the handler was cancelled from outside
            # Not longer than is any use: a stream that ended by itself owes its client what it has yielded.
            finite = self.ending in (Ending.COMPLETED, Ending.FAILED, Ending.EXPIRED)
            await self._writer.finish(self._stream.send_timeout if finite else FAREWELL_TIMEOUT, is_patient=finite)
            self._host.release(self)
            log_ending(self)
            for registry in self._registries:
                registry.remove(self)
        if self.error is not None:
            raise self.error

    def _enter(self) -> None:
        # First into all of the registries, because a hook may do anything with the stream.
        self._host.adopt(self)
        for registry in self._registries:
            registry.add(self)
        for registry in self._registries:
            registry.announce(self)
        if self._host.closing:
            self.end(Ending.SHUTDOWN)

    # -- from any task: neither blocks ----------------------------------------------------------------------------------

    def end(self, ending: Ending) -> None:
        """End the stream. Only the first ending counts."""
        if self.ending is not None:
            return
        self.ending = ending
        self._since = trio.current_time()
        if self._scope is not None:
            self._scope.cancel(f"stream ended: {ending}")
        if ending is Ending.DISCONNECTED:
            self._writer.stop()
        elif ending is Ending.STALLED:
            self._writer.abort()
        elif ending is Ending.SHUTDOWN and (farewell := self._registries[-1].farewell(self._kind)):
            self._writer.advise(farewell)
        if not self._source_closed:
            self._host.look_at(self, self._since + self._stream.cleanup_timeout)

    def look(self, now: float) -> float | None:
        """Do what is due at this time; return when to look again. The host calls it, for all streams from one task.

        It asks to be called again within `send_timeout`, so that a send that begins in the meantime is seen in time.
        """
        if self.ending is not None:
            return self._look_for_source(now)
        self._expires = min(self._expires, self._stream.deadline())  # the wall clock may have been set
        if now >= self._expires:
            self.end(Ending.EXPIRED)
            return None
        due = self._look_at_client(now)
        return due if due is None else min(due, self._expires)

    def _look_at_client(self, now: float) -> float | None:
        stream, writer = self._stream, self._writer
        if not writer.begun and now < self._since + stream.start_grace:
            return self._since + stream.start_grace
        writer.look(now)
        if writer.blocked_since is not None:
            if now < writer.blocked_since + stream.send_timeout:
                return min(writer.blocked_since + stream.send_timeout, now + stream.send_timeout / _LOOKS)
            self.end(Ending.STALLED)
            return None
        if not writer.begun:
            writer.write_soon()
        due = now + stream.send_timeout
        if stream.expires_at is not None:
            due = min(due, now + _WALL_CLOCK_HOLDS)
        if stream.heartbeat_interval is not None:
            if now >= writer.last_sent + stream.heartbeat_interval:
                writer.last_sent = now
                if self._revalidation is None:
                    writer.beat()
                else:
                    self._revalidation.before_heartbeat()
            due = min(due, writer.last_sent + stream.heartbeat_interval)
        return due

    def _look_for_source(self, now: float) -> float | None:
        if self._source_closed:
            return None
        if now < self._since + self._stream.cleanup_timeout:
            return self._since + self._stream.cleanup_timeout
        if not self._source_scope.shield:
            logger.warning(
                "%s: its source %s is still cleaning up %g s after the end (%s), and is not waited for",
                self._name, source_name(self._stream.generator), self._stream.cleanup_timeout, self.ending,
            )  # fmt: skip
            self._writer.complete()
        cancel_once_more(self._source_scope)
        return now + (now - self._since)  # less and less often

    def let_go(self) -> None:
        """Leave a source that does not end to those around it."""
        let_go(self._source_scope)

    def forgive(self, now: float) -> None:
        """Let a client that is behind have all its time again: the server has stood still."""
        self._writer.forgive(now)

    def beat(self) -> None:
        """Send a heartbeat."""
        self._writer.beat()

    def fail(self, error: Exception) -> None:
        """The source has raised: answer the request with that, or tell the client, if the response has begun."""
        note_asyncio(error)  # also where it is raised to the request's handler
        self._failed = True
        if self._writer.begun or self.ending is not None:
            self._writer.put_nowait(self.report("its source raised", error))
        else:
            self.error = error
            self.end(Ending.FAILED)

    def source_is_over(self) -> None:
        """The source is closed: the end of the body may follow what it has yielded."""
        self._source_closed = True
        if self.error is None:
            self._writer.complete()

    def report(self, what: str, error: Exception) -> bytes:
        """Log an error; the event that tells the client of it."""
        return report(self._name, what, error, debug=self._debug, listener=self._error_listener)

    def tell_of(self, what: str, error: Exception) -> None:
        """Tell a test client of an error that only the log has got; nobody else listens."""
        if self._error_listener is not None:
            self._error_listener(what, error)

    def snapshot(self, registry: StreamRegistry | None = None) -> StreamSnapshot:
        """What can be seen of it now. The route is known to the registry of the app that answers; default: to that one."""
        outbox = self._writer.outbox
        route = self._route if registry in (None, self._registries[-1]) else None
        return StreamSnapshot(
            self._name, route, self.client, self._stream.label, self._opened, outbox.event_count,
            outbox.byte_count, outbox.backlog, self._writer.last_sent, self.ending,
        )  # fmt: skip

    @property
    def event_count(self) -> int:
        """How many events the client has got, or will get: its source's, and reports of errors."""
        return self._writer.outbox.event_count

    @property
    def byte_count(self) -> int:
        """How many bytes these are."""
        return self._writer.outbox.byte_count

    def _end_of_writing(self, ending: Ending | None, error: Exception | None = None) -> None:
        if error is not None:
            self.tell_of("the server, or middleware, raised from send()", error)
        self.end(ending or (Ending.FAILED if self._failed else Ending.COMPLETED))

    def _producer(self) -> Producer:
        # Nothing else refers to it than its task: the two would be a circle, which only the garbage collector would find.
        return Producer(
            self._stream.generator, self, self._writer, event_type=self._stream.event_type, kind=self._kind,
            render=self._render, encode_json=self._encode_json, revalidation=self._revalidation,
        )  # fmt: skip
