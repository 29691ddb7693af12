"""The documentation's site in a real Chromium: on a phone and on a desk, light and dark, for eyes and hands of every kind.

A page of each folder is loaded, and looked at as a whole. The other pages of the folder are made of the same scripts and
styles; so what is their own is put into the page that is there, one after the other, and axe looks at all of it at once: to
load it anew for each page takes ten times as long.
"""

import itertools
import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.browser.conftest import axe, browser, open_page, page  # noqa: F401 - fixtures
from tests.docs import site

PHONE, DESK = 390, 1600  # pixels
# The folders of the site, so that a test is short; "." has the pages that lie in none.
FOLDERS = [".", *sorted({site.place(path).parts[0] for path in site.DOCS.rglob("*/*.md")}), "project"]
# What of a page is its own: the rest is the same for all pages of a folder, but for what of the navigation is open.
OWN = ["article", ".md-sidebar--secondary .md-sidebar__inner", ".md-header__title", "footer"]

# Puts what is another page's own in the place of what is there.
SHOW = """([text, own]) => {
    const other = new DOMParser().parseFromString(text, "text/html");
    for (const part of own) document.querySelector(part).replaceChildren(...other.querySelector(part).childNodes);
    document.querySelectorAll("article pre > code").forEach(code => code.tabIndex = 0); // as the theme does when it loads
}"""
# Keeps of the article what has a look that nothing before it had: the same elements, classes and attributes, in the same
# place. axe takes a second for a thousand elements, and most of those of a folder look like one of a few hundred others.
# What axe judges as a whole, such as a list of definitions, stays whole.
KEEP = """() => {
    const had = window.had ??= new Set(), kept = window.kept ??= new DocumentFragment();
    const own = element => [...element.attributes].filter(one => !["id", "href", "title", "name", "for"].includes(one.name))
        .map(one => `${one.name}=${one.value}`).sort().join(" ");
    const look = node => {
        if (node.nodeType === Node.TEXT_NODE) return node.data.trim() ? "_" : "";
        if (node.nodeType !== Node.ELEMENT_NODE) return "";
        return `<${node.localName} ${own(node)}>${[...new Set([...node.childNodes].map(look))].join("")}</>`;
    };
    const isNew = (element, place) => had.size < had.add(place + look(element)).size;
    const thin = (element, place) => {
        place += `${element.localName} ${own(element)}/`;
        for (const child of [...element.children])
            if (!isNew(child, place)) (child.matches("pre span") ? child.replaceWith(...child.childNodes) : child.remove());
            else if (!child.matches("p, tr, dl")) thin(child, place);
    };
    const article = document.querySelector("article");
    thin(article, "");
    kept.append(...article.childNodes);
}"""
SHOW_KEPT = """() => {
    document.querySelectorAll(".md-nav__item").forEach(item => item.remove()); // axe would read them all again
    document.querySelector("article").replaceChildren(window.kept);
}"""
# What is searched: to read all of it takes as long as to load a page, and is the same in all folders.
NO_INDEX = {"config": {"lang": ["en"], "separator": "[\\s\\-]+"}, "items": []}
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


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


def turn(page, scheme, width):  # noqa: F811
    """Change what a page is looked at with, and wait until it looks so."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    attribute = {"light": "default", "dark": "slate"}[scheme]
    page.wait_for_function(
        "scheme => document.body.dataset.mdColorScheme === scheme && !document.getAnimations().length", arg=attribute
    )


@pytest.mark.parametrize("folder", FOLDERS)
def test_everybody_can_read_every_page_none_is_too_wide_and_none_asks_another_host(page, built, address, axe, folder):  # noqa: F811
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    texts = {path.relative_to(built).as_posix(): path.read_text() for path in pages_of(folder, built)}
    # The one to load: a small one, but with code, beside which the theme puts a button.
    loaded = min(texts, key=lambda name: ("<pre" not in texts[name], len(texts[name])))
    if folder != ".":
        page.route("**/search.json", lambda route: route.fulfill(json=NO_INDEX))
    page.goto(f"{address}/{loaded}")
    faults = []
    for scheme, width in itertools.product(("light", "dark"), (PHONE, DESK)):
        # The rest of a page is the same in all folders, so it is looked at in every way in one of them.
        if folder == "." or (scheme, width) == ("light", PHONE):
            turn(page, scheme, width)
            faults += [(loaded, scheme, width, *fault) for fault in axe(page)]

    for width in (DESK, PHONE):
        turn(page, "light", width)
        for name, text in texts.items():
            page.evaluate(SHOW, [text, OWN])
            if page.evaluate(WIDER):
                faults.append((name, f"wider than a screen of {width} pixels"))
            if width == PHONE:
                page.evaluate(KEEP)
    page.evaluate(SHOW_KEPT)
    faults += axe(page, "article")
    turn(page, "dark", PHONE)
    faults += axe(page, "article", ["color-contrast"])  # the only rule that is about colours
    assert faults == []
    assert {url for url in asked if not url.startswith((address, "data:", "blob:"))} == set()


def test_the_pages_of_a_folder_are_made_of_the_same_scripts_and_styles(built):
    part = re.compile(r"<script.*?</script>|<style.*?</style>|<link rel=\"?stylesheet[^>]*>", re.DOTALL)
    for folder in FOLDERS:
        pages = pages_of(folder, built)
        assert len({re.sub(r"(?<=\")[./]+", "", "".join(part.findall(path.read_text()))) for path in pages}) == 1, folder


def test_a_fault_would_be_found_in_an_article_and_around_it(page, built, address, axe):  # noqa: F811
    page.set_viewport_size({"width": PHONE, "height": 900})
    page.goto(f"{address}/index.html")
    page.add_style_tag(content="header .md-ellipsis { color: #888; background: #999 }")
    assert [rule for rule, _ in axe(page)] == ["color-contrast"]
    assert axe(page, "article") == []
    assert not page.evaluate(WIDER)
    faulty = '<p style="color: #888; background: #999; width: 500px">Hard to read</p></article>'
    page.evaluate(SHOW, [(built / "index.html").read_text().replace("</article>", faulty), OWN])
    assert page.evaluate(WIDER)
    page.evaluate(KEEP)
    page.evaluate(SHOW_KEPT)
    assert [rule for rule, _ in axe(page, "article")] == ["color-contrast"]


def test_every_page_is_in_one_of_the_folders(built):
    assert sorted(path for folder in FOLDERS for path in pages_of(folder, built)) == sorted(built.rglob("*.html"))


def test_a_table_that_is_wider_than_a_phone_scrolls_with_the_keyboard_and_looks_as_before(page, address):  # noqa: F811
    page.set_viewport_size({"width": PHONE, "height": 900})
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
