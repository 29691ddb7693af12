"""To-do lists in a real browser: what one page does shows on the others, and after log-out all are told, and stay away."""

import pytest
from playwright.sync_api import expect

from tests.browser.network import Network
from tests.docs.runner import ROOT
from tests.integration.server import chirp_trio

APP = f"{ROOT / 'examples' / 'todo' / 'todo.py'}:app"
SOON = 15_000  # milliseconds
PASSWORDS = {"Ada": "lovelace", "Grace": "hopper"}

generations = pytest.mark.parametrize("generation", ["2", "4"], ids=["htmx 2", "htmx 4"])


@pytest.fixture(scope="module")
def server():
    with chirp_trio(APP) as server:
        yield server
        assert server.stop() == 0
        assert server.unexpected_tracebacks() == 0


@pytest.fixture
def window(open_page, server):
    """Opens the page, in a browser of its own or beside another page."""

    def window(generation, beside=None, address=server.address, **options):
        return open_page("http://{}:{}/?htmx={}".format(*address, generation), beside, **options)

    return window


@pytest.fixture
def user(window):
    """A page of a user who is logged in, with nothing to do."""

    def user(name, generation, **options):
        page = window(generation, **options)
        log_in(page, name, PASSWORDS[name])
        expect(page.locator(".user b")).to_have_text(name, timeout=SOON)
        while removes := page.get_by_role("button", name="Remove").count():
            page.get_by_role("button", name="Remove").first.click()
            expect(page.get_by_role("button", name="Remove")).to_have_count(removes - 1, timeout=SOON)
        return page

    return user


def log_in(page, name, password):
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


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


@generations
def test_a_wrong_password_is_told_in_the_form_and_the_right_one_leads_to_the_list(window, generation):
    page = window(generation)
    log_in(page, "Ada", "hopper")
    expect(page.get_by_role("alert")).to_have_text("There is no such user, or this is not the password.", timeout=SOON)
    expect(page.get_by_label("Name")).to_have_value("Ada")
    log_in(page, "Ada", "lovelace")
    expect(page.locator(".user b")).to_have_text("Ada", timeout=SOON)
    assert page.url.endswith(f"/?htmx={generation}")


@generations
def test_what_one_page_does_shows_on_all_pages_and_devices_of_the_user_and_on_no_other(user, window, generation):
    page, phone, grace = user("Ada", generation), user("Ada", "2"), user("Grace", generation)
    tab = window(generation, beside=page)
    everywhere = (page, phone, tab)
    add(page, "Tea")
    expect(page.locator(".message")).to_have_text("Added “Tea”", timeout=SOON)
    expect(page.get_by_label("What is to be done?")).to_be_focused()
    add(phone, "Cake <b>")
    for each in everywhere:
        expect_list(each, "Tea", "Cake <b>")
    tab.get_by_role("checkbox", name="Tea").click()
    for each in everywhere:
        expect(each.get_by_role("checkbox", name="Tea")).to_be_checked(timeout=SOON)
        expect_list(each, "Tea", "Cake <b>", left=1)
    expect(tab.locator(".message")).to_have_text("“Tea” is done", timeout=SOON)
    page.get_by_role("button", name="Remove Tea").click()
    phone.get_by_role("checkbox", name="Cake").click()
    for each in everywhere:
        expect_list(each, "Cake <b>", left=0)
    expect_list(grace)
    tab.reload()
    expect_list(tab, "Cake <b>", left=0)
    add(page, "Milk")
    expect_list(tab, "Cake <b>", "Milk", left=1)
    assert len(page.streams) == 1


@generations
def test_a_form_that_is_wrong_says_so_and_keeps_what_was_written(user, generation):
    page = user("Ada", generation)
    field = page.get_by_label("What is to be done?")
    field.fill("x" * 101)
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("alert")).to_have_text("Say it in 100 characters: these are 101.", timeout=SOON)
    expect(field).to_have_value("x" * 101)
    field.fill("x" * 100)
    field.press("Enter")
    expect_list(page, "x" * 100)
    expect(page.get_by_role("alert")).to_have_count(0)


@generations
def test_log_out_in_one_page_tells_the_others_and_none_of_them_comes_back(user, window, generation):
    page, phone = user("Ada", generation), user("Ada", generation)
    tab = window(generation, beside=page)
    add(page, "Tea")
    for each in (tab, phone):
        expect_list(each, "Tea")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_visible(timeout=SOON)
    expect_over(tab)
    # A browser comes back after three seconds, if it does.
    tab.wait_for_timeout(4000)
    assert len(tab.streams) == 1
    assert len(page.streams) == 1
    add(phone, "Cake")
    expect_list(phone, "Tea", "Cake")
    tab.get_by_role("link", name="Log in again").click()
    expect(tab.get_by_label("Password")).to_be_visible(timeout=SOON)


@generations
def test_a_page_that_comes_back_to_a_session_that_is_gone_is_told_so_and_asks_no_more(user, server, generation):
    with Network(server.address) as network:
        page = user("Ada", generation, address=network.address)
        add(page, "Tea")
        expect_list(page, "Tea")
        page.context.clear_cookies()
        network.take_away()
        network.give_back()
        expect_over(page)
        asked = len(page.streams)
        page.wait_for_timeout(4000)
        assert len(page.streams) == asked


@pytest.mark.parametrize("width", [320, 390, 1600])
def test_nothing_is_wider_than_the_window(user, width):
    page = user("Ada", "2", viewport={"width": width, "height": 700})
    add(page, "x" * 100)
    expect_list(page, "x" * 100)
    for place in (page.get_by_role("button", name="Add"), page.get_by_role("button", name="Remove")):
        expect(place).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
