"""The documentation's site in a real Chromium: on a phone and on a desk, light and dark, for eyes and hands of every kind."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.browser.conftest import axe, browser  # noqa: F401 - fixtures
from tests.docs import site

PHONE, DESK = 390, 1600  # pixels
# The folders of the site, so that a test is short; "." has the pages that lie in none.
FOLDERS = [".", *sorted({site.place(path).parts[0] for path in site.DOCS.rglob("*/*.md")}), "project"]
# The styles are the same for all pages, so a few of them show the dark scheme, and what axe says at the other width.
LOOKS = [(folder, PHONE, "light") for folder in FOLDERS]
LOOKS += [(".", PHONE, "dark"), (".", DESK, "light"), (".", DESK, "dark"), ("explanation", DESK, "dark")]


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address(built):
    """Where the site is served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=built)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def pages_of(folder, built):
    return sorted(built.glob("*.html") if folder == "." else (built / folder).rglob("*.html"))


@pytest.mark.timeout(600)  # a folder has up to thirty pages
@pytest.mark.parametrize(("folder", "width", "scheme"), LOOKS)
def test_everybody_can_read_every_page_none_is_too_wide_and_none_asks_another_host(
    browser,  # noqa: F811
    built,
    address,
    axe,  # noqa: F811
    folder,
    width,
    scheme,
):
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, asked, errors, faults = context.new_page(), [], [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(error))
    pages = pages_of(folder, built)
    for path in pages:
        name = path.relative_to(built).as_posix()
        page.goto(f"{address}/{name}")
        faults += [(name, *fault) for fault in axe(page)]
        for screen in (width, DESK):
            page.set_viewport_size({"width": screen, "height": 900})
            if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                faults.append((name, f"wider than a screen of {screen} pixels"))
        page.set_viewport_size({"width": width, "height": 900})
    context.close()
    assert pages
    assert (faults, errors) == ([], [])
    assert {url for url in asked if not url.startswith((address, "data:", "blob:"))} == set()


def test_every_page_is_in_one_of_the_folders(built):
    assert sorted(page for folder in FOLDERS for page in pages_of(folder, built)) == sorted(built.rglob("*.html"))


def test_a_table_that_is_wider_than_a_phone_scrolls_with_the_keyboard_and_looks_as_before(browser, address):  # noqa: F811
    context = browser.new_context(viewport={"width": PHONE, "height": 900})
    page = context.new_page()
    page.goto(f"{address}/explanation/clients.html")
    cell = page.locator("article td").first
    padding = "cell => getComputedStyle(cell).padding"
    before = cell.evaluate(padding)
    assert before != "0px"
    # Whichever box around the table it is that scrolls.
    tabindex = page.evaluate("""() => {
        let box = document.querySelector("article table")
        const scrolls = box => box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX == "auto"
        while (!scrolls(box)) box = box.parentElement
        box.focus()
        return box.getAttribute("tabindex")
    }""")
    assert tabindex == "0"  # Chromium would let the keyboard have it anyway, others do not
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.activeElement !== document.body && document.activeElement.scrollLeft > 0", timeout=5000)
    assert cell.evaluate(padding) == before  # the theme marks what the keyboard has reached with a class
    context.close()
