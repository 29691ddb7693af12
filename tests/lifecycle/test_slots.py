"""Slots come back: whatever comes between any two steps of a stream, the app has as many streams as before, and room."""

from contextlib import suppress

import pytest
import trio

from chirp_trio import AppConfig
from chirp_trio.testing import AppError, TestClient
from tests.lifecycle.scenes import Source, app_of, tasks
from tests.lifecycle.test_cancel_everywhere import Interruption

ONE = AppConfig(max_streams=1, max_streams_per_client=1)


async def allowed() -> bool:
    await trio.lowlevel.checkpoint()
    return True


SCENARIOS = {
    "events": lambda: Source("a", "x" * 5000, "x" * 5000, "b", then="end"),
    "error": lambda: Source("a", then="raise"),
    "error before the first event": lambda: Source(then="raise"),
    "idle": lambda: Source(then="wait"),
    "cleanup": lambda: Source("a", cleanup=1),
}


@pytest.mark.parametrize("kind", ["handler cancelled", "client left", "server stops", "closed"])
@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_a_slot_comes_back_after_an_interruption_at_every_step(autojump_clock, scenario, kind):
    step = 0
    happened = True
    while happened:
        step += 1
        happened = await interrupted_at(step, SCENARIOS[scenario](), kind)
    assert step > 10, "the scenario has steps to be interrupted at"


async def interrupted_at(step: int, source: Source, kind: str) -> bool:
    """Run the scenario, interrupted at this step; whether it got that far."""
    before = tasks()
    interruption = Interruption(step)
    handler = trio.CancelScope()
    inner = app_of(source, config=ONE, heartbeat_interval=1, revalidate=allowed)
    told: list[str] = []
    inner.on_open(lambda stream: told.append("open"))
    inner.on_close(lambda stream: told.append(f"close {stream.ending}"))

    async def app(scope, receive, send):
        with handler if scope["type"] == "http" else trio.CancelScope():
            await inner(scope, receive, send)

    trio.lowlevel.add_instrument(interruption)
    try:
        async with TestClient(app) as client:
            stopping = trio.CancelScope()
            interruption.interrupt = {
                "handler cancelled": handler.cancel,
                "client left": stopping.cancel,
                "server stops": client.drain,
                "closed": lambda: inner.streams.close(lambda _: True),
            }[kind]
            with stopping, trio.move_on_after(5), suppress(AppError):
                await client.sse("/", timeout=100)
            interruption.interrupt = None
    finally:
        trio.lowlevel.remove_instrument(interruption)

    assert tasks() == before, f"step {step}: a task is left"
    assert source.closed == source.opened <= 1, f"step {step}: opened {source.opened} times, closed {source.closed} times"
    assert list(inner.streams) == [], f"step {step}: a stream is left"
    assert inner.streams.opened == sum(inner.streams.ended.values()) <= 1
    assert len(told) == 2 * inner.streams.opened, f"step {step}: {told}"
    async with TestClient(inner) as client:
        again = await client.sse("/", disconnect_after=0.5)
    assert again.status in (200, 500), f"step {step}: a slot is left, {again}"
    return interruption.happened
