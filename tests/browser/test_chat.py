"""The chat room in a real browser: people in it, a network that goes away, and a server that is killed."""

import signal
import time

import pytest
from playwright.sync_api import expect

from tests.browser.network import Network
from tests.docs.runner import ROOT
from tests.integration.server import SCRIPTS, Server, announced, chirp_trio

APP = f"{ROOT / 'examples' / 'chat' / 'chat.py'}:app"
SOON = 10_000  # milliseconds
LATER = 30_000  # milliseconds, for what waits until a browser tries again


@pytest.fixture
def server():
    with chirp_trio(APP) as server:
        yield server
        if server.process.poll() is None:
            assert server.stop() == 0
        assert server.unexpected_tracebacks() == 0


@pytest.fixture
def enter(open_page, server):
    """Lets somebody into the room: in a browser of their own, with a generation of htmx."""

    def enter(name, generation, address=server.address, **options):
        page = open_page("http://{}:{}/?htmx={}".format(*address, generation), **options)
        page.get_by_label("What shall the others call you?").fill(name)
        page.get_by_role("button", name="Enter").click()
        expect(page.locator(".live")).to_have_text("Live", timeout=SOON)
        return page

    return enter


def field(page):
    return page.get_by_label("Message", exact=True)


def send(page, text):
    field(page).fill(text)
    page.get_by_role("button", name="Send").click()


def say(page, text):
    send(page, text)
    expect(field(page)).to_have_value("", timeout=SOON)


def expect_not_sent(page, text):
    """The page says that a message was not sent, and keeps it."""
    expect(unsent(page)).to_be_visible(timeout=SOON)
    expect(field(page)).to_have_value(text)


def look_own(page):
    """Of each message, whether it looks like one that the page's own reader has said."""
    is_own = "all => all.map(li => getComputedStyle(li).backgroundColor !== 'rgba(0, 0, 0, 0)')"
    return page.locator("[sse-swap=message] > li").evaluate_all(is_own)


def unsent(page):
    return page.get_by_text("Not sent.")


def people(page):
    return page.locator(".people li")


def messages(page):
    return page.locator("[sse-swap=message] > li > p")


def test_two_people_see_each_other_and_what_they_say_and_each_sees_what_is_their_own(enter):
    ada, grace = enter("Ada", "2"), enter("Grace", "4")
    for page in (ada, grace):
        expect(people(page)).to_have_text(["Ada", "Grace"], timeout=SOON)
    for page, text in ((ada, "Is anybody <here>?"), (grace, "I am.")):
        say(page, text)
        expect(field(page)).to_be_focused(timeout=SOON)  # to write the next one at once
        page.keyboard.type("!")
        page.keyboard.press("Enter")
        expect(field(page)).to_have_value("", timeout=SOON)
    for page, own in ((ada, [True, True, False, False]), (grace, [False, False, True, True])):
        expect(messages(page)).to_have_text(["Is anybody <here>?", "!", "I am.", "!"], timeout=SOON)
        assert look_own(page) == own
        page.reload()
        assert look_own(page) == own
    grace.close()
    expect(people(ada)).to_have_text(["Ada"], timeout=SOON)


def test_who_was_without_a_network_misses_nothing_and_can_send_again_what_was_not_sent(enter, server):
    with Network(server.address) as network:
        ada = enter("Ada", "4")
        far = [enter("Grace", "2", network.address), enter("Katherine", "4", network.address)]
        for page in far:
            say(page, "before")
            expect(unsent(page)).to_be_hidden()
        for page in far:
            expect(messages(page)).to_have_text(["before", "before"], timeout=SOON)
        network.take_away()
        for page in far:
            send(page, "again")
            expect_not_sent(page, "again")
        for page in far:
            expect(page.locator(".late")).to_be_visible(timeout=SOON)
        expect(people(ada)).to_have_text(["Ada"], timeout=SOON)
        say(ada, "in between")
        network.give_back()
        for page in far:
            page.get_by_role("button", name="Send").click()
            expect(field(page)).to_have_value("", timeout=SOON)
            expect(unsent(page)).to_be_hidden()
        for page in far:
            expect(page.locator(".live")).to_be_visible(timeout=LATER)
        say(ada, "after")
        for page in far:
            expect(messages(page)).to_have_text(["before", "before", "in between", "again", "again", "after"], timeout=LATER)


def test_a_server_that_is_killed_and_started_anew_has_another_room_and_the_pages_go_on_there(enter, server):
    pages = enter("Ada", "2"), enter("Grace", "4")
    say(pages[0], "before")
    for page in pages:
        expect(messages(page)).to_have_text(["before"], timeout=SOON)
    server.signal(signal.SIGKILL)
    server.wait()
    for page in pages:
        expect(page.locator(".late")).to_be_visible(timeout=SOON)
        expect(page.locator(".live")).to_be_hidden()
        expect(messages(page)).to_have_text(["before"])
        field(page).fill("half a sent")
    with Server([SCRIPTS / "chirp-trio", "run", "--port", str(server.address[1]), APP]) as again:
        announced(again)
        for page in pages:
            expect(messages(page)).to_have_count(0, timeout=LATER)
            expect(page.locator(".live")).to_be_visible(timeout=LATER)
            expect(field(page)).to_have_value("half a sent")
        said = [f"after {number}" for number in range(4)]
        for page, text in zip(pages * 2, said, strict=True):
            say(page, text)
        for page in pages:
            expect(messages(page)).to_have_text(said, timeout=SOON)
        assert again.stop() == 0
        assert again.unexpected_tracebacks() == 0


def test_a_page_does_not_look_live_before_it_is_and_connects_however_late_its_last_script_is(enter):
    def delay(route):
        time.sleep(0.5)
        route.continue_()

    for page in (enter("Ada", "2"), enter("Grace", "4")):
        page.route("**/live?*", lambda route: None)  # which never answers
        page.reload()
        word = page.get_by_text("Connecting…", exact=True)
        expect(word).to_be_visible()
        assert word.evaluate("word => getComputedStyle(word).color") == page.locator(".late").evaluate(
            "word => getComputedStyle(word).color"
        )
        page.unroute_all(behavior="ignoreErrors")
        page.route("**/static/*sse*", delay)
        page.reload()
        expect(page.locator(".live")).to_have_text("Live", timeout=SOON)


def test_a_message_that_the_server_refuses_is_told_of(enter):
    for page in (enter("Ada", "2"), enter("Grace", "4")):
        page.context.clear_cookies()
        send(page, "who am I?")
        expect_not_sent(page, "who am I?")


def test_the_room_is_as_large_as_the_window_whatever_is_said(enter):
    page = enter("x" * 24, "2")
    said = 0
    for width, more in ((320, 8), (820, 1), (1600, 1)):
        page.set_viewport_size({"width": width, "height": 500})
        for _ in range(more):
            say(page, "x" * 200)
        said += more
        expect(messages(page)).to_have_count(said, timeout=SOON)
        expect(messages(page).last).to_be_in_viewport()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.documentElement.scrollHeight") <= 500
