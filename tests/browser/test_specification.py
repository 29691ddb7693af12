"""The specification's HTML, unchanged, updates live under both generations of htmx."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.integration import server

FOLDER = Path(__file__).parents[2] / "examples" / "specification"

NOTIFICATIONS = """\
<div hx-ext="sse" sse-connect="/notifications" sse-swap="notification">
  <!-- Fragments are swapped in here -->
</div>
"""
DASHBOARD = """\
<section hx-ext="sse" sse-connect="/dashboard/live">
  <div id="stats" sse-swap="stats-update">
    {# Initial stats rendered server-side #}
    {% block stats_panel %}
      ...
    {% endblock %}
  </div>
</section>
"""

servers = pytest.mark.parametrize("serve", [server.hypercorn, server.chirp_trio], ids=["hypercorn", "chirp-trio run"])


@pytest.fixture(scope="module")
def open_example():
    """Starts each example once, on each server."""
    running = {}

    def start(serve, name):
        if (serve, name) not in running:
            context = serve(f"{FOLDER / name}.py:app")
            running[serve, name] = context, context.__enter__()
        host, port = running[serve, name][1].address
        return f"http://{host}:{port}"

    yield start
    for context, _ in running.values():
        context.__exit__(None, None, None)


def test_the_templates_hold_the_specifications_html():
    assert NOTIFICATIONS in (FOLDER / "templates" / "notifications.html").read_text()
    before, after = DASHBOARD.split("      ...\n")
    dashboard = (FOLDER / "templates" / "dashboard.html").read_text()
    assert before in dashboard
    assert after in dashboard


@servers
def test_a_notification_is_swapped_into_the_page(pages, open_example, serve):
    url = open_example(serve, "notifications")
    for page, generation in zip(pages, "24", strict=True):
        with page.expect_response("**/notifications"):
            page.goto(f"{url}/?htmx={generation}")
    for sender, text in zip(pages, ("First & <i>foremost</i>", "Second"), strict=True):
        sender.get_by_label("Message").fill(text)
        sender.get_by_role("button", name="Send").click()
        for page in pages:
            listening = page.locator("div[sse-connect]")
            expect(listening).to_contain_text(text, timeout=10_000)
            expect(listening.locator("time")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
            expect(listening.locator("p")).to_have_count(1)


@servers
def test_the_dashboards_panel_updates_within_the_page(pages, open_example, serve):
    url = open_example(serve, "live_dashboard")
    for page, generation in zip(pages, "24", strict=True):
        page.goto(f"{url}/?htmx={generation}")
    times = [page.locator("#stats dd").first for page in pages]
    for _ in range(2):
        for time, shown in [(time, time.inner_text()) for time in times]:
            expect(time).not_to_have_text(shown, timeout=12_000)  # it is sent every five seconds
    for page in pages:
        expect(page.locator("#stats dl")).to_have_count(1)
        expect(page.locator("section > #stats")).to_have_count(1)


@servers
def test_a_plain_event_source_reads_json(pages, open_example, serve):
    page, _ = pages
    url = open_example(serve, "events")
    page.goto(url)
    expect(page.locator("pre")).to_contain_text('"status":"ok"', timeout=10_000)
    events = page.evaluate(
        """() => new Promise((resolve, reject) => {
            const events = [], source = new EventSource("/events");
            source.onerror = reject;
            source.onmessage = event => { if (events.push(JSON.parse(event.data)) == 2) { source.close(); resolve(events) } };
        })"""
    )
    assert [event["status"] for event in events] == ["ok", "ok"]
