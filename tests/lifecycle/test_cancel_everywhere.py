"""One stream, interrupted at its first step, its second, its third …, until it gets through uninterrupted.

A step is what a task does between two checkpoints. Whatever comes between any two of them, the source's `finally` runs
once, no task is left, the stream ends once, and nothing is logged that should not be.
"""

import logging
from collections.abc import AsyncIterator

import pytest
import trio

from chirp_trio import App, EventStream, Topic, merge
from chirp_trio.stream.push_source import PushSource, push_source
from chirp_trio.testing import cancel_everywhere
from chirp_trio.topics.topic import audience_of
from tests.lifecycle.scenes import Call, Source, endings, logged, tasks


class BothKinds(Source):
    """A source with a nursery and a scope of its own around its yields, and a cleanup that awaits."""

    async def __call__(self):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            items = super().__call__()
            try:
                with trio.move_on_after(1000):
                    async for item in items:
                        yield item
            finally:
                with trio.move_on_after(1, shield=True):
                    await trio.lowlevel.checkpoint()
                    await items.aclose()
            nursery.cancel_scope.cancel()


class Feed(PushSource):
    """A subscription to a topic of its own that gets events, from the start or while it waits; counts as `Source` does."""

    def __init__(self, *, history: int, later: int, size: int) -> None:
        self.topic = Topic("feed")
        self.subscription: PushSource = self.topic.subscribe()
        self.later = later
        self.text = "x" * size
        for _ in range(history):
            self.topic.publish_nowait(self.text)
        self.then = "end"
        self.opened = self.closed = 0
        self.ended_by: list[str] = []

    def __aiter__(self) -> AsyncIterator[object]:
        return aiter(self.subscription)

    async def _push(self, sink) -> None:
        self.opened += 1
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.publish)
                await push_source(self.subscription, sink)
        except BaseException as error:
            self.ended_by.append(type(error).__name__)
            raise
        finally:
            assert self.topic.subscribers == 0
            assert not audience_of(self.topic).seats
            self.closed += 1

    async def publish(self) -> None:
        for _ in range(self.later):
            await trio.sleep(0.5)
            self.topic.publish_nowait(self.text)
        self.topic.close()


class MergedFeed(Feed):
    """A subscription to two topics, one of which is silent."""

    def __init__(self, *, history: int, later: int, size: int) -> None:
        super().__init__(history=history, later=later, size=size)
        self.silent = Topic("silent")
        self.subscription = merge(self.silent.subscribe(self.silent.cursor), self.topic.subscribe(replay=history))
        self.silent.close()


# What the log may give as the reason where the interruption reached the source.
REASONS = {
    "handler cancelled": {"closed"},
    "client left": {"disconnected"},
    "server stops": {"shutdown"},
    "everything cancelled": {"closed", "disconnected", "shutdown"},
}


def scenarios():
    big = "x" * 9000  # more than may wait for a client, so the source has to wait for it
    for make in (Source, BothKinds):
        for then in ("end", "raise", "wait"):
            yield pytest.param(lambda make=make, then=then: make("a", big, "b", then=then), id=f"{make.__name__}-{then}")
    yield pytest.param(lambda: Source("a", "b", pause=1.2, then="end"), id="heartbeats")
    yield pytest.param(lambda: Source(then="wait"), id="idle")
    yield pytest.param(lambda: Source(then="raise"), id="error before the first event")
    yield pytest.param(lambda: Feed(history=0, later=2, size=10), id="a subscription that gets events")
    yield pytest.param(lambda: Feed(history=4, later=2, size=5000), id="a subscription that is behind")
    yield pytest.param(lambda: MergedFeed(history=2, later=2, size=5000), id="two topics merged")


@pytest.mark.parametrize("kind", REASONS)
@pytest.mark.parametrize("make_source", list(scenarios()))
async def test_a_stream_survives_an_interruption_at_every_step(autojump_clock, caplog, make_source, kind):
    caplog.set_level(logging.DEBUG, logger="chirp_trio.stream")
    before = tasks()
    calls: list[Call] = []
    app = App()  # of all calls, because to make one takes as long as many of their steps

    @app.route("/")
    async def stream() -> EventStream:
        return EventStream(calls[-1].source, heartbeat_interval=1, send_timeout=50)

    async def scenario() -> None:
        calls.append(Call(make_source(), app=app))
        await calls[-1]()

    def check() -> None:
        source = calls[-1].source
        assert source.closed == source.opened <= 1
        assert tasks() == before, "a task is left"
        assert not app.streams, "a stream is left"
        assert len(endings(caplog)) <= 1
        if "Cancelled" in source.ended_by:
            # A source that waits for ever is left by the client after a while, if nothing else comes first.
            allowed = REASONS[kind] | ({"disconnected"} if source.then == "wait" else set())
            assert set(endings(caplog)) <= allowed
        expected = {"/: its source raised", "GET / failed"} if source.then == "raise" else set()
        unexpected = [message for message in logged(caplog, logging.INFO) if message.partition(" (")[0] not in expected]
        assert not unexpected
        caplog.clear()

    interrupt = None if kind == "everything cancelled" else lambda: calls[-1].interrupt(kind)
    steps = await cancel_everywhere(scenario, check=check, interrupt=interrupt)
    assert steps > 10, "the scenario has steps to be interrupted at"
