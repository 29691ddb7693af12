"""The documentation's site in a real Chromium: on a phone and on a desk, light and dark, for eyes and hands of every kind.

All pages are made of the same scripts and styles. So two are loaded, whole, which have all that there is around articles.
What each page has of its own is put into one of them, below one another, and axe looks once at all that is new in an article.
To load each page, and to look at all of it, takes thirty times as long.
"""

import itertools
import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.browser.conftest import axe, browser, opening  # noqa: F401 - fixtures

PHONE, DESK = 390, 1600  # pixels
COLOURS = ["color-contrast"]  # the only rule that is about them: in the dark, all else is as it is in the light

# What of a page is its own: the rest is the same for all of them, but for what of the navigation is open.
OWN = ["article", ".md-sidebar--secondary .md-sidebar__inner", ".md-header__ellipsis", "footer"]
NAVIGATION = re.compile(
    r'<div class="md-sidebar md-sidebar--primary.*?(?=<div class="md-sidebar md-sidebar--secondary)', re.DOTALL
)
BLOCK, TOKEN = re.compile(r"<pre.*?</pre>", re.DOTALL), re.compile(r'<span class="(\w+)">([^<]*)</span>')
# Shows what each page has of its own, of all pages below one another: they are read and laid out once, for all widths.
SHOW = """async ([texts, own]) => {
    document.querySelectorAll("[data-of] ~ [data-of]").forEach(part => part.remove());
    const places = own.map(part => document.querySelector(part));
    for (const [name, text] of Object.entries(texts)) {
        const shown = new DOMParser().parseFromString(text, "text/html");
        shown.querySelectorAll("pre > code").forEach(code => code.tabIndex = 0); // as the theme does when it loads
        const url = new URL(name, origin);
        shown.querySelectorAll("[src]").forEach(image => image.src = new URL(image.getAttribute("src"), url));
        for (const [index, place] of places.entries()) {
            const part = place.cloneNode();
            part.dataset.of = name;
            part.append(...shown.querySelector(own[index]).childNodes);
            place.before(part);
        }
    }
    places.forEach(place => place.remove());
    await Promise.allSettled([...document.querySelectorAll("article img")].map(image => image.decode()));
}"""
# The names of the pages that have something wider than the screen.
FIND_WIDE = """() => {
    const screen = document.documentElement, isWide = () => screen.scrollWidth > screen.clientWidth;
    if (!isWide()) return [];
    const parts = [...document.querySelectorAll("[data-of]")];
    const show = name => parts.forEach(part => part.style.display = [part.dataset.of, ""].includes(name) ? "" : "none");
    const wide = [...new Set(parts.map(part => part.dataset.of))].filter(name => (show(name), isWide()));
    show("");
    return wide;
}"""
# Leaves of each article what none before it had: another element, class, attribute or place, or whether it has text or
# scrolls. What axe judges as a whole, such as a list of definitions, stays whole. Each element says which page it is of.
LEAVE_WHAT_IS_NEW = """() => {
    document.querySelectorAll("[data-of] ~ [data-of]:not(article)").forEach(part => part.remove());
    const had = new Set(), isFree = new Set(["id", "href", "src", "title", "name", "for"]);
    const scrolling = new Set([...document.querySelectorAll("article *")].filter(one => one.scrollWidth > one.clientWidth));
    const textOf = nodes => nodes.some(node => node.nodeType === Node.TEXT_NODE && node.data.trim());
    const told = ({name, value}) => isFree.has(name) ? name : `${name}=${value}`;
    const look = element => [
        element.localName, ...[...element.attributes].map(told).sort(), scrolling.has(element),
        textOf([...element.childNodes]) ? "text" : element.textContent.trim() ? "" : "empty",
    ].join(" ");
    const thin = (element, place, isWhole) => { // and tell whether there is anything new in it
        place += `<${look(element)}>`;
        isWhole ||= element.matches("p, tr, dl");
        const isKnown = had.has(place), children = [...element.children];
        had.add(place);
        const known = children.filter(child => !thin(child, place, isWhole));
        if (isKnown && known.length === children.length && !isWhole) return false; // it is left out, whole
        for (const child of known)
            if (child.matches("pre span")) child.replaceWith(...child.childNodes);
            else if (!isWhole) child.remove();
        return !isKnown || known.length < children.length;
    };
    const articles = [...document.querySelectorAll("article")], place = articles[0].parentElement;
    articles.forEach(article => article.remove()); // so that nothing is laid out again meanwhile
    for (const article of articles) {
        for (const part of [...article.children]) if (!thin(part, "", false)) part.remove();
        article.querySelectorAll("*").forEach(element => element.dataset.page = article.dataset.of);
    }
    place.append(...articles);
}"""
# Leaves of an article only some code, because the theme puts a button beside it, and of a list of links the first: axe takes
# a second for a few hundred elements.
THIN_OUT = """document.querySelectorAll(
    "article > :not(.highlight), .highlight ~ .highlight, [class=md-nav__item] ~ [class=md-nav__item]"
).forEach(part => part.remove())"""
ARTICLE = re.compile(r"<article.*?</article>", re.DOTALL)


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


@pytest.fixture(scope="module")
def texts(built):
    """The HTML of every page."""
    return {path.relative_to(built).as_posix(): path.read_text() for path in sorted(built.rglob("*.html"))}


@pytest.fixture(scope="module")
def frames(texts):
    """Some pages that have, around their articles, every kind of element that any page has there; the first has the most."""
    own = re.compile(r" (?:href|id|for|title|name|aria-label|aria-labelledby)=(?:\"[^\"]*\"|[^\s>]+)")

    def around(text):
        frame = re.sub(r"<script.*?</script>", "", ARTICLE.sub("", text.partition("<body")[2]), flags=re.DOTALL)
        return {own.sub("", tag) for tag in re.findall(r"<\w[^>]*>", frame)}

    tags = {name: around(text) for name, text in texts.items()}
    missing, chosen = set.union(*tags.values()), []
    while missing:
        chosen.append(max(tags, key=lambda name: (len(missing & tags[name]), "<pre" in texts[name], -len(texts[name]))))
        missing -= tags[chosen[-1]]
    return chosen


@pytest.fixture(scope="module")
def page(browser, address, frames):  # noqa: F811
    """One of the pages, whose article can be replaced. It stays for all tests: to load one takes as long as they do."""
    with opening(browser) as open_page:
        page = open_page(f"{address}/{frames[0]}")
        page.set_default_timeout(120_000)  # milliseconds: all articles at a time are laid out late where much else runs
        page.evaluate("document.querySelectorAll('.md-nav__item').forEach(item => item.remove())")  # axe would read them
        yield page


def turn(page, scheme, width):
    """Change what a page is looked at with, and wait until it looks so."""
    page.emulate_media(color_scheme=scheme)
    attribute = {"light": "default", "dark": "slate"}[scheme]
    page.wait_for_function("scheme => document.body.dataset.mdColorScheme === scheme", arg=attribute)
    widen(page, width)


def widen(page, width):
    """Change the width of a page, and wait until it looks so."""
    if page.viewport_size["width"] != width:
        page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_function("!document.getAnimations().length")


def without_repetition(text):
    """A page without the navigation, and with one token of each kind in a block of code: most elements are tokens."""

    def thin(block):
        had = set()

        def token(found):
            kind = found[1], found[2].isspace()
            if kind in had:
                return found[2]
            had.add(kind)
            return found[0]

        return TOKEN.sub(token, block[0])

    return BLOCK.sub(thin, NAVIGATION.sub("", text))


def faults_of(texts, page, address, axe):  # noqa: F811
    """What is wrong with the articles of these pages."""
    faults, asked = [], []
    page.on("request", lambda request: asked.append(request.url))
    turn(page, "light", DESK)
    page.evaluate(SHOW, [{name: without_repetition(text) for name, text in texts.items()}, OWN])
    for width in (DESK, PHONE):
        widen(page, width)
        wide = page.evaluate(FIND_WIDE)
        faults += [(f"wider than a screen of {width} pixels", wide)] if wide else []
    page.evaluate(LEAVE_WHAT_IS_NEW)
    faults += axe(page, "article")
    turn(page, "dark", PHONE)
    faults += axe(page, "article", COLOURS)
    for url in {url for url in asked if not url.startswith((f"{address}/", "data:", "blob:"))}:
        faults.append((f"asks {url}", [name for name, text in texts.items() if url in text]))
    return faults


def test_everybody_can_read_every_article_none_is_too_wide_and_none_asks_another_host(page, texts, address, axe):  # noqa: F811
    assert faults_of(texts, page, address, axe) == []


def test_everybody_can_read_what_is_around_an_article_and_it_asks_no_other_host(browser, address, frames, axe):  # noqa: F811
    asked, faults = [], []
    with opening(browser) as open_page:
        page = open_page()
        page.on("request", lambda request: asked.append(request.url))
        for name in frames:
            page.goto(f"{address}/{name}")
            page.evaluate(THIN_OUT)
            for scheme, width in itertools.product(("light", "dark"), (PHONE, DESK)):
                # Most is the same in all frames, so it is looked at in every way in one of them.
                if name == frames[0] or (scheme, width) == ("light", PHONE):
                    turn(page, scheme, width)
                    found = axe(page) if scheme == "light" else axe(page, rules=COLOURS)
                    faults += [(name, scheme, width, *fault) for fault in found]
    assert faults == []
    assert {url for url in asked if not url.startswith((f"{address}/", "data:", "blob:"))} == set()


def test_a_fault_around_an_article_would_be_found(page, axe):  # noqa: F811
    turn(page, "light", PHONE)
    style = page.add_style_tag(content="header .md-ellipsis { color: #888; background: #999 }")
    assert [rule for rule, _ in axe(page, "header")] == ["color-contrast"]
    style.evaluate("style => style.remove()")
    assert axe(page, "header") == []


def test_a_fault_of_an_article_would_be_found_and_says_on_which_page(page, texts, address, axe):  # noqa: F811
    right = "<p>Text</p>"
    faulty = {
        "in-the-light.html": '<p style="color: #ccc">Text</p>',
        "in-the-dark.html": '<p style="color: #333">Text</p>',
        "of-a-picture.html": '<img src="demo.png">',
        "on-a-phone.html": '<p style="width: 500px">Text</p>',
        "on-any-screen.html": '<p style="width: 1700px">Text</p>',
        "of-a-host.html": '<img alt="Picture" src="http://127.0.0.1:1/picture.png">',
    }
    articles = {name: f"<article>{right}{fault}{right}</article>" for name, fault in {"no-fault.html": "", **faulty}.items()}
    some = texts["index.html"]
    faults = faults_of({name: ARTICLE.sub(article, some) for name, article in articles.items()}, page, address, axe)
    assert [(rule, re.findall(r"[\w-]+\.html", str(where))) for rule, where in faults] == [
        ("wider than a screen of 1600 pixels", ["on-any-screen.html"]),
        ("wider than a screen of 390 pixels", ["on-a-phone.html", "on-any-screen.html"]),
        ("color-contrast", ["in-the-light.html"]),
        ("image-alt", ["of-a-picture.html"]),
        ("color-contrast", ["in-the-dark.html"]),
        ("asks http://127.0.0.1:1/picture.png", ["of-a-host.html"]),
    ]


def test_all_pages_are_made_of_the_same_scripts_and_styles(texts):
    part = re.compile(r"<script.*?</script>|<style.*?</style>|<link rel=\"?stylesheet[^>]*>", re.DOTALL)
    assert len({re.sub(r"(?<=\")[./]+", "", "".join(part.findall(text))) for text in texts.values()}) == 1


def test_a_table_that_is_wider_than_a_phone_scrolls_with_the_keyboard_and_looks_as_before(page, texts):
    turn(page, "light", PHONE)
    page.evaluate(SHOW, [{"explanation/clients.html": texts["explanation/clients.html"]}, OWN])
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
