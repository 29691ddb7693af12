"""The chat room in a real browser: two people, a network that goes away, and a server that is killed."""

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

generations = pytest.mark.parametrize("generation", ["2", "4"], ids=["htmx 2", "htmx 4"])


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


def say(page, text):
    field = page.get_by_label("Message", exact=True)
    field.fill(text)
    page.get_by_role("button", name="Send").click()
    expect(field).to_have_value("", timeout=SOON)


def messages(page):
    return page.locator("[sse-swap=message] > li > p")


@generations
def test_two_people_see_each_other_and_what_they_say(enter, generation):
    ada, grace = enter("Ada", generation), enter("Grace", generation)
    for page in (ada, grace):
        expect(page.locator(".people li")).to_have_text(["Ada", "Grace"], timeout=SOON)
    say(ada, "Is anybody <here>?")
    say(grace, "I am.")
    for page in (ada, grace):
        expect(messages(page)).to_have_text(["Is anybody <here>?", "I am."], timeout=SOON)
    grace.close()
    expect(ada.locator(".people li")).to_have_text(["Ada"], timeout=SOON)


@generations
def test_who_has_sent_a_message_can_write_the_next_one_at_once(enter, generation):
    page = enter("Ada", generation)
    say(page, "one")
    expect(page.get_by_label("Message", exact=True)).to_be_focused(timeout=SOON)
    page.keyboard.type("two")
    page.keyboard.press("Enter")
    expect(messages(page)).to_have_text(["one", "two"], timeout=SOON)


@generations
def test_who_was_without_a_network_keeps_everything_and_gets_what_was_missed_once(enter, server, generation):
    with Network(server.address) as network:
        ada, grace = enter("Ada", generation), enter("Grace", generation, network.address)
        say(ada, "before")
        expect(messages(grace)).to_have_text(["before"], timeout=SOON)
        network.take_away()
        expect(grace.locator(".late")).to_be_visible(timeout=SOON)
        expect(ada.locator(".people li")).to_have_text(["Ada"], timeout=SOON)
        say(ada, "in between")
        network.give_back()
        expect(grace.locator(".live")).to_be_visible(timeout=LATER)
        say(ada, "after")
        expect(messages(grace)).to_have_text(["before", "in between", "after"], timeout=SOON)


@generations
def test_a_server_that_is_killed_and_started_anew_has_another_room_and_the_page_goes_on_there(enter, server, generation):
    page = enter("Ada", generation)
    say(page, "before")
    expect(messages(page)).to_have_text(["before"], timeout=SOON)
    server.signal(signal.SIGKILL)
    server.wait()
    expect(page.locator(".late")).to_be_visible(timeout=SOON)
    expect(page.locator(".live")).to_be_hidden()
    expect(messages(page)).to_have_text(["before"])
    page.get_by_label("Message", exact=True).fill("half a sent")
    with Server([SCRIPTS / "chirp-trio", "run", "--port", str(server.address[1]), APP]) as again:
        announced(again)
        expect(messages(page)).to_have_count(0, timeout=LATER)
        expect(page.locator(".live")).to_be_visible(timeout=LATER)
        expect(page.get_by_label("Message", exact=True)).to_have_value("half a sent")
        for number in (1, 2):
            say(page, f"after {number}")
        expect(messages(page)).to_have_text(["after 1", "after 2"], timeout=SOON)
        assert again.stop() == 0
        assert again.unexpected_tracebacks() == 0


@generations
def test_a_message_that_could_not_be_sent_is_told_of_and_can_be_sent_again(enter, server, generation):
    with Network(server.address) as network:
        page = enter("Ada", generation, network.address)
        unsent = page.get_by_text("Not sent.")
        say(page, "one")
        expect(unsent).to_be_hidden()
        network.take_away()
        page.get_by_label("Message", exact=True).fill("two")
        page.get_by_role("button", name="Send").click()
        expect(unsent).to_be_visible(timeout=SOON)
        expect(page.get_by_label("Message", exact=True)).to_have_value("two")
        network.give_back()
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_label("Message", exact=True)).to_have_value("", timeout=SOON)
        expect(unsent).to_be_hidden()
        expect(messages(page)).to_have_text(["one", "two"], timeout=LATER)


@generations
def test_a_message_that_the_server_refuses_is_told_of(enter, generation):
    page = enter("Ada", generation)
    page.context.clear_cookies()
    page.get_by_label("Message", exact=True).fill("who am I?")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Not sent.")).to_be_visible(timeout=SOON)
    expect(page.get_by_label("Message", exact=True)).to_have_value("who am I?")


@generations
def test_what_somebody_has_said_looks_different_to_them_than_to_others(enter, generation):
    ada, grace = enter("Ada", generation), enter("Grace", generation)
    say(ada, "mine")
    say(grace, "yours")
    for page, own in ((ada, "mine"), (grace, "yours")):
        expect(messages(page)).to_have_text(["mine", "yours"], timeout=SOON)
        is_own = "li => getComputedStyle(li).backgroundColor !== 'rgba(0, 0, 0, 0)'"
        said = page.locator("[sse-swap=message] > li")
        assert [said.nth(index).evaluate(is_own) for index in range(2)] == [own == "mine", own == "yours"]
        page.reload()
        assert [said.nth(index).evaluate(is_own) for index in range(2)] == [own == "mine", own == "yours"]


@generations
def test_a_page_does_not_look_live_before_it_is(enter, server, generation):
    page = enter("Ada", generation)
    page.route("**/live?*", lambda route: None)  # which never answers
    page.reload()
    word = page.get_by_text("Connecting…", exact=True)
    expect(word).to_be_visible()
    assert word.evaluate("word => getComputedStyle(word).color") == page.locator(".late").evaluate(
        "word => getComputedStyle(word).color"
    )
    page.unroute_all(behavior="ignoreErrors")


@generations
def test_a_page_connects_however_late_its_last_script_is(enter, generation):
    def delay(route):
        time.sleep(0.5)
        route.continue_()

    page = enter("Ada", generation)
    page.route("**/static/*sse*", delay)
    page.reload()
    expect(page.locator(".live")).to_have_text("Live", timeout=SOON)


@pytest.mark.parametrize("width", [320, 820, 1600])
def test_the_room_is_as_large_as_the_window_whatever_is_said(enter, width):
    page = enter("x" * 24, "2", viewport={"width": width, "height": 500})
    for _ in range(8):
        say(page, "x" * 200)
    expect(messages(page)).to_have_count(8, timeout=SOON)
    expect(messages(page).last).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.documentElement.scrollHeight") <= 500
