"""A source for each ending, and each of them in every kind that an `EventStream` takes. All record their life."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

import trio
from recording import record, recorded

from chirp_trio import EventStream, Fragment, HTTPError


async def finite() -> AsyncGenerator[object]:
    with recorded("finite"):
        yield "first"
        yield "second"


async def quiet() -> AsyncGenerator[object]:
    with recorded("quiet"):
        yield "first"
        await trio.sleep_forever()


async def refuses() -> AsyncGenerator[object]:
    with recorded("refuses"):
        raise HTTPError(403, "this room is private")
        yield


async def raises_at_once() -> AsyncGenerator[object]:
    with recorded("raises_at_once"):
        raise ValueError("boom")
        yield


async def raises_later() -> AsyncGenerator[object]:
    with recorded("raises_later"):
        yield "first"
        await trio.sleep(0.05)
        raise ValueError("boom")


async def unsendable() -> AsyncGenerator[object]:
    with recorded("unsendable"):
        yield "first"
        yield object()
        yield "third"


async def unrenderable() -> AsyncGenerator[object]:
    with recorded("unrenderable"):
        yield "first"
        yield Fragment("dashboard.html", "stats_panel")
        yield "third"


async def flood() -> AsyncGenerator[object]:
    """Never waits for anything."""
    with recorded("flood"):
        while True:
            yield "x" * 2000
            record["flood yielded"] += 1


async def tidy() -> AsyncGenerator[object]:
    """Takes a moment to clean up."""
    with recorded("tidy"):
        try:
            yield "first"
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(0.2)


async def clinging() -> AsyncGenerator[object]:
    """Takes longer to clean up than anybody waits."""
    with recorded("clinging"):
        try:
            yield "first"
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(60)


_SOURCES = (finite, quiet, refuses, raises_at_once, raises_later, unsendable, unrenderable, flood, tidy)
SOURCES = {source.__name__: source for source in _SOURCES}

type SourceFunction = Callable[[], AsyncGenerator[object]]


def channel_of(source: SourceFunction) -> trio.MemoryReceiveChannel[object]:
    """A memory channel that a task of its own feeds until nobody receives any more."""
    send, receive = trio.open_memory_channel[object](0)
    trio.lowlevel.spawn_system_task(_feed, send, source)
    return receive


async def _feed(send: trio.MemorySendChannel[object], source: SourceFunction) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_pump, send, source)
        while send.statistics().open_receive_channels:  # noqa: ASYNC110 - a channel has no event for it
            await trio.sleep(0.01)
        nursery.cancel_scope.cancel()


async def _pump(send: trio.MemorySendChannel[object], source: SourceFunction) -> None:
    async with send, aclosing(source()) as items:
        async for item in items:
            await send.send(item)


async def with_nursery(source: SourceFunction) -> AsyncIterator[object]:
    """What kills hypercorn's worker when a handler iterates it and leaves: a nursery and a cancel scope around a yield."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        with trio.move_on_after(60):
            async with aclosing(source()) as items:
                async for item in items:
                    yield item
        nursery.cancel_scope.cancel()


KINDS = {
    "function": lambda source: source,
    "generator": lambda source: source(),
    "channel": channel_of,
    "safe-channel": lambda source: trio.as_safe_channel(source)(),
    "nursery": with_nursery,
}


def stream_of(source: str, kind: str) -> EventStream:
    """The event stream with this source, in this kind. A client may take no bytes for half a second."""
    return EventStream(KINDS[kind](SOURCES[source]), send_timeout=0.5)
