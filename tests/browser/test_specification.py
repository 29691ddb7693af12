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

generations = pytest.mark.parametrize("generation", ["2", "4"], ids=["htmx 2", "htmx 4"])
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
@generations
def test_a_notification_is_swapped_into_the_page(page, open_example, serve, generation):
    url = open_example(serve, "notifications")
    with page.expect_response("**/notifications"):
        page.goto(f"{url}/?htmx={generation}")
    listening = page.locator("div[sse-connect]")
    for text in ("First & <i>foremost</i>", "Second"):
        page.get_by_label("Message").fill(text)
        page.get_by_role("button", name="Send").click()
        expect(listening).to_contain_text(text, timeout=10_000)
        expect(listening.locator("time")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
        expect(listening.locator("p")).to_have_count(1)


@servers
@generations
def test_the_dashboards_panel_updates_within_the_page(page, open_example, serve, generation):
    url = open_example(serve, "live_dashboard")
    page.goto(f"{url}/?htmx={generation}")
    time = page.locator("#stats dd").first
    first = time.inner_text()
    expect(time).not_to_have_text(first, timeout=12_000)  # it is sent every five seconds
    second = time.inner_text()
    expect(time).not_to_have_text(second, timeout=12_000)
    expect(page.locator("#stats dl")).to_have_count(1)
    expect(page.locator("section > #stats")).to_have_count(1)


@servers
def test_a_plain_event_source_reads_json(page, open_example, serve):
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
