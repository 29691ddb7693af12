"""The pages that the documentation builds, in a real Chromium: each is open twice, with both generations of htmx."""

import re
import signal
from functools import partial
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import browser, open_lasting_page, open_page, pages, pages_of_the_file  # noqa: F401 - fixtures
from tests.docs.runner import ROOT, blocks_of
from tests.integration.server import chirp_trio

STATIC = ROOT / "examples" / "static"

# What the pages load from a content delivery network, and which file that is.
SCRIPTS = {
    "/npm/htmx.org@2.0.11/dist/htmx.min.js": "htmx-2.0.11.min.js",
    "/npm/htmx-ext-sse@2.2.4/dist/sse.min.js": "htmx-ext-sse-2.2.4.min.js",
    "/npm/htmx.org@4.0.1/dist/htmx.min.js": "htmx-4.0.1.min.js",
    "/npm/htmx.org@4.0.1/dist/ext/hx-sse.min.js": "hx-sse-4.0.1.min.js",
}
SOON = 10_000  # milliseconds

GENERATIONS = {"2": list(SCRIPTS)[:2], "4": list(SCRIPTS)[2:]}


@pytest.fixture(scope="module", autouse=True)
def offline(pages_of_the_file):  # noqa: F811
    """Two pages that get the scripts from this repository; where one of them asks for htmx 2, the second gets htmx 4."""

    def answer(others, route):
        path = urlsplit(route.request.url).path
        route.fulfill(path=STATIC / SCRIPTS[others.get(path, path)], content_type="text/javascript")

    newer = dict(zip(*GENERATIONS.values(), strict=True))
    for page, others in zip(pages_of_the_file, ({}, newer), strict=True):
        # Of its profile: a page that is put back after a test keeps no route of its own.
        page.context.route("https://cdn.jsdelivr.net/**", partial(answer, others))


def build(name, folder):
    """What a reader of a page has in his folder at its end."""
    for block in blocks_of(ROOT / name):
        if block.file is not None:
            path = folder / block.file
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.text)
    return folder


def address(server, query=""):
    return "http://{}:{}/{}".format(*server.address, query)


def test_the_readmes_page_counts(pages, tmp_path):  # noqa: F811
    with chirp_trio("app:app", cwd=build("README.md", tmp_path)) as server:
        for page in pages:
            page.goto(address(server))
        for page in pages:
            expect(page.locator("p")).to_have_text(re.compile(r"Open for [1-9]\d* s"), timeout=SOON)
        assert [page.evaluate("htmx.version")[0] for page in pages] == list(GENERATIONS)


def test_the_tutorials_poll_shows_every_vote_to_everybody(pages, tmp_path):  # noqa: F811
    with chirp_trio("app:app", cwd=build("docs/tutorials/live-poll.md", tmp_path)) as server:
        for page in pages:
            page.goto(address(server))
        pages[0].get_by_role("button", name="Tea").click()
        for page in pages:
            expect(page.locator("ul")).to_contain_text("tea: 1", timeout=SOON)
        pages[1].get_by_role("button", name="Coffee").click()
        for page in pages:
            expect(page.locator("ul")).to_contain_text("coffee: 1", timeout=SOON)
            expect(page.locator("ol > li")).to_have_text(["Vote 1 is for tea", "Vote 2 is for coffee"], timeout=SOON)


def test_the_tutorials_poll_shows_what_a_new_server_knows(pages, tmp_path):  # noqa: F811
    folder = build("docs/tutorials/live-poll.md", tmp_path)
    with chirp_trio("app:app", cwd=folder) as server:
        for page in pages:
            page.goto(address(server))
        pages[0].get_by_role("button", name="Tea").click()
        for page in pages:
            expect(page.locator("ol > li")).to_have_text(["Vote 1 is for tea"], timeout=SOON)
    with chirp_trio("app:app", "--port", str(server.address[1]), cwd=folder):
        for page in pages:
            expect(page.locator("ol > li")).to_have_count(0, timeout=3 * SOON)
            expect(page.locator("ul")).to_contain_text("tea: 0", timeout=SOON)
        pages[1].get_by_role("button", name="Coffee").click()
        for page in pages:
            expect(page.locator("ol > li")).to_have_text(["Vote 1 is for coffee"], timeout=SOON)
            expect(page.locator("ul")).to_contain_text("coffee: 1", timeout=SOON)


def test_steps_are_appended_and_the_last_event_ends_the_stream(pages, tmp_path):  # noqa: F811
    with chirp_trio("app:app", cwd=build("docs/how-to/use-htmx.md", tmp_path)) as server:
        for page, generation in zip(pages, GENERATIONS, strict=True):
            page.streams.clear()
            page.goto(address(server, f"?htmx={generation}"))
        for page in pages:
            expect(page.locator("p")).to_have_text("Step 3 of 3", timeout=SOON)
            expect(page.locator("li")).to_have_text([f"Step {number} is done" for number in (1, 2, 3)], timeout=SOON)
        page.wait_for_timeout(3000)  # longer than either generation waits before it reconnects
        for page in pages:
            expect(page.locator("li")).to_have_count(3, timeout=SOON)
            assert len(page.streams) == 1


def test_a_job_shows_its_progress_and_its_end(pages, tmp_path):  # noqa: F811
    with chirp_trio("app:app", cwd=build("docs/how-to/show-progress.md", tmp_path)) as server:
        for page, generation in zip(pages, GENERATIONS, strict=True):
            page.goto(address(server))
            page.get_by_role("button", name="Make the report").click()
            page.goto(f"{page.url}?htmx={generation}")
            bar = page.get_by_role("progressbar")
            shown = bar.get_attribute("aria-valuenow")
            expect(bar).not_to_have_attribute("aria-valuenow", shown, timeout=SOON)
        for page in pages:
            expect(page.get_by_role("status")).to_have_text("The job is finished.", timeout=SOON)
            expect(page.get_by_role("progressbar")).to_have_text("12 of 12 months")


def test_a_page_shows_that_its_connection_is_lost(pages, tmp_path):  # noqa: F811
    with chirp_trio("connection:app", cwd=build("docs/how-to/use-htmx.md", tmp_path)) as server:
        for page, generation in zip(pages, GENERATIONS, strict=True):
            page.goto(address(server, f"?htmx={generation}"))
        page.wait_for_timeout(4000)  # longer than the page takes to say so without an event
        for page in pages:
            expect(page.locator(".live")).to_be_visible(timeout=SOON)
            expect(page.locator(".lost")).to_be_hidden(timeout=SOON)
        server.signal(signal.SIGTERM)
        for page in pages:
            expect(page.locator(".lost")).to_be_visible(timeout=SOON)
            expect(page.locator(".live")).to_be_hidden(timeout=SOON)


def test_a_page_that_has_missed_something_for_good_is_loaded_again(pages, open_page, tmp_path):  # noqa: F811
    folder = build("docs/how-to/resume-after-a-disconnect.md", tmp_path)
    with_a_plain_event_source = open_page()
    looking = [*pages, with_a_plain_event_source]
    post = with_a_plain_event_source.request.post
    with chirp_trio("plain:app", cwd=folder) as server:
        for page, path in zip(looking, ("?htmx=2", "?htmx=4", "plain"), strict=True):
            page.goto(address(server, path))
        post(address(server, "notes"), data="before")
        for page in looking:
            expect(page.locator("li")).to_have_text(["before"], timeout=SOON)
        server.signal(signal.SIGKILL)
        server.wait()
    with chirp_trio("plain:app", "--port", str(server.address[1]), cwd=folder) as again:
        post(address(again, "notes"), data="after")
        for page in looking:
            expect(page.locator("li")).to_have_text(["after"], timeout=3 * SOON)
        post(address(again, "notes"), data="and live")
        for page in looking:
            expect(page.locator("li")).to_have_text(["after", "and live"], timeout=SOON)
