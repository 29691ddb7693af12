"""The documentation's site in a real Chromium: on a phone and on a desk, light and dark, for eyes of every kind."""

import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.browser.conftest import axe, browser  # noqa: F401 - fixtures
from tests.docs import site
from tests.docs.runner import ROOT

# One of each kind: links, code, tables, both, and the one that others show as well.
PAGES = ["index", "how-to/deploy", "reference/topics", "coming-from/fastapi", "project/about"]
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    """Where the site is, built anew."""
    subprocess.run([sys.executable, "-m", "tests.docs.site"], cwd=ROOT, check=True)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=site.HTML)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.timeout(900)  # so many pages
def test_no_page_is_wider_than_its_screen_or_asks_another_host(browser, address):  # noqa: F811
    context = browser.new_context()
    page, asked, errors, too_wide = context.new_page(), [], [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(error))
    for path in sorted(site.HTML.rglob("*.html")):
        page.set_viewport_size({"width": 390, "height": 900})
        page.goto(f"{address}/{path.relative_to(site.HTML)}")
        for width in (390, 1600):
            page.set_viewport_size({"width": width, "height": 900})
            if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                too_wide.append((path, width))
    context.close()
    assert (too_wide, errors) == ([], [])
    assert {url for url in asked if not url.startswith((address, "data:", "blob:"))} == set()


@SCHEMES
@pytest.mark.parametrize("name", PAGES)
def test_axe_has_nothing_against_a_page(browser, address, axe, name, scheme):  # noqa: F811
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{address}/{name}.html")
    faults = axe(page)
    context.close()
    assert faults == []
