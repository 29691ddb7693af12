"""The source of one stream: its task runs the user's source, and what that yields goes to the writer.

A source of the library's own may need no task: see `push_source`.
"""

from collections.abc import AsyncGenerator, Awaitable

import trio

from ..errors import sole
from ..failures import failure_of, reraise, split_failure
from ..habits import note_habit
from ..wire import DATA_EVENT, PLAIN, EncodeJSON, Render, encode_data, encode_id, encode_item, is_event
from .client import ClientKind
from .outcome import Outcome
from .push_source import Feed, PushSource, feed_from, push_source
from .revalidation import Revalidation
from .snapshot import Ending
from .source import Reading, Source, call_source, close_source, open_source, place_listener, source_name
from .writer import Writer


class Producer:
    """Runs the source of one stream. For a `PushSource`, which puts its events into the stream itself, it is the `Sink`.

    Args:
        source: The source.
        outcome: The state of the stream, which ends where its source fails.
        writer: Takes what the source yields.
        event_type: The event name of items that have none of their own.
        kind: What kind of client there is.
        render: Turns fragments and HTML into text for it.
        encode_json: Turns a value into JSON.
        gate: The check that each event has to pass (`revalidate`); None if there is none.
    """

    __slots__ = (
        "_encode_json", "_feed", "_outcome", "_place", "_scope", "_source", "event_type", "gate", "kind", "render", "writer",
    )  # fmt: skip

    def __init__(
        self,
        source: Source,
        outcome: Outcome,
        writer: Writer,
        *,
        event_type: str | None,
        kind: ClientKind,
        render: Render,
        encode_json: EncodeJSON,
        gate: Revalidation | None,
    ) -> None:
        self._source = source
        self._outcome = outcome
        self._encode_json = encode_json
        self._feed: Feed | None = None  # where there is no task
        self._scope: trio.CancelScope | None = None  # around the task's work
        self._place: ClientPlace | None = None  # where the source is a generator
        self.writer = writer
        self.event_type = event_type
        self.kind = kind
        self.render = render
        self.gate = gate

    # -- without a task ---------------------------------------------------------------------------------------------------

    def begin(self) -> bool:
        """Begin without a task, if the source can do that; whether it has, or has failed in it. If not, `run()` does it."""
        if self.gate is not None or not isinstance(self._source, PushSource) or self._outcome.ending is not None:
            return False
        try:
            feed = feed_from(self._source, self)
        except BaseException as raised:
            self.end(failure_of(raised))
            return True
        if not self._outcome.is_source_closed:  # as it is where there is no more than it has put by now
            self._feed = feed
        return feed is not None

    def close(self) -> None:
        """Close a source that has begun without a task, if it has not ended yet."""
        if self._feed is not None:
            self._feed.close()
            self.end(None)

    def end(self, error: Exception | None) -> None:
        """See `Sink`."""
        self._feed = None
        if error is not None:
            self._fail(sole(error))
        self._note_end()

    # -- the source's task ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run the source to its end, and then let the writer end the body. In its own task, or in that of the handler."""
        try:
            with trio.CancelScope() as self._scope:
                await self._run_source()
        except BaseException as raised:
            signal, failure = split_failure(raised)
            try:
                if signal is not None:
                    self._outcome.end(Ending.CLOSED)  # without an ending so far, the cancellation comes from outside
                if failure is not None:
                    self._fail(sole(failure))
                if signal is not None:
                    reraise(signal)
            finally:
                del signal, failure  # break the cycle: the exception holds this frame
        finally:
            if self._place is not None:
                self._place.close()
            self._note_end()

    def _note_end(self) -> None:
        self._outcome.is_source_closed = True
        if self._outcome.error is None:
            self.writer.end()

    async def send(self, item: object) -> None:
        """See `Sink`."""
        if self.gate is not None:
            await self.gate.ask()
        if not self.put(item):
            await self.writer.wait_for_space()

    # -- a source that does not end ---------------------------------------------------------------------------------------

    @property
    def is_held(self) -> bool:
        """Whether the source has been cancelled once more."""
        return self._scope is not None and self._scope.shield

    def cancel_once_more(self) -> None:
        """Cancel a source that has swallowed its cancellation once more, and let it wait until the next call.

        A source that is cancelled gets `trio.Cancelled` wherever it would wait. One that swallows that in a loop would
        never wait again, and keep the processor from others. The shield lasts until the next call, or until `let_go()`.
        """
        if self._scope is not None:
            self._scope.shield = False
            self._scope.shield = True

    def let_go(self) -> None:
        """Let every cancellation from outside reach the source again, because the host looks after it no longer."""
        if self._scope is not None:
            self._scope.shield = False

    # -- what it yields -----------------------------------------------------------------------------------------------------

    def _run_source(self) -> Awaitable[None]:
        # Not async itself: an idle stream keeps the frame of every function that waits for it.
        if self._outcome.ending is not None:
            return close_source(self._source)
        if not isinstance(source := self._source, PushSource):
            self._place = ClientPlace(self.kind, self.writer)
            source = call_source(source)
        if isinstance(source, PushSource):
            return push_source(source, self)
        return self._run_generator(open_source(source, self._source))

    async def _run_generator(self, items: AsyncGenerator[object]) -> None:
        is_warned = False  # that the stream is over
        thrown: list[Awaitable[object]] = []  # one at most, taken out: it holds the error, which would hold this frame
        gate, put = self.gate, self.put
        async for yielded in items:  # not `await items.__anext__()`, which takes twice the time
            item = yielded
            while True:
                # What is raised while the source stands at its `yield` belongs there: a Cancelled may be that of a scope or
                # a nursery of the source's own, which has to see it. It is not swallowed: the source raises it again, or had
                # it coming. So no way out of this loop leaves the source open; one that goes on all the same is closed.
                try:
                    if (gate is None or await gate.allows()) and not put(item):
                        await self.writer.wait_for_space()
                    break
                except BaseException as error:
                    if is_warned:
                        await self._close(items)
                        raise
                    is_warned = self._outcome.ending is not None
                    thrown.append(items.athrow(error))
                try:
                    item = await thrown.pop()
                except StopAsyncIteration:
                    return

    async def _close(self, items: AsyncGenerator[object]) -> None:
        try:
            await items.aclose()
        except RuntimeError as error:  # it has yielded once more
            name = source_name(self._source)
            raise RuntimeError(f"the source {name} goes on, although it was cancelled and closed: {error}") from error

    def put(self, item: object) -> bool:
        """See `Sink`. An item that cannot be sent is left out, and reported."""
        try:
            # As below, in a quarter of the time.
            if type(item) in PLAIN and self.event_type is None and (self._place is None or self._place.reading is None):
                event = DATA_EVENT % self._encode_json(item) if type(item) is dict else encode_data(item, self._encode_json)
            else:
                is_block = self.kind.has_id_at_blank_line
                event = encode_item(item, self.event_type, self.render, self._encode_json, has_id_at_blank_line=is_block)
                event = event if self._place is None else self._place.mark(event)
                if not is_event(item):
                    return self.writer.put_joined(event, 0)
        except BaseException as raised:
            event = self._outcome.report("an item of its source cannot be sent", failure_of(raised))
        outbox = self.writer.outbox
        if not outbox.backlog:  # as in the writer's own `put()`: an item shall not pay for the call
            self.writer.write_soon()
        return outbox.put(event)

    def _fail(self, error: Exception) -> None:
        """Answer the request with what the source has raised, or tell the client, if the response has begun."""
        note_habit(error)  # also where it is raised to the request's handler
        self._outcome.has_failed = True
        if self.writer.begun or self._outcome.ending is not None:
            self.writer.put(self._outcome.report("its source raised", error))
        else:
            self._outcome.error = error
            self._outcome.end(Ending.FAILED)


class ClientPlace:
    """The ids that the client of a generator is told in addition to those of its events.

    A source that yields what it reads, from a topic for instance, gives its client an id with each event; this gives it one
    before the first. But nobody knows yet what the source will yield. If its first item has no id, then the ids of what it
    reads are not its client's: to come back with the first one would be to get everything again. So the client is told to
    forget it.

    Args:
        kind: How the client is told.
        writer: Tells it. That must not begin the response: the source may still raise an error.

    Attributes:
        reading: What the source reads of which the client knows the place; None if there is nothing to say of it.
    """

    __slots__ = ("_is_settled", "_kind", "_task", "_token", "_writer", "reading")

    def __init__(self, kind: ClientKind, writer: Writer) -> None:
        self._kind = kind
        self._writer = writer
        self._task = trio.lowlevel.current_task()
        self.reading: Reading | None = None
        self._is_settled = False  # its items say everything from here on
        self._token = place_listener.set(self._begin)

    def close(self) -> None:
        """Listen no longer: the task may go on to something else."""
        place_listener.reset(self._token)

    def mark(self, event: bytes) -> bytes:
        """An encoded item, with what has to be said of the client's place in front of it."""
        if self._is_settled or (self.reading is None and event.startswith(b"data")) or event.startswith(b":"):
            return event
        if _has_id(event):
            self._settle()
        elif self.reading is not None and self.reading.has_begun:
            self._settle()
            return encode_id("", is_block=False) + event
        return event

    def _begin(self, id: str, reading: Reading) -> None:
        if self._is_settled or not self._is_ours(trio.lowlevel.current_task()):
            return
        if self.reading is not None:  # with two subscriptions there is no single place
            self._settle()
            id = ""
        else:
            self.reading = reading
        self._writer.put_place(self._kind.encode_place(id))

    def _settle(self) -> None:
        self._is_settled = True
        self.reading = None  # the reader is closed when its user drops it

    def _is_ours(self, task: trio.lowlevel.Task | None) -> bool:
        """Whether a task is the source's or one that the source waits for. Other tasks may have inherited its context."""
        while task is not None and task is not self._task:
            nursery = task.parent_nursery
            task = nursery.parent_task if nursery is not None else None
        return task is not None


def _has_id(event: bytes) -> bool:
    # Only the field with the event's name may come before it.
    return event.startswith(b"id: ", event.index(b"\n") + 1 if event.startswith(b"event: ") else 0)
