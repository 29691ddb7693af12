"""The demo in a real browser: live under both generations of htmx, and at home on a phone and on a wide screen."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.integration.server import SCRIPTS, Server

generations = pytest.mark.parametrize("generation", ["2", "4"], ids=["htmx 2", "htmx 4"])


@pytest.fixture(scope="module")
def demo():
    # Not forked: the demo starts itself anew by the command that it was started with.
    with Server([SCRIPTS / "chirp-trio", "demo", "--port", "0"], forked=False) as server:
        said = server.wait_for_line(r"^chirp_trio: serving the demo on (http://\S+)")
        yield said[1]
        assert server.stop() == 0
        assert server.unexpected_tracebacks() == 0


@generations
def test_the_figures_update_and_the_connection_is_live(page, demo, generation):
    page.goto(f"{demo}/?htmx={generation}")
    clock = page.locator(".status time")
    expect(page.locator(".connection .live")).to_have_text("Live", timeout=10_000)
    for _ in range(2):
        shown = clock.inner_text()
        expect(clock).not_to_have_text(shown, timeout=10_000)
    expect(page.locator("main svg path.line").first).to_be_attached()
    expect(page.get_by_text("A visitor joined").first).to_be_visible(timeout=10_000)


@generations
def test_a_page_goes_live_however_late_its_last_script_is(page, demo, generation):
    def delay(route):
        time.sleep(0.5)
        route.continue_()

    page.route("**/static/*sse*", delay)
    page.goto(f"{demo}/?htmx={generation}")
    expect(page.locator(".connection .live")).to_have_text("Live", timeout=10_000)


@generations
def test_the_switch_leads_to_the_other_generation(page, demo, generation):
    other = "4" if generation == "2" else "2"
    page.goto(f"{demo}/?htmx={generation}")
    page.get_by_role("link", name=f"htmx {other}").click()
    expect(page.get_by_role("link", name=f"htmx {other}")).to_have_attribute("aria-current", "page")
    expect(page.locator(".connection .live")).to_have_text("Live", timeout=10_000)


@pytest.mark.parametrize("width", [360, 820, 1600])
def test_nothing_is_wider_than_the_window(page, demo, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(demo)
    expect(page.locator(".connection .live")).to_have_text("Live", timeout=10_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@generations
def test_every_visitor_has_one_connection_and_gives_it_back(page, demo, generation):
    watching = page.locator(".watching b")
    page.goto(f"{demo}/?htmx={generation}")
    expect(watching).to_have_text("1", timeout=10_000)
    second = page.context.new_page()
    second.goto(f"{demo}/?htmx={generation}")
    expect(watching).to_have_text("2", timeout=10_000)
    second.close()
    expect(watching).to_have_text("1", timeout=10_000)


@generations
@pytest.mark.parametrize("button", ["Cut my connection", "Restart the server"])
def test_a_page_counts_that_it_lost_nothing_and_got_nothing_twice(page, demo, generation, button):
    page.goto(f"{demo}/?htmx={generation}")
    counted = {name: page.locator(f'[data-shows="{name}"]') for name in ("got", "lost", "twice", "delay", "caught")}
    expect(counted["delay"]).to_have_text(re.compile(r"^\d+ ms$"), timeout=20_000)
    page.get_by_role("button", name=button).click()
    expect(counted["caught"]).to_have_text(re.compile(r"^Caught up with \d+ events? after"), timeout=40_000)
    expect(page.locator(".connection .live")).to_have_text("Live", timeout=20_000)
    assert (counted["lost"].inner_text(), counted["twice"].inner_text()) == ("0", "0")
    assert int(counted["got"].inner_text()) > 1
