"""Every page of the examples fits the streams that it opens, for both generations of htmx."""

import importlib
import sys
from pathlib import Path

import chat
import dashboard
import log_tail
import pytest

from chirp_trio.testing import TestClient, assert_sse_wired

FOLDER = Path(__file__).parents[2] / "examples" / "specification"


@pytest.fixture(autouse=True)
def _each_test_has_modules_of_its_own(monkeypatch):
    """The specification's examples, which import one another by their plain names."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield
    for name in ("events", "notifications", "live_dashboard", "htmx"):
        sys.modules.pop(name, None)


GENERATIONS = pytest.mark.parametrize(
    ("htmx", "headers"), [(2, {}), (4, {"HX-Request": "true", "Accept": "text/html, text/event-stream"})]
)


@GENERATIONS
async def test_the_dashboard(autojump_clock, htmx, headers):
    async with TestClient(dashboard.app) as client:
        page = await client.get(f"/?htmx={htmx}")
        assert_sse_wired(page, await client.sse("/live", disconnect_after=5, headers=headers), htmx=htmx)


@GENERATIONS
async def test_the_chat_room(autojump_clock, htmx, headers):
    headers = {**headers, "Cookie": "name=Ada"}
    async with TestClient(chat.app) as client:
        page = await client.get(f"/?htmx={htmx}", headers=headers)
        async with client.stream_sse("/live", headers=headers) as stream:
            await stream.next_event()
            await client.post("/messages", data={"text": "Hello"}, headers=headers)
            await stream.next_event()
            assert_sse_wired(page, stream, htmx=htmx)


@GENERATIONS
async def test_the_log(autojump_clock, monkeypatch, tmp_path, htmx, headers):
    monkeypatch.setenv("LOG_FILE", str(tmp_path / "app.log"))
    monkeypatch.setattr(log_tail, "MOST", 2)
    async with TestClient(log_tail.app) as client:
        page = await client.get(f"/?htmx={htmx}")
        async with client.stream_sse("/live", headers=headers) as stream:
            await stream.next_event()
            (tmp_path / "app.log").write_text("one\n")
            await stream.next_event()
            (tmp_path / "app.log").rename(tmp_path / "app.log.1")
            (tmp_path / "app.log").write_text("two\n")
            async for _ in stream:
                pass
            assert_sse_wired(page, stream, htmx=htmx)


@GENERATIONS
@pytest.mark.parametrize(("name", "url"), [("events", "/events"), ("live_dashboard", "/dashboard/live")])
async def test_the_specification(autojump_clock, name, url, htmx, headers):
    async with TestClient(importlib.import_module(name).app) as client:
        page = await client.get(f"/?htmx={htmx}")
        assert_sse_wired(page, await client.sse(url, disconnect_after=6, headers=headers), htmx=htmx)


@GENERATIONS
async def test_the_notifications(autojump_clock, htmx, headers):
    async with TestClient(importlib.import_module("notifications").app) as client:
        page = await client.get(f"/?htmx={htmx}")
        async with client.stream_sse("/notifications", headers=headers) as stream:
            await client.post("/", data={"message": "New mail"})
            await stream.next_event()
            assert_sse_wired(page, stream, htmx=htmx)
