"""To-do lists in a real browser: what one page does shows on the others, and after log-out all are told, and stay away."""

import pytest
from playwright.sync_api import expect

from tests.browser.network import Network
from tests.integration.server import chirp_trio

SOON = 15_000  # milliseconds
PASSWORDS = {"Ada": "lovelace", "Grace": "hopper"}


@pytest.fixture
def server():
    with chirp_trio("cheap_todo:app") as server:
        yield server
        assert server.stop() == 0
        assert server.unexpected_tracebacks() == 0


@pytest.fixture(scope="module")
def pages_of_the_file(open_lasting_page):
    """Two pages of one browser, and two of another."""
    page, phone = open_lasting_page(), open_lasting_page()
    return page, open_lasting_page(beside=page), phone, open_lasting_page(beside=phone)


def url(address, generation="2"):
    return "http://{}:{}/?htmx={}".format(*address, generation)


def log_in(page, name, password):
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def open_list(address, name, **pages):
    """Log somebody in as the form would, and show the list on pages of one browser, each with a generation of htmx."""
    page = next(iter(pages.values()))
    page.request.get(url(address))  # which refuses, and gives a token
    tokens = [cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "token"]
    form = {"token": tokens[0], "name": name, "password": PASSWORDS[name]}
    assert page.request.post("http://{}:{}/login".format(*address), form=form).ok
    for generation, page in pages.items():
        page.goto(url(address, generation.removeprefix("htmx")))
        expect(page.locator(".user b")).to_have_text(name, timeout=SOON)


def add(page, text):
    field = page.get_by_label("What is to be done?")
    field.fill(text)
    field.press("Enter")
    expect(field).to_have_value("", timeout=SOON)


def expect_list(page, *texts, left=None):
    expect(page.locator("li > span")).to_have_text(texts, timeout=SOON)
    left = len(texts) if left is None else left
    expect(page.locator("#count")).to_have_text(f"{left} of {len(texts)} to do", timeout=SOON)


def expect_over(page):
    """The page says that its session is over, shows nothing else, and has closed its stream because it was told to."""
    expect(page.get_by_role("alert")).to_contain_text("You have been logged out", timeout=SOON)
    expect(page.locator("li, .user, form")).to_have_count(0)
    page.wait_for_function("() => window.closedBy === 'message'", timeout=SOON)


def expect_nothing_wider_than_the_window(page):
    for width in (320, 390, 1600):
        page.set_viewport_size({"width": width, "height": 700})
        for place in (page.get_by_role("button", name="Add"), page.get_by_role("button", name="Remove")):
            expect(place).to_be_in_viewport(ratio=1)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_what_is_wrong_is_told_in_the_form_which_keeps_what_was_written_and_nothing_is_wider_than_the_window(pages, server):
    for page, generation, name in ((pages[0], "2", "Ada"), (pages[2], "4", "Grace")):
        page.goto(url(server.address, generation))
        log_in(page, name, "byron")
        mistake = page.get_by_role("alert")
        expect(mistake).to_have_text("There is no such user, or this is not the password.", timeout=SOON)
        expect(page.get_by_label("Name")).to_have_value(name)
        log_in(page, name, PASSWORDS[name])
        expect(page.locator(".user b")).to_have_text(name, timeout=SOON)
        assert page.url.endswith(f"/?htmx={generation}")
        field = page.get_by_label("What is to be done?")
        field.fill("x" * 101)
        page.get_by_role("button", name="Add").click()
        expect(mistake).to_have_text("Say it in 100 characters: these are 101.", timeout=SOON)
        expect(field).to_have_value("x" * 101)
        field.fill("x" * 100)
        field.press("Enter")
        expect_list(page, "x" * 100)
        expect(mistake).to_have_count(0)
    expect_nothing_wider_than_the_window(pages[0])


def test_what_one_page_does_shows_on_all_pages_and_devices_of_the_user(pages, server):
    page, tab, phone = everywhere = pages[:3]
    open_list(server.address, "Ada", htmx2=page)
    add(page, "Tea")
    # These two begin with it, and the first one was sent it.
    tab.goto(url(server.address, "4"))
    open_list(server.address, "Ada", htmx2=phone)
    add(phone, "Cake <b>")
    expect(phone.locator(".message")).to_have_text("Added “Cake <b>”", timeout=SOON)
    expect(phone.get_by_label("What is to be done?")).to_be_focused()
    for each in everywhere:
        expect_list(each, "Tea", "Cake <b>")
    for done, (one, text) in enumerate([(tab, "Tea"), (page, "Cake")], 1):
        one.get_by_role("checkbox", name=text).click()
        for each in everywhere:
            expect(each.get_by_role("checkbox", name=text)).to_be_checked(timeout=SOON)
            expect_list(each, "Tea", "Cake <b>", left=2 - done)
        expect(one.locator(".message")).to_contain_text(f"“{text}", timeout=SOON)
    for one, text, left in ((page, "Tea", ["Cake <b>"]), (tab, "Cake", [])):
        one.get_by_role("button", name=f"Remove {text}").click()
        for each in everywhere:
            expect_list(each, *left, left=0)
    add(tab, "Milk")
    expect(tab.get_by_label("What is to be done?")).to_be_focused()
    for each in everywhere:
        expect_list(each, "Milk")
    assert [len(each.streams) for each in everywhere] == [1, 1, 1]


def test_log_out_in_one_page_tells_the_others_and_none_of_them_comes_back(pages, server):
    page, tab, phone, tab_of_phone = pages
    open_list(server.address, "Ada", htmx2=page, htmx4=tab)
    open_list(server.address, "Ada", htmx4=phone, htmx2=tab_of_phone)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_visible(timeout=SOON)
    expect_over(tab)
    add(phone, "Cake")
    for each in (phone, tab_of_phone):
        expect_list(each, "Cake")
    phone.get_by_role("button", name="Log out").click()
    expect(phone.get_by_label("Password")).to_be_visible(timeout=SOON)
    expect_over(tab_of_phone)
    # A browser comes back after three seconds, if it does.
    tab.wait_for_timeout(4000)
    assert [len(each.streams) for each in pages] == [1, 1, 1, 1]
    for each in (tab, tab_of_phone):
        each.get_by_role("link", name="Log in again").click()
        expect(each.get_by_label("Password")).to_be_visible(timeout=SOON)


def test_a_page_that_comes_back_to_a_session_that_is_gone_is_told_so_and_asks_no_more(pages, server):
    with Network(server.address) as network:
        page, tab, *_ = pages
        open_list(network.address, "Ada", htmx2=page, htmx4=tab)
        add(page, "Tea")
        for each in (page, tab):
            expect_list(each, "Tea")
        page.context.clear_cookies()
        network.take_away()
        network.give_back()
        for each in (page, tab):
            expect_over(each)
        asked = [len(each.streams) for each in (page, tab)]
        page.wait_for_timeout(4000)
        assert [len(each.streams) for each in (page, tab)] == asked
