"""A log in a real browser: lines as they come, a lost network, somebody who stops, and more lines than a page can hold."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.network import Network, skip_seconds
from tests.docs.runner import ROOT
from tests.integration.server import chirp_trio

APP = f"{ROOT / 'examples' / 'log_tail' / 'log_tail.py'}:app"
SOON = 15_000  # milliseconds
LATER = 30_000  # milliseconds, for what waits until a browser tries again


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("log") / "app.log"


@pytest.fixture(scope="module")
def server(path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOG_FILE", str(path))
        with chirp_trio(APP) as server:
            yield server
            assert server.stop() == 0
            assert server.unexpected_tracebacks() == 0


class Log:
    """The file. Each test has one of its own, under the same name."""

    def __init__(self, path):
        self.path = path
        self.make()

    def make(self):
        """Put a file in the place of the one that is there."""
        new = self.path.with_suffix(".new")
        new.touch()
        new.rename(self.path)

    def write(self, *lines):
        with self.path.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)


@pytest.fixture
def log(path):
    return Log(path)


@pytest.fixture
def windows(pages, server, log):
    """Loads the page with each generation of htmx, and waits until it is live."""

    def windows(address=server.address):
        for page, generation in zip(pages, "24", strict=True):
            page.goto("http://{}:{}/?htmx={}".format(*address, generation))
            expect_live(page)
        return pages

    return windows


def expect_live(page, timeout=SOON):
    expect(page.locator(".live")).to_have_text("Live", timeout=timeout)
    expect(page.locator(".live")).to_be_visible(timeout=timeout)


def lines(page):
    return page.get_by_role("log").locator("li")


def expect_lines(page, *texts, timeout=SOON):
    expect(lines(page)).to_have_text(list(texts), timeout=timeout)


def test_lines_appear_as_they_are_written_and_a_page_that_is_loaded_again_goes_on(windows, log):
    pages = windows()
    log.write("INFO <b>one</b> &amp;", "WARNING two")
    for page in pages:
        expect_lines(page, "INFO <b>one</b> &amp;", "WARNING two")
    log.write("ERROR three")
    for page in pages:
        expect_lines(page, "INFO <b>one</b> &amp;", "WARNING two", "ERROR three")
        colours = [line.evaluate("line => getComputedStyle(line).color") for line in lines(page).all()]
        assert len(set(colours)) == 3
        expect(lines(page).last).to_be_in_viewport()
        page.reload()
    log.write("INFO four")
    for page in pages:
        expect_lines(page, "INFO <b>one</b> &amp;", "WARNING two", "ERROR three", "INFO four")
        page.get_by_role("link", name="Warnings").click()
        expect_lines(page, "WARNING two", "ERROR three")
        expect_live(page)
    log.write("INFO five", "WARNING six")
    for page in pages:
        expect_lines(page, "WARNING two", "ERROR three", "WARNING six")
        assert "level=warnings" in page.url
        page.get_by_role("link", name="All").click()
        expect(lines(page)).to_have_count(6, timeout=SOON)


def test_who_was_without_a_network_gets_every_line_once(windows, server, log):
    with Network(server.address) as network:
        pages = windows(network.address)
        log.write("one", "two")
        for page in pages:
            expect_lines(page, "one", "two")
        network.take_away()
        log.write("three", "four")
        for page in pages:
            skip_seconds(page, 5)
            expect(page.locator(".late")).to_be_visible(timeout=SOON)
            expect_lines(page, "one", "two")
        network.give_back()
        for page in pages:
            expect_lines(page, "one", "two", "three", "four", timeout=LATER)
        log.write("five")
        for page in pages:
            expect_lines(page, "one", "two", "three", "four", "five")
            expect_live(page)


def test_who_comes_back_to_another_file_sees_that_lines_may_be_missing(windows, server, log):
    with Network(server.address) as network:
        pages = windows(network.address)
        log.write("one")
        for page in pages:
            expect_lines(page, "one")
        network.take_away()
        log.write("lost")
        log.make()
        log.write("new")
        network.give_back()
        for page in pages:
            expect_lines(page, "one", re.compile("Lines may be missing here"), "new", timeout=LATER)


def test_who_stops_has_peace_until_going_on_where_it_was(windows, log):
    pages = windows()
    log.write("WARNING one", "INFO two")
    for page in pages:
        expect_lines(page, "WARNING one", "INFO two")
        expect(page.locator("#status input")).to_have_value(re.compile(rf"^{log.path.stat().st_ino}:21:"), timeout=SOON)
        with page.expect_event("requestfailed", timeout=SOON) as stream:
            page.get_by_role("button", name="Stop").click()
        assert "/live" in stream.value.url
        expect(page.locator("#status p")).to_have_text("Stopped", timeout=SOON)
    log.write("WARNING three", "INFO four")
    for page in pages:
        page.reload()
        expect(page.locator("#status p")).to_have_text("Stopped")
        expect_lines(page, "WARNING one", "INFO two")
        page.get_by_role("link", name="Warnings").click()
        expect_lines(page, "WARNING one")
        page.get_by_role("link", name="All").click()
        expect_lines(page, "WARNING one", "INFO two")
        page.get_by_role("button", name="Go on").click()
        expect_lines(page, "WARNING one", "INFO two", "WARNING three", "INFO four")
    log.write("INFO five")
    for page in pages:
        expect_lines(page, "WARNING one", "INFO two", "WARNING three", "INFO four", "INFO five")
        assert "at=" not in page.url
        assert "stopped" not in page.url


def test_a_page_does_not_grow_without_end_and_comes_to_the_last_line(windows, log):
    pages = windows()
    log.write(*(f"INFO {number}" for number in range(3_000)))
    for page in pages:
        expect(lines(page).last).to_have_text("INFO 2999", timeout=LATER)
        count = lines(page).count()
        assert 200 <= count <= 2_500
        texts = page.evaluate("[...document.querySelectorAll('[role=log] li')].map(line => line.textContent)")
        assert texts == [f"INFO {number}" for number in range(3_000 - count, 3_000)]
        expect(lines(page).last).to_be_in_viewport()
    log.write("INFO and on")
    for page in pages:
        expect(lines(page).last).to_have_text("INFO and on", timeout=SOON)


def test_nothing_is_wider_than_the_window(pages, server, log):
    log.write("x" * 2000, *(f"ERROR {number}" for number in range(40)))
    page, _ = pages
    page.set_viewport_size({"width": 320, "height": 500})
    page.goto("http://{}:{}".format(*server.address))
    for width in (320, 390, 1600):
        page.set_viewport_size({"width": width, "height": 500})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.documentElement.scrollHeight") <= 500
        expect(lines(page).last).to_be_in_viewport()
        expect(page.get_by_role("button", name="Stop")).to_be_in_viewport()
