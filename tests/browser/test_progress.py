"""The progress of a job in a real browser: to its end and no further, through a lost network, and a server that is killed."""

import re
import signal
from html import unescape
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.network import Network, skip_seconds
from tests.docs.runner import ROOT
from tests.integration.server import SCRIPTS, Server, announced, chirp_trio, wait_until

APP = f"{ROOT / 'examples' / 'progress' / 'progress.py'}:app"
SHORT, LONG = "orders-march.csv", "orders-2026.csv"  # three seconds, and thirty
SOON = 15_000  # milliseconds
LATER = 30_000  # milliseconds, for what waits until a browser tries again

# Notes what the bar has shown.
OBSERVER = """
    window.shown = [];
    addEventListener("DOMContentLoaded", () => {
        const look = () => document.querySelectorAll("[role=progressbar]").forEach(bar => {
            if (window.shown.at(-1) !== bar.ariaValueNow) window.shown.push(bar.ariaValueNow);
        });
        look();
        new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
    });
"""


@pytest.fixture(scope="module")
def server():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BITE", "500")  # so there is less to draw than with ten times as many notes one by one
        with chirp_trio(APP, "--access-log") as server:
            yield server
            assert server.stop() == 0
            assert server.unexpected_tracebacks() == 0


@pytest.fixture(scope="module")
def pages_of_the_file(pages_of_the_file):
    for page in pages_of_the_file:
        page.add_init_script(OBSERVER)
    return pages_of_the_file


@pytest.fixture
def start(server):
    """Starts a job as a visitor does, and is then on its page."""

    def start(page, name):
        page.goto("http://{}:{}/".format(*server.address))
        page.get_by_label(name).check()
        page.get_by_role("button", name="Import").click()
        expect(page.get_by_role("heading", name=name)).to_be_visible(timeout=SOON)

    return start


class Job:
    """A job that was started by a request; it can be cancelled, and its notes read, without a page."""

    def __init__(self, page, server, name=LONG):
        self._request = page.request
        self._server = "http://{}:{}".format(*server.address)
        self.path = urlsplit(self._request.post(f"{self._server}/jobs", form={"file": name}).url).path

    def cancel(self):
        assert self._request.post(f"{self._server}{self.path}/cancel").ok

    def page(self):
        """What a browser would be given now."""
        return self._request.get(self._server + self.path).text()

    def notes(self):
        """What its page would begin with now."""
        return [unescape(note) for note in re.findall("<li>(.*?)</li>", self.page())]

    def load(self, page, generation="2", address=None):
        server = self._server if address is None else "http://{}:{}".format(*address)
        page.goto(f"{server}{self.path}?htmx={generation}")

    def load_both(self, pages, address=None):
        """Load its page with each generation of htmx."""
        for page, generation in zip(pages, "24", strict=True):
            self.load(page, generation, address)


@pytest.fixture
def job(pages, server):
    return Job(pages[0], server)


def bar(page):
    return page.get_by_role("progressbar")


def notes(page):
    return page.locator(".notes li")


def expect_to_move(*pages):
    shown = {page: bar(page).get_attribute("aria-valuenow") for page in pages}
    for page in pages:
        expect(bar(page)).not_to_have_attribute("aria-valuenow", shown[page], timeout=SOON)


def expect_status(page, status, timeout=SOON):
    expect(page.locator(".status")).to_have_text(status, timeout=timeout)


def expect_late(page):
    """The page says that it reconnects: after five seconds in which nothing has come."""
    skip_seconds(page, 5)
    expect(page.locator(".late")).to_be_visible(timeout=SOON)
    expect(page.locator(".live")).to_be_hidden()


def in_each_width(page):
    """Goes through windows of several widths, and looks in each whether the page is wider."""
    for width in (320, 390, 1280):
        page.set_viewport_size({"width": width, "height": 700})
        yield width
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def expect_closed(page):
    """The page has closed its stream, because it was told to; it never opens it again."""
    page.wait_for_function("() => window.closedBy === 'message'", timeout=SOON, polling=100)


# -- to the end --------------------------------------------------------------------------------------------------------


def test_the_bar_moves_to_the_end_and_then_the_stream_is_closed_for_good_and_the_page_fits_any_window(pages, start, server):
    one, other = pages
    start(one, SHORT)
    Job(other, server, SHORT).load(other, "4")
    for page in pages:
        expect_status(page, "Finished")
        shown = [int(value) for value in page.evaluate("window.shown")]
        assert len(shown) > 2
        assert shown == sorted(shown)
        assert shown[-1] == 3000
        expect(page.get_by_role("status")).to_contain_text("2,977 orders imported, 23 skipped", timeout=SOON)
        expect(page.get_by_role("button")).to_have_count(0)
        expect(notes(page)).to_have_count(23)
        expect_closed(page)
    page.wait_for_timeout(4000)  # a browser comes back after three seconds, if it does
    for page in pages:
        assert len(page.streams) == 1
        assert sum(f'"GET {urlsplit(page.url).path}/live' in line for line in server.lines()) == 1
    other.reload()
    expect(other.get_by_role("status")).to_contain_text("2,977 orders imported")
    assert len(other.streams) == 1
    for width in in_each_width(other):
        # Where it begins on the card, to where the card ends.
        assert bar(other).bounding_box()["width"] > 0.75 * min(width, 44 * 16)


def test_windows_of_any_generation_and_width_see_the_same_job_and_whoever_cancels_it_cancels_it_for_all(pages, job):
    one, other = pages
    job.load_both(pages)
    for _ in range(2):
        expect_to_move(*pages)
    for page in pages:
        expect(page.locator(".live")).to_have_text("Live")
    before = int(bar(one).get_attribute("aria-valuenow"))
    one.reload()
    assert int(bar(one).get_attribute("aria-valuenow")) >= before
    for _ in in_each_width(other):
        expect(other.get_by_role("button", name="Cancel")).to_be_in_viewport()
    # From the keyboard: what comes in must not take the focus away.
    button = one.get_by_role("button", name="Cancel")
    button.focus()
    expect_to_move(one, other)
    expect(button).to_be_focused()
    one.keyboard.press("Enter")
    for page in pages:
        expect_status(page, "Cancelled")
        expect(page.get_by_role("status")).to_contain_text("It was cancelled", timeout=SOON)
        expect(page.get_by_role("button")).to_have_count(0)
    assert bar(one).get_attribute("aria-valuenow") == bar(other).get_attribute("aria-valuenow")
    assert notes(one).all_inner_texts() == notes(other).all_inner_texts() == job.notes() != []
    expect_closed(other)


def test_without_javascript_the_page_shows_how_far_it_is(open_page, start):
    page = open_page(java_script_enabled=False)
    start(page, SHORT)
    expect(bar(page)).to_have_attribute("aria-valuemax", "3000")
    expect(page.locator(".connection")).to_be_hidden()
    expect_status(page, "Finished")
    expect(page.get_by_role("status")).to_contain_text("2,977 orders imported")


# -- a network that goes away, and a server that is killed --------------------------------------------------------------


def test_who_was_without_a_network_misses_nothing_is_told_of_the_end_and_then_stays_away(pages, job, server):
    with Network(server.address) as network:
        job.load_both(pages, network.address)
        expect_to_move(*pages)
        network.take_away()
        for page in pages:
            expect_late(page)
            had = notes(page).count()
            wait_until(lambda had=had: len(job.notes()) > had)
            assert notes(page).count() < len(job.notes())
        network.give_back()
        for page in pages:
            expect(page.locator(".live")).to_be_visible(timeout=LATER)
            expect_to_move(page)
            had = notes(page).all_inner_texts()
            assert had == job.notes()[-len(had) :]
        network.take_away()
        job.cancel()
        for page in pages:
            expect_late(page)
        network.give_back()
        for page in pages:
            expect_status(page, "Cancelled", LATER)
            expect(notes(page)).to_have_text(job.notes())
            expect(page.get_by_role("status")).to_contain_text("It was cancelled")
            expect_closed(page)


def test_a_page_that_was_away_for_too_long_is_loaded_again_and_goes_on(pages, job):
    for page in pages:
        page.route(
            "**/live?*", lambda route: route.continue_(url=route.request.url.replace("event_id=", "event_id=no-")), times=1
        )
    job.load_both(pages)
    for page in pages:
        expect(page.locator(".live")).to_have_text("Live", timeout=SOON)
        expect_to_move(page)
        expect(notes(page).nth(2)).to_be_attached(timeout=SOON)
    job.cancel()
    for page in pages:
        expect_status(page, "Cancelled")
        expect(notes(page)).to_have_text(job.notes())
        expect_closed(page)
        assert len(page.streams) == 2  # the second one is that of the page that is loaded again


def test_a_server_that_is_killed_takes_its_jobs_along_and_the_page_says_so(pages):
    with chirp_trio(APP) as server:
        Job(pages[0], server).load_both(pages)
        for page in pages:
            expect(notes(page).nth(1)).to_be_attached(timeout=SOON)
        server.signal(signal.SIGKILL)
        server.wait()
    kept = {}
    for page in pages:
        expect_late(page)
        kept[page] = notes(page).all_inner_texts()
    with Server([SCRIPTS / "chirp-trio", "run", "--port", str(server.address[1]), APP]) as again:
        announced(again)
        for page in pages:
            expect_status(page, "Gone", LATER)
            expect(page.get_by_role("status")).to_contain_text("This job is gone.")
            expect(bar(page)).to_have_count(0)
            expect(page.get_by_role("button")).to_have_count(0)
            expect(notes(page)).to_have_text(kept[page])
            expect_closed(page)
        assert again.stop() == 0
        assert again.unexpected_tracebacks() == 0


def test_an_event_source_that_knows_nothing_of_the_last_event_is_ended_by_the_204(pages, job, server):
    job.cancel()
    wait_until(lambda: "sse-connect" not in job.page())
    page, _ = pages
    page.goto("http://{}:{}/static/progress.css".format(*server.address))
    page.evaluate("paths => { window.plain = paths.map(path => new EventSource(`${path}/live`)) }", [job.path, "/jobs/none"])
    page.wait_for_function(
        "() => window.plain.every(one => one.readyState === EventSource.CLOSED)", timeout=LATER, polling=100
    )
