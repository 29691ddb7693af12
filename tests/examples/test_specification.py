"""The specification's three programs, as the examples have them."""

import importlib
import re
import sys
from pathlib import Path

import pytest
import trio

from chirp_trio.testing import TestClient

FOLDER = Path(__file__).parents[2] / "examples" / "specification"


@pytest.fixture(autouse=True)
def _as_its_readers_have_it(monkeypatch):
    """Modules that import one another by their plain names; each test has its own."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield
    for name in ("events", "notifications", "live_dashboard", "htmx"):
        sys.modules.pop(name, None)


async def test_events_sends_a_json_object_a_second(autojump_clock):
    app = importlib.import_module("events").app
    async with TestClient(app) as client:
        result = await client.sse("/events", max_events=3)
    assert len(result.events) == 3
    assert result.duration == pytest.approx(3)
    assert all('"status":"ok"' in event.data for event in result.events)


async def test_a_notification_that_is_posted_reaches_everybody(autojump_clock):
    app = importlib.import_module("notifications").app
    async with (
        TestClient(app) as client,
        client.stream_sse("/notifications") as one,
        client.stream_sse("/notifications") as other,
    ):
        response = await client.post("/", data={"message": "<b>New</b> mail"})
        assert response.status_code == 204
        for stream in (one, other):
            event = await stream.next_event(timeout=1)
            assert event.event == "notification"
            assert "&lt;b&gt;New&lt;/b&gt; mail" in event.data


async def test_a_reader_that_has_left_costs_the_bus_nothing(autojump_clock):
    notifications = importlib.import_module("notifications")
    async with TestClient(notifications.app) as client:
        await client.sse("/notifications", disconnect_after=1)
        assert len(notifications.notification_bus._subscriptions) == 0


async def test_a_reader_that_does_not_read_misses_the_oldest_notifications(autojump_clock):
    notifications = importlib.import_module("notifications")
    subscription = notifications.notification_bus.subscribe()
    for number in range(1000):
        notifications.notification_bus.publish(str(number))
    assert (await anext(subscription)).message == "900"


async def test_the_dashboard_sends_its_panel_every_five_seconds(autojump_clock):
    app = importlib.import_module("live_dashboard").app
    async with TestClient(app) as client, client.stream_sse("/dashboard/live") as stream:
        for second in (0, 5, 10):
            event = await stream.next_event()
            assert trio.current_time() == pytest.approx(second)
            assert event.event == "stats-update"
            assert "<dt>Load</dt>" in event.data


async def test_the_dashboard_is_complete_before_the_first_event(autojump_clock):
    app = importlib.import_module("live_dashboard").app
    async with TestClient(app) as client:
        page = (await client.get("/")).text
    assert re.search(r"<dt>Tasks</dt><dd>\d+</dd>", page)


@pytest.mark.parametrize("name", ["events", "notifications", "live_dashboard"])
@pytest.mark.parametrize("generation", ["2", "4"])
async def test_a_page_loads_the_scripts_of_its_generation(autojump_clock, name, generation):
    app = importlib.import_module(name).app
    async with TestClient(app) as client:
        page = (await client.get("/", params={"htmx": generation})).text
        scripts = re.findall(r'<script src="([^"]+)">', page)
        assert len(scripts) == 2
        for script in scripts:
            response = await client.get(script)
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/javascript")
    assert f"htmx-{generation}" in scripts[0]


async def test_no_other_file_is_served(autojump_clock):
    app = importlib.import_module("events").app
    async with TestClient(app) as client:
        assert (await client.get("/static/README.md")).status_code == 404
