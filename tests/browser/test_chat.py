"""The chat room in a real browser: people in it, a network that goes away, and a server that is killed."""

import signal
import time
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import expect

from tests.browser.network import Network, skip_seconds
from tests.docs.runner import ROOT
from tests.integration.server import SCRIPTS, Server, announced, chirp_trio, wait_until

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


def url(address, generation="2"):
    return "http://{}:{}/?htmx={}".format(*address, generation)


@pytest.fixture
def people_in_room(pages, server):
    """Lets two people into the room: one with each generation of htmx."""

    def people_in_room(address=server.address):
        for page, name, generation in zip(pages, ("Ada", "Grace"), "24", strict=True):
            know(page, name, address)
            page.goto(url(address, generation))
            expect_live(page)
        return pages

    return people_in_room


def know(page, name, address):
    """Have the page know who somebody is, as if they had been in the room before."""
    page.context.add_cookies([{"name": "name", "value": name, "url": url(address)}])


def say_elsewhere(server, text):
    """Say something in the room without a page."""
    body = urlencode({"text": text}).encode()
    with urlopen(Request("http://{}:{}/messages".format(*server.address), body, {"Cookie": "name=Katherine"})) as response:
        assert response.status == 200


def expect_live(page, timeout=SOON):
    expect(page.locator(".live")).to_have_text("Live", timeout=timeout)
    expect(page.locator(".live")).to_be_visible(timeout=timeout)


def expect_late(page):
    """The page says that it reconnects: after five seconds in which nothing has come."""
    skip_seconds(page, 5)
    expect(page.locator(".late")).to_be_visible(timeout=SOON)
    expect(page.locator(".live")).to_be_hidden()


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


def test_two_people_see_each_other_and_what_they_say_and_each_sees_what_is_their_own(pages, server):
    ada, grace = pages
    for page, name, generation in ((ada, "Ada", "2"), (grace, "Grace", "4")):
        page.goto(url(server.address, generation))
        page.get_by_label("What shall the others call you?").fill(name)
        page.get_by_role("button", name="Enter").click()
        expect_live(page)
    for page in pages:
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
    ada.reload()
    assert look_own(ada) == [True, True, False, False]
    grace.goto("about:blank")
    expect(people(ada)).to_have_text(["Ada"], timeout=SOON)


def test_who_was_without_a_network_misses_nothing_and_what_was_not_sent_or_is_refused_is_kept_to_be_sent_again(
    people_in_room, server
):
    with Network(server.address) as network:
        pages = people_in_room(network.address)
        say_elsewhere(server, "before")
        for page in pages:
            expect(messages(page)).to_have_text(["before"], timeout=SOON)
            expect(unsent(page)).to_be_hidden()
        network.take_away()
        for page in pages:
            send(page, "again")
            expect_not_sent(page, "again")
            expect_late(page)
        say_elsewhere(server, "in between")
        network.give_back()
        for page in pages:
            page.get_by_role("button", name="Send").click()
            expect(field(page)).to_have_value("", timeout=SOON)
            expect(unsent(page)).to_be_hidden()
        for page in pages:
            expect_live(page, LATER)
        say_elsewhere(server, "after")
        for page in pages:
            expect(messages(page)).to_have_text(["before", "in between", "again", "again", "after"], timeout=LATER)
        for page in pages:
            page.context.clear_cookies()
            send(page, "who am I?")
            expect_not_sent(page, "who am I?")


def test_a_server_that_is_killed_and_started_anew_has_another_room_and_the_pages_go_on_there(people_in_room, server):
    pages = people_in_room()
    say_elsewhere(server, "before")
    for page in pages:
        expect(messages(page)).to_have_text(["before"], timeout=SOON)
    server.signal(signal.SIGKILL)
    server.wait()
    for page in pages:
        expect_late(page)
        expect(messages(page)).to_have_text(["before"])
        field(page).fill("half a sent")
    with Server([SCRIPTS / "chirp-trio", "run", "--port", str(server.address[1]), APP]) as again:
        announced(again)
        for page in pages:
            expect(messages(page)).to_have_count(0, timeout=LATER)
            expect_live(page, LATER)
            expect(field(page)).to_have_value("half a sent")
        for page, text in zip(pages, ("sentence", "sentiment"), strict=True):
            say(page, text)
        for page in pages:
            expect(messages(page)).to_have_text(["sentence", "sentiment"], timeout=SOON)
        assert again.stop() == 0
        assert again.unexpected_tracebacks() == 0


def test_a_page_does_not_look_live_before_it_is_and_connects_however_late_its_last_script_is(pages, server):
    def delay(route):
        time.sleep(0.5)
        route.continue_()

    held = []
    for page, generation in zip(pages, "24", strict=True):
        know(page, "Ada", server.address)
        page.route("**/live?*", lambda route: held.append(route), times=1)
        page.route("**/static/*sse*", delay, times=1)
        page.goto(url(server.address, generation))
        word = page.get_by_text("Connecting…", exact=True)
        expect(word).to_be_visible()
        assert word.evaluate("word => getComputedStyle(word).color") == page.locator(".late").evaluate(
            "word => getComputedStyle(word).color"
        )
        expect(page.locator(".live")).to_have_count(0)
        wait_until(lambda page=page: held or page.wait_for_timeout(10))
        held.pop().continue_()
        expect_live(page)


def test_the_room_is_as_large_as_the_window_whatever_is_said(pages, server):
    page, _ = pages
    know(page, "x" * 24, server.address)
    page.goto(url(server.address))
    said = 0
    for width, more in ((320, 8), (820, 1), (1600, 1)):
        page.set_viewport_size({"width": width, "height": 500})
        for _ in range(more):
            say_elsewhere(server, "x" * 200)
        said += more
        expect(messages(page)).to_have_count(said, timeout=SOON)
        expect(messages(page).last).to_be_in_viewport()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.documentElement.scrollHeight") <= 500
