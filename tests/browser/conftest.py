"""A real Chromium, started once for each process of the tests, and pages in it."""

import asyncio
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests import npm

NODE = Path(__file__).parents[1] / "docs" / "node"

# Chromium is told to leave the network alone: every connection that it makes is to the server under test.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# A window that is large enough to be worked in, and no larger: without a graphics card, each frame is drawn by a processor.
VIEWPORT = {"width": 640, "height": 400}

# Notes in a page why its stream was closed: "message" is the event that says so; htmx 2 has one name for it, htmx 4 another.
OBSERVER = """
    document.addEventListener("htmx:sseClose", event => { window.closedBy = event.detail.type });
    document.addEventListener("htmx:sse:close", event => { window.closedBy = event.detail.reason });
"""


def find_chromium() -> str:
    """The path of a Chromium. Without one, a user's test is skipped and says how to get it; in CI it fails.

    The one that never had windows is first: it does the same to a page, for a sixth of the processor time.
    """
    for name in ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"):
        if (found := shutil.which(name)) is not None:
            return found
    message = "no Chromium found: install it to run the browser tests (on Debian, apt-get install chromium-headless-shell)"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


_STARTED = pytest.StashKey[tuple[Browser, asyncio.AbstractEventLoop]]()


@pytest.fixture(scope="module")
def browser(pytestconfig):
    """The Chromium: started for the first test that needs one, and there until the last test has ended."""
    if _STARTED not in pytestconfig.stash:
        path = find_chromium()
        playwright = sync_playwright().start()
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        pytestconfig.stash[_STARTED] = browser, asyncio.get_running_loop()
        for clean in (playwright.stop, browser.close, lambda: asyncio._set_running_loop(pytestconfig.stash[_STARTED][1])):
            pytestconfig.add_cleanup(clean)  # the last one first
    browser, loop = pytestconfig.stash[_STARTED]
    # Playwright's event loop stays the running one of this thread. After a file that uses it, other tests run their own.
    asyncio._set_running_loop(loop)
    yield browser
    asyncio._set_running_loop(None)


@contextmanager
def opening(browser):
    """Opens a page: in a profile of its own, or in that of the page that it is opened `beside`.

    Its requests for streams are in `page.streams`. An error in it that nobody caught fails the test. Nothing glides in it,
    unless `reduced_motion` says otherwise: 60 frames a second would be drawn.
    """
    contexts, errors = [], []

    def open_page(url="about:blank", beside=None, **options):
        if beside is None:
            contexts.append(browser.new_context(**{"reduced_motion": "reduce", "viewport": VIEWPORT} | options))
        page = (contexts[-1] if beside is None else beside.context).new_page()
        page.streams = []
        page.on("request", lambda request: page.streams.extend([request.url] if "/live" in request.url else []))
        page.on("pageerror", lambda error: errors.append(error))
        if options.get("java_script_enabled", True):
            page.add_init_script(OBSERVER)
        if page.url != url:  # a new page is "about:blank"
            page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


def put_back(page):
    """Make a page that stays for other tests what it was at the beginning, however the one that had it has ended."""
    page.unroute_all(behavior="ignoreErrors")
    if page.url != "about:blank":
        page.goto("about:blank")
    page.context.clear_cookies()
    if page.viewport_size != VIEWPORT:
        page.set_viewport_size(VIEWPORT)
    page.streams.clear()


@pytest.fixture
def open_page(browser):
    """Opens a page that is closed at the end of the test."""
    with opening(browser) as open_page:
        yield open_page


@pytest.fixture(scope="module")
def open_lasting_page(browser):
    """Opens a page that stays for all tests of a file: to begin a page costs more than most tests do with it."""
    with opening(browser) as open_page:
        yield open_page


@pytest.fixture(scope="module")
def pages_of_the_file(open_lasting_page):
    """Two pages that stay for all tests of a file, each in a profile of its own; a file may have others in their place."""
    return open_lasting_page(), open_lasting_page()


@pytest.fixture
def pages(pages_of_the_file):
    """The pages of the file, empty, in profiles without cookies."""
    yield pages_of_the_file
    for page in pages_of_the_file:
        put_back(page)


@pytest.fixture
def page(open_page):
    """A page."""
    return open_page()


@pytest.fixture(scope="session")
def axe():
    """Asks axe-core what people could not read or use on a page, or in a part of it, by WCAG 2 at level AA.

    `rules` are the only ones to ask for, or those with these tags.
    """
    if shutil.which("npm") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("npm is not installed")
    script = (npm.install(NODE) / "axe-core" / "axe.min.js").read_text()

    def faults(page, part="html", rules=("wcag2a", "wcag2aa")):
        if not page.evaluate("'axe' in window"):
            page.evaluate(script)
        options = {"runOnly": rules, "resultTypes": ["violations"]}
        found = page.evaluate("([part, options]) => axe.run(part, options)", [part, options])
        assert found["passes"]
        return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]

    return faults
