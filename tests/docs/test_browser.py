"""The pages that the documentation builds, in a real Chromium, with each generation of htmx."""

import re
import signal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import browser, open_page, page  # noqa: F401 - fixtures
from tests.docs.runner import ROOT, blocks_of
from tests.integration.server import chirp_trio

STATIC = ROOT / "examples" / "static"
GENERATIONS = pytest.mark.parametrize("generation", ["2", "4"], ids=["htmx 2", "htmx 4"])

# What the pages load from a content delivery network, and which file that is.
SCRIPTS = {
    "/npm/htmx.org@2.0.11/dist/htmx.min.js": "htmx-2.0.11.min.js",
    "/npm/htmx-ext-sse@2.2.4/dist/sse.min.js": "htmx-ext-sse-2.2.4.min.js",
    "/npm/htmx.org@4.0.1/dist/htmx.min.js": "htmx-4.0.1.min.js",
    "/npm/htmx.org@4.0.1/dist/ext/hx-sse.min.js": "hx-sse-4.0.1.min.js",
}
SOON = 10_000  # milliseconds

GENERATION_2, GENERATION_4 = [list(SCRIPTS)[:2], list(SCRIPTS)[2:]]


@pytest.fixture
def offline(page):  # noqa: F811
    """A page that gets the scripts from this repository."""
    page.route(
        "https://cdn.jsdelivr.net/**",
        lambda route: route.fulfill(path=STATIC / SCRIPTS[urlsplit(route.request.url).path], content_type="text/javascript"),
    )
    return page


def build(name, folder, generation="2"):
    """What a reader of a page has in his folder at its end, with the scripts of a generation."""
    for block in blocks_of(ROOT / name):
        if block.file is not None:
            text = block.text
            if generation == "4":
                for old, new in zip(GENERATION_2, GENERATION_4, strict=True):
                    text = text.replace(f"jsdelivr.net{old}", f"jsdelivr.net{new}")
            path = folder / block.file
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    return folder


def address(server, query=""):
    return "http://{}:{}/{}".format(*server.address, query)


@GENERATIONS
def test_the_readmes_page_counts(offline, tmp_path, generation):
    with chirp_trio("app:app", cwd=build("README.md", tmp_path, generation)) as server:
        offline.goto(address(server))
        expect(offline.locator("p")).to_have_text(re.compile(r"Open for [1-9]\d* s"), timeout=SOON)


@GENERATIONS
def test_the_tutorials_poll_shows_every_vote_to_everybody(offline, tmp_path, generation):
    with chirp_trio("app:app", cwd=build("docs/tutorials/live-poll.md", tmp_path, generation)) as server:
        offline.goto(address(server))
        offline.get_by_role("button", name="Tea").click()
        expect(offline.locator("ul")).to_contain_text("tea: 1", timeout=SOON)
        offline.get_by_role("button", name="Coffee").click()
        expect(offline.locator("ul")).to_contain_text("coffee: 1", timeout=SOON)
        expect(offline.locator("ol > li")).to_have_text(["Vote 1 is for tea", "Vote 2 is for coffee"], timeout=SOON)


@GENERATIONS
def test_the_tutorials_poll_shows_what_a_new_server_knows(offline, tmp_path, generation):
    folder = build("docs/tutorials/live-poll.md", tmp_path, generation)
    with chirp_trio("app:app", cwd=folder) as server:
        offline.goto(address(server))
        offline.get_by_role("button", name="Tea").click()
        expect(offline.locator("ol > li")).to_have_text(["Vote 1 is for tea"], timeout=SOON)
    with chirp_trio("app:app", "--port", str(server.address[1]), cwd=folder):
        expect(offline.locator("ol > li")).to_have_count(0, timeout=3 * SOON)
        expect(offline.locator("ul")).to_contain_text("tea: 0", timeout=SOON)
        offline.get_by_role("button", name="Coffee").click()
        expect(offline.locator("ol > li")).to_have_text(["Vote 1 is for coffee"], timeout=SOON)
        expect(offline.locator("ul")).to_contain_text("coffee: 1", timeout=SOON)


@GENERATIONS
def test_steps_are_appended_and_the_last_event_ends_the_stream(offline, tmp_path, generation):
    connections = []
    offline.on("request", lambda request: connections.extend([request] if request.url.endswith("/live") else []))
    with chirp_trio("app:app", cwd=build("docs/how-to/use-htmx.md", tmp_path)) as server:
        offline.goto(address(server, f"?htmx={generation}"))
        expect(offline.locator("p")).to_have_text("Step 3 of 3", timeout=SOON)
        expect(offline.locator("li")).to_have_text([f"Step {number} is done" for number in (1, 2, 3)], timeout=SOON)
        offline.wait_for_timeout(3000)  # longer than either generation waits before it reconnects
        expect(offline.locator("li")).to_have_count(3, timeout=SOON)
        assert len(connections) == 1


@GENERATIONS
def test_a_job_shows_its_progress_and_its_end(offline, tmp_path, generation):
    with chirp_trio("app:app", cwd=build("docs/how-to/show-progress.md", tmp_path)) as server:
        offline.goto(address(server))
        offline.get_by_role("button", name="Make the report").click()
        offline.goto(f"{offline.url}?htmx={generation}")
        bar = offline.get_by_role("progressbar")
        shown = bar.get_attribute("aria-valuenow")
        expect(bar).not_to_have_attribute("aria-valuenow", shown, timeout=SOON)
        expect(offline.get_by_role("status")).to_have_text("The job is finished.", timeout=SOON)
        expect(bar).to_have_text("12 of 12 months")


@GENERATIONS
def test_a_page_shows_that_its_connection_is_lost(offline, tmp_path, generation):
    with chirp_trio("connection:app", cwd=build("docs/how-to/use-htmx.md", tmp_path)) as server:
        offline.goto(address(server, f"?htmx={generation}"))
        offline.wait_for_timeout(4000)  # longer than the page takes to say so without an event
        expect(offline.locator(".live")).to_be_visible(timeout=SOON)
        expect(offline.locator(".lost")).to_be_hidden(timeout=SOON)
        server.signal(signal.SIGTERM)
        expect(offline.locator(".lost")).to_be_visible(timeout=SOON)
        expect(offline.locator(".live")).to_be_hidden(timeout=SOON)


@pytest.mark.parametrize("page_path", ["?htmx=2", "?htmx=4", "plain"], ids=["htmx 2", "htmx 4", "a plain EventSource"])
def test_a_page_that_has_missed_something_for_good_is_loaded_again(offline, tmp_path, page_path):
    folder = build("docs/how-to/resume-after-a-disconnect.md", tmp_path)
    with chirp_trio("plain:app", cwd=folder) as server:
        offline.goto(address(server, page_path))
        offline.request.post(address(server, "notes"), data="before")
        expect(offline.locator("li")).to_have_text(["before"], timeout=SOON)
        server.signal(signal.SIGKILL)
        server.wait()
    with chirp_trio("plain:app", "--port", str(server.address[1]), cwd=folder) as again:
        offline.request.post(address(again, "notes"), data="after")
        expect(offline.locator("li")).to_have_text(["after"], timeout=3 * SOON)
        offline.request.post(address(again, "notes"), data="and live")
        expect(offline.locator("li")).to_have_text(["after", "and live"], timeout=SOON)
