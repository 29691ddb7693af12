"""Slots come back: whatever comes between any two steps of a stream, the app has as many streams as before, and room."""

import pytest
import trio

from chirp_trio import AppConfig
from chirp_trio.testing import cancel_everywhere
from tests.lifecycle.scenes import Call, Source, app_of, tasks

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
@pytest.mark.parametrize("make_source", SCENARIOS.values(), ids=SCENARIOS)
async def test_a_slot_comes_back_after_an_interruption_at_every_step(autojump_clock, make_source, kind):
    before = tasks()
    calls: list[Call] = []
    told: list[str] = []
    app = app_of(lambda: calls[-1].source(), config=ONE, heartbeat_interval=2, revalidate=allowed)
    app.on_open(lambda stream: told.append("open"))
    app.on_close(lambda stream: told.append(f"close {stream.ending}"))

    async def scenario() -> None:
        calls.append(Call(make_source(), app=app))
        await calls[-1]()

    def check() -> None:
        source = calls[-1].source
        assert tasks() == before, "a task is left"
        assert source.closed == source.opened <= 1
        assert list(app.streams) == [], "a stream is left"
        assert app.streams.refused == 0, "a slot was left by the call before"
        assert app.streams.opened == sum(app.streams.ended.values()) <= len(calls)
        assert len(told) == 2 * app.streams.opened

    steps = await cancel_everywhere(scenario, check=check, interrupt=lambda: calls[-1].interrupt(kind))
    assert steps > 10, "the scenario has steps to be interrupted at"
    assert calls[-1].status in (None, 200, 500), "the last call, which is not interrupted, has a slot"
