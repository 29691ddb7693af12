"""The source's task of one stream: it runs the user's source, and what that yields goes to the writer."""

from collections.abc import AsyncGenerator
from typing import Protocol

import trio

from ..errors import sole
from ..failures import failure_of, reraise, split_failure
from ..wire import EncodeJSON
from .client import ClientKind
from .ending import Ending
from .items import Render, encode_item, is_event
from .place import ClientPlace
from .pushed import PushSource, Sink
from .revalidation import Asked, Revalidation, StreamGate
from .source import Source, call_source, close_source, open_source, source_name
from .writer import Writer


class Served(Asked, Protocol):
    """The stream, as its source's task sees it."""

    error: Exception | None

    def fail(self, error: Exception) -> None:
        """The source has raised."""

    def report(self, what: str, error: Exception) -> bytes:
        """Log an error; the event that tells the client of it."""

    def source_is_over(self) -> None:
        """The source is closed."""


class Producer:
    """What runs the source of one stream.

    Args:
        source: The source.
        served: The stream.
        writer: Takes what the source yields.
        event_type: The event name of items that have none of their own.
        kind: What kind of client there is.
        render: Turns fragments and HTML into text for it.
        encode_json: Turns a value into JSON.
        revalidation: What asks whether the stream may go on; None if nobody is to be asked.
    """

    __slots__ = (
        "_encode_json", "_event_type", "_kind", "_place", "_render", "_revalidation", "_served", "_source", "_writer",
    )  # fmt: skip

    def __init__(
        self,
        source: Source,
        served: Served,
        writer: Writer,
        *,
        event_type: str | None,
        kind: ClientKind,
        render: Render,
        encode_json: EncodeJSON,
        revalidation: Revalidation | None,
    ) -> None:
        self._source = source
        self._served = served
        self._writer = writer
        self._event_type = event_type
        self._kind = kind
        self._render = render
        self._encode_json = encode_json
        self._revalidation = revalidation
        self._place: ClientPlace | None = None  # where the source is a generator

    async def run(self, scope: trio.CancelScope) -> None:
        """Run the source to its end in this scope; tell the stream of that."""
        try:
            with scope:
                await self._run_source()
        except BaseException as raised:
            signal, failure = split_failure(raised)
            try:
                if signal is not None:
                    self._served.end(Ending.CLOSED)  # if nobody has named an ending, this comes from outside
                if failure is not None:
                    self._served.fail(sole(failure))
                if signal is not None:
                    reraise(signal)
            finally:
                del signal, failure  # what is raised holds this frame
        finally:
            self._served.source_is_over()

    async def _run_source(self) -> None:
        if self._served.ending is not None:
            await close_source(self._source)
            return
        if not isinstance(source := self._source, PushSource):
            self._place = ClientPlace(self._kind, self._writer.tell_place)
            source = call_source(source)
        if isinstance(source, PushSource):
            await source.push(self._sink())
            return
        await self._run_generator(open_source(source))

    async def _run_generator(self, items: AsyncGenerator[object]) -> None:
        is_warned = False  # that the stream is over
        steps = [items.__anext__()]  # one at most, taken out: it may hold the error that would hold this frame
        while True:
            try:
                item = await steps.pop()
            except StopAsyncIteration:
                return
            # What is raised while the source stands at its `yield` belongs there: a Cancelled may be that of a scope or a
            # nursery of the source's own, which has to see it. It is not swallowed: the source raises it again, or had it
            # coming. So no way out of this loop leaves the source open; one that goes on all the same is closed.
            try:
                if (self._revalidation is None or await self._revalidation.allows(self._served)) and not self._accept(item):
                    await self._writer.outbox.wait_for_space()
            except BaseException as error:
                if is_warned:
                    await self._close(items)
                    raise
                is_warned = self._served.ending is not None
                steps.append(items.athrow(error))
            else:
                steps.append(items.__anext__())

    async def _close(self, items: AsyncGenerator[object]) -> None:
        try:
            await items.aclose()
        except RuntimeError as error:  # it has yielded once more
            name = source_name(self._source)
            raise RuntimeError(f"the source {name} goes on, although it was cancelled and closed: {error}") from error

    def _sink(self) -> Sink:
        writer = self._writer
        return Sink(
            writer.put_nowait, writer.put_joined_nowait, writer.outbox.wait_for_space, self._accept, self._kind,
            self._event_type, self._render, StreamGate(self._revalidation, self._served) if self._revalidation else None,
        )  # fmt: skip

    def _accept(self, item: object) -> bool:
        """Send one item; whether there is room for more. An item that cannot be sent costs only itself."""
        try:
            event = encode_item(item, self._event_type, self._render, self._encode_json, self._kind)
            event = event if self._place is None else self._place.mark(event)
            if not is_event(item):
                return self._writer.put_joined_nowait(event, 0)
        except BaseException as raised:
            event = self._served.report("an item of its source cannot be sent", failure_of(raised))
        return self._writer.put_nowait(event)


def cancel_once_more(scope: trio.CancelScope) -> None:
    """Cancel what has swallowed its cancellation, once, and let it wait until the next time.

    A source that is cancelled gets `trio.Cancelled` wherever it would wait. One that swallows that in a loop would never
    wait again, and keep the processor from others. The shield lasts until the next call, or until `let_go()`.

    Args:
        scope: What is around the source, in a scope that is cancelled.
    """
    scope.shield = False
    scope.shield = True


def let_go(scope: trio.CancelScope) -> None:
    """Let every cancellation from outside reach the source again: nobody will look after it any longer."""
    scope.shield = False
