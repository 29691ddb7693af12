"""The demo in a real browser: live under both generations of htmx, and at home on a phone and on a wide screen."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.integration.server import SCRIPTS, Server

SOON = 10_000  # milliseconds
LATER = 40_000  # milliseconds, for what waits until a browser tries again


@pytest.fixture(scope="module")
def demo():
    with Server([SCRIPTS / "chirp-trio", "demo", "--port", "0"]) as server:
        said = server.wait_for_line(r"^chirp_trio: serving the demo on (http://\S+)")
        yield said[1]
        assert server.stop() == 0
        assert server.unexpected_tracebacks() == 0


def expect_live(page, timeout=SOON):
    expect(page.locator(".connection .live")).to_have_text("Live", timeout=timeout)


def test_the_switch_leads_to_the_other_generation_live_however_late_its_last_script_and_nothing_is_wider_than_the_window(
    pages, demo
):
    page, _ = pages

    def delay(route):
        time.sleep(0.5)
        route.continue_()

    page.goto(demo)
    page.route("**/static/*sse*", delay)
    for generation in "42":
        page.get_by_role("link", name=f"htmx {generation}").click()
        expect(page.get_by_role("link", name=f"htmx {generation}")).to_have_attribute("aria-current", "page")
        expect_live(page)
        clock = page.locator(".status time")
        shown = clock.inner_text()
        expect(clock).not_to_have_text(shown, timeout=SOON)
        expect(page.locator("main svg path.line").first).to_be_attached()
        expect(page.get_by_text("A visitor joined").first).to_be_visible(timeout=SOON)
    for width in (360, 820, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_visitor_has_one_connection_and_gives_it_back(pages, demo):
    one, other = pages

    def expect_visitors(page, visitors):
        expect(page.locator(".watching b")).to_have_text(str(visitors), timeout=SOON)

    one.goto(f"{demo}/?htmx=2")
    expect_visitors(one, 1)
    other.goto(f"{demo}/?htmx=4")
    expect_visitors(one, 2)
    expect_visitors(other, 2)
    one.goto("about:blank")
    expect_visitors(other, 1)
    one.goto(f"{demo}/?htmx=2")
    expect_visitors(one, 2)
    expect_visitors(other, 2)
    other.goto("about:blank")
    expect_visitors(one, 1)


def test_a_page_counts_that_it_lost_nothing_and_got_nothing_twice(pages, demo):
    def expect_count(page, name, text):
        expect(page.locator(f'[data-shows="{name}"]')).to_have_text(re.compile(text), timeout=LATER)

    def cut_connections():
        for page in pages:
            page.get_by_role("button", name="Cut my connection").click()

    def restart():
        pages[1].get_by_role("button", name="Restart the server").click()

    for lose in (cut_connections, restart):
        for page, generation in zip(pages, "24", strict=True):
            page.goto(f"{demo}/?htmx={generation}")  # which counts from the beginning
        for page in pages:
            expect_count(page, "delay", r"^\d+ ms$")
        lose()
        for page in pages:
            expect_count(page, "caught", r"^Caught up with \d+ events? after")
            expect_live(page, LATER)
            expect_count(page, "lost", "^0$")
            expect_count(page, "twice", "^0$")
            assert int(page.locator('[data-shows="got"]').inner_text()) > 1
