"""One stream from its first byte to its last: its nursery, its tasks, and every way to end.

    handler's task   runs the user's source (see `producer`), where the server itself says that the client has left;
                     otherwise it opens the nursery, and watches for `http.disconnect` in it
    source's task    in the nursery: runs the source then
                     (a source that needs no task, such as a subscription, has none, and so the stream no nursery)
    writer           sends all that waits, in one piece (see `writer`); a task of the app's nursery where that would block

An idle stream has no writer, and no timer of its own: the host looks at all of its streams from one task.
"""

import logging
from contextvars import copy_context

import trio

from ..asgi import Receive, Scope, error_listener
from ..compression import Compress, choose_coding
from ..errors import HTTPError
from ..htmx import for_event_source, for_htmx4
from ..logs import logger_of
from ..wire import EncodeJSON, Render
from .client import is_htmx4_stream, kind_of_client
from .description import Description, deadline, response_headers
from .host import FAREWELL_TIMEOUT, Due
from .outcome import Outcome
from .placement import ROUTE_KEY, Placement
from .producer import Producer
from .registry import StreamRegistry
from .revalidation import Revalidation
from .sender import Sender
from .snapshot import Ending, StreamSnapshot
from .source import close_source, source_name
from .waiting import ParkingSpot
from .writer import Writer

logger = logger_of("stream")

# The part of `heartbeat_interval` by which a heartbeat may be early: those of many streams share a turn, which costs more.
_EARLY = 0.01
# How often within `send_timeout` to check whether a client that is behind takes bytes.
_LOOKS = 4
# Seconds after which the wall clock is read again.
_WALL_CLOCK_HOLDS = 15.0
# Seconds for which an answer of `revalidate` is valid if there are no heartbeats.
_ANSWER_HOLDS = 15.0


class LiveStream:
    """An `EventStream` that is being served to one client.

    Attributes:
        client: The client's address; None where the server knows none.
    """

    __slots__ = (
        "_description", "_expires", "_host", "_kind", "_opened", "_outcome", "_producer", "_registries", "_revalidation",
        "_route", "_scope", "_writer", "client",
    )  # fmt: skip

    def __init__(
        self, description: Description, sender: Sender, placement: Placement, scope: Scope,
        *, render: Render | None, encode_json: EncodeJSON, compress: Compress, debug: bool,
    ) -> None:  # fmt: skip
        assert placement.host is not None
        self._description = description
        self._host = placement.host
        self._registries = registries = placement.registries  # the last is that of the app that answers
        self._route: str | None = scope.get(ROUTE_KEY)
        self.client: str | None = (scope.get("client") or (None,))[0]
        self._kind = kind = kind_of_client(scope)
        self._opened = now = trio.current_time()
        self._expires = deadline(description)
        for registry in registries:
            self._expires = min(self._expires, registry.deadline())
        self._outcome = outcome = Outcome(scope["path"], now, debug=debug, listener=error_listener(scope))
        coding = choose_coding(scope.get("headers", ()), compress)
        self._writer = writer = Writer(
            sender, placement.host, outcome, headers=response_headers(description, compress, coding),
            greeting=registries[-1].greeting(kind), context=copy_context(), coding=coding,
        )  # fmt: skip
        self._scope: trio.CancelScope | None = None  # around what ends with the stream
        self._revalidation: Revalidation | None = None
        if description.revalidate is not None:
            interval = description.heartbeat_interval or _ANSWER_HOLDS
            self._revalidation = Revalidation(description.revalidate, interval, outcome, writer)
        self._producer = Producer(
            description.generator, outcome, writer, event_type=description.event_type, kind=kind,
            render=render or (for_htmx4 if is_htmx4_stream(scope.get("headers", ())) else for_event_source),
            encode_json=encode_json, gate=self._revalidation,
        )  # fmt: skip

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
            await close_source(self._description.generator)
            raise
        self._enter()
        try:
            has_begun = self._producer.begin()
            self._host.watch(
                self, self._opened
            )  # now, so that a stream that has something to send at once is not looked at for that
            # All of it here, because an idle stream would keep the frame of a function for it.
            if self._revalidation is None and self._writer.sender.watch(receive, self._lose_client):
                if not has_begun:
                    with trio.CancelScope() as self._scope:
                        self._outcome.call_when_ended(self._stop_source)
                        await self._producer.run()
                if self._outcome.ending is None:
                    spot = ParkingSpot()
                    self._outcome.call_when_ended(spot.wake)
                    await spot.park()
            elif has_begun:
                with trio.CancelScope() as self._scope:
                    self._outcome.call_when_ended(self._stop_source)
                    # Whatever else comes (a request body) is drained: hypercorn queues ten messages, and then blocks.
                    while (await receive())["type"] != "http.disconnect":
                        pass
                    self._lose_client()
            else:
                async with trio.open_nursery() as nursery:
                    self._scope = nursery.cancel_scope
                    self._outcome.call_when_ended(self._stop_source)
                    nursery.start_soon(self._producer.run, name="source of an EventStream")
                    if self._revalidation is not None:
                        nursery.start_soon(self._revalidation.run)
                    while (await receive())["type"] != "http.disconnect":
                        pass
                    self._lose_client()
        finally:
            self.end(Ending.CLOSED)  # without an ending so far, the handler was cancelled from outside
            self._producer.close()
            # A stream that ended by itself still owes its client what it has yielded, so it waits longer.
            is_finite = self.ending in (Ending.COMPLETED, Ending.FAILED, Ending.EXPIRED)
            await self._writer.aclose(self._description.send_timeout if is_finite else FAREWELL_TIMEOUT, is_patient=is_finite)
            self._host.release(self)
            self._log_ending()
            for registry in self._registries:
                registry.remove(self)
        if self._outcome.error is not None:
            raise self._outcome.error

    def _enter(self) -> None:
        # It enters all registries before any hook runs, because a hook may do anything with the stream.
        self._host.adopt(self)
        for registry in self._registries:
            registry.add(self)
        for registry in self._registries:
            registry.announce(self)
        if self._host.is_closing:
            self.end(Ending.SHUTDOWN)

    def _log_ending(self) -> None:
        """Log how the stream ended, for people and for machines."""
        if logger.isEnabledFor(logging.DEBUG):
            seen = self.snapshot()
            fields = {
                "path": seen.path,
                "route": seen.route,
                "client": seen.client,
                "label": seen.label,
                "ending": str(seen.ending),
                "duration": trio.current_time() - seen.opened_at,
                "events": seen.events,
                "bytes": seen.bytes,
            }
            logger.debug("%s: ended, %s", seen.path, seen.ending, extra=fields)

    # -- from any task: none of them blocks -----------------------------------------------------------------------------

    def end(self, ending: Ending) -> None:
        """End the stream. Only the first ending counts."""
        if not self._outcome.end(ending):
            return
        if ending is Ending.DISCONNECTED:
            self._writer.close()
        elif ending is Ending.STALLED:
            self._writer.close(reset=True)
        elif ending is Ending.SHUTDOWN and (farewell := self._registries[-1].farewell(self._kind)):
            self._writer.put_joined(farewell, 0)

    def _lose_client(self) -> None:
        self.end(Ending.DISCONNECTED)

    def _stop_source(self) -> None:
        """Cancel the source, since the stream has ended; at the end of `cleanup_timeout` the host looks at it again."""
        assert self._scope is not None
        self._scope.cancel(f"stream ended: {self.ending}")
        if not self._outcome.is_source_closed:
            self._host.look_at(self, Due(self._outcome.since + self._description.cleanup_timeout))

    def look(self, now: float) -> Due | None:
        """Do what is due at this time; return when to look again. The host calls it, for all streams from one task.

        It asks to be called again within `send_timeout`, so that a send that begins in the meantime is seen in time.
        """
        if self._outcome.ending is not None:
            return self._look_at_source(now)
        if self._description.expires_at is not None:  # the wall clock may have been adjusted meanwhile
            self._expires = min(self._expires, deadline(self._description))
        if now >= self._expires:
            self.end(Ending.EXPIRED)
            return None
        due = self._look_at_client(now)
        return due if due is None or due.at <= self._expires else Due(self._expires)

    def _look_at_client(self, now: float) -> Due | None:
        told, writer, sender = self._description, self._writer, self._writer.sender
        if not writer.begun and now < self._opened + told.start_grace:
            return Due(self._opened + told.start_grace)
        sender.look(now)
        if sender.blocked_since is not None:
            if now < sender.blocked_since + told.send_timeout:
                return Due(min(sender.blocked_since + told.send_timeout, now + told.send_timeout / _LOOKS))
            self.end(Ending.STALLED)
            return None
        if not writer.begun:
            writer.write_soon()
        due = now + told.send_timeout
        if told.expires_at is not None:
            due = min(due, now + _WALL_CLOCK_HOLDS)
        if told.heartbeat_interval is None:
            return Due(due)
        early = told.heartbeat_interval * _EARLY
        if now >= writer.last_sent + told.heartbeat_interval - early:
            writer.last_sent = now
            if self._revalidation is None:
                writer.beat()
            else:
                self._revalidation.before_heartbeat()
        heartbeat = writer.last_sent + told.heartbeat_interval
        return Due(heartbeat, heartbeat - early) if heartbeat < due else Due(due)

    def _look_at_source(self, now: float) -> Due | None:
        outcome, timeout = self._outcome, self._description.cleanup_timeout
        if outcome.is_source_closed:
            return None
        if now < outcome.since + timeout:
            return Due(outcome.since + timeout)
        if not self._producer.is_held:
            logger.warning(
                "%s: its source %s is still cleaning up %g s after the end (%s), and is not waited for",
                outcome.path, source_name(self._description.generator), timeout, outcome.ending,
            )  # fmt: skip
            self._writer.end()
        self._producer.cancel_once_more()
        return Due(now + (now - outcome.since))  # less and less often

    def let_go(self) -> None:
        """Leave a source that does not end to the scopes around it."""
        self._producer.let_go()

    def forgive(self, now: float) -> None:
        """Let a client that is behind have all its time again: the server has stood still."""
        self._writer.sender.forgive(now)

    def tell_listener(self, what: str, error: Exception) -> None:
        """Report an error that is otherwise only logged to a test client, if there is one."""
        self._outcome.tell_listener(what, error)

    # -- what can be seen of it -----------------------------------------------------------------------------------------

    @property
    def ending(self) -> Ending | None:
        """How it ended; None while it is open."""
        return self._outcome.ending

    @property
    def event_count(self) -> int:
        """How many events the client has got, or will get: its source's, and reports of errors."""
        return self._writer.event_count + len(self._writer.outbox)

    @property
    def byte_count(self) -> int:
        """How many bytes these are."""
        return self._writer.byte_count + self._writer.outbox.backlog

    def snapshot(self, registry: StreamRegistry | None = None) -> StreamSnapshot:
        """A snapshot for one registry; only that of the app that answers, the default, knows the route."""
        writer = self._writer
        route = self._route if registry in (None, self._registries[-1]) else None
        return StreamSnapshot(
            self._outcome.path, route, self.client, self._description.label, self._opened, self.event_count,
            self.byte_count, writer.outbox.backlog, writer.last_sent, writer.first_event_at, self._outcome.ending,
        )  # fmt: skip
