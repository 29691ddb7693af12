"""`expires_at`, and a wall clock that is set while the stream goes on."""

import logging
import time
from datetime import UTC, datetime, timedelta

import pytest
import trio

from .scenes import Source, client_of, endings


class WallClock:
    """What `time.time()` says: as much as trio's clock, and what it was set forward by."""

    def __init__(self):
        self.began = 1_800_000_000.0
        self.set_by = 0.0

    def __call__(self):
        return self.began + self.set_by + trio.current_time()


@pytest.fixture
def wall_clock(monkeypatch):
    clock = WallClock()
    monkeypatch.setattr(time, "time", clock)
    return clock


@pytest.mark.parametrize("options", [{}, {"heartbeat_interval": None}, {"heartbeat_interval": None, "send_timeout": 1e6}])
@pytest.mark.parametrize(
    ("set_by", "ends_after"), [(0, 3600), (3000, 600), (100_000, 100), (-3600, 3600)], ids=["not", "forward", "past", "back"]
)
async def test_a_stream_ends_by_the_wall_clock_when_that_is_set(
    autojump_clock, caplog, wall_clock, options, set_by, ends_after
):
    """Within a quarter of a minute; and by trio's own clock, if that is earlier, so that it gains nobody any time."""
    caplog.set_level(logging.DEBUG, logger="chirp_trio")
    expires_at = datetime.fromtimestamp(wall_clock.began, UTC) + timedelta(hours=1)
    async with client_of(Source("one"), expires_at=expires_at, **options) as client, client.stream_sse("/") as stream:
        await trio.sleep(100)
        wall_clock.set_by = set_by
        if ends_after > 100:
            await trio.sleep(ends_after - 101)
            assert endings(caplog) == []
        assert [event async for event in stream] == stream.events
        assert ends_after - 0.001 <= trio.current_time() <= ends_after + 15

    assert endings(caplog) == ["expired"]
