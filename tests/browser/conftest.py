"""A real Chromium, started once for each module, with a new page for each test."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

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


@pytest.fixture(scope="module")
def browser():
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """A page; an error in it that nobody caught fails the test."""
    context = browser.new_context()
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(error))
    yield page
    context.close()
    assert errors == []


@pytest.fixture(scope="session")
def axe():
    """Asks axe-core what people could not read or use on a page, by WCAG 2 at level AA: contrast above all."""
    if shutil.which("npm") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("npm is not installed")
    subprocess.run(["npm", "ci", "--silent"], cwd=NODE, check=True, timeout=120)
    script = (NODE / "node_modules" / "axe-core" / "axe.min.js").read_text()

    def faults(page):
        page.evaluate(script)
        found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa'], resultTypes: ['violations']})")
        assert found["passes"]
        return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]

    return faults
