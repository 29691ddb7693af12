"""Answers in a real browser: token by token, several at once, stopped, failed and tried again, and loaded in the middle."""

import runpy
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import opening, put_back
from tests.browser.network import Network
from tests.docs.runner import ROOT
from tests.integration.server import chirp_trio

APP = f"{ROOT / 'examples' / 'answers' / 'answers.py'}:app"
MODEL = runpy.run_path(str(ROOT / "examples" / "answers" / "model.py"))
ANSWERS, (CANCEL, ESCAPE, STORY, FAIL) = MODEL["ANSWERS"], MODEL["SUGGESTIONS"]
UNKNOWN = "<b>Who</b> & what?"
SOON = 15_000  # milliseconds
LATER = 30_000  # milliseconds, for what waits until a browser tries again

# Notes each text that an answer has had, by the name of its event.
OBSERVER = """
    window.had = {};
    addEventListener("DOMContentLoaded", () => {
        const look = () => document.querySelectorAll("[sse-swap^=text]").forEach(element => {
            const texts = window.had[element.getAttribute("sse-swap")] ??= [];
            if (texts.at(-1) !== element.textContent) texts.push(element.textContent);
        });
        new MutationObserver(look).observe(document.body, { childList: true, characterData: true, subtree: true });
    });
"""

# The lengths of answers that run, once all of them are longer.
GROWN = """([numbers, before]) => {
    const texts = numbers.map(number => document.querySelector(`[sse-swap=text-${number}]`)?.textContent ?? "");
    return texts.every((text, index) => text.length > before[index]) && texts.map(text => text.length);
}"""


def serve(seconds):
    """A server of the example; seconds from one token to the next."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PACE", seconds)
        with chirp_trio(APP, "--access-log") as server:
            yield server
            assert server.stop() == 0
            assert server.unexpected_tracebacks() == 0


@pytest.fixture(scope="module")
def slow():
    """A server on which the long story takes minutes, so it goes on until somebody stops it."""
    yield from serve("0.5")


@pytest.fixture(scope="module")
def fast():
    """A server for what is looked at when an answer is over."""
    yield from serve("0.001")


@pytest.fixture(scope="module")
def windows_of_the_file(browser):
    """Windows of one browser, which stay for all tests: to begin a page costs more than most of them do with it."""
    with opening(browser) as open_page:
        first = open_page()
        windows = [first, open_page(beside=first), open_page(beside=first)]
        for window in windows:
            window.add_init_script(OBSERVER)
        yield windows


@pytest.fixture
def window(windows_of_the_file):
    """Loads the page in one more window of a browser that has asked nothing yet, with either generation of htmx."""
    free = iter(windows_of_the_file)
    used = []

    def window(address, generation="2"):
        used.append(page := next(free))
        page.goto("http://{}:{}/?htmx={}".format(*address, generation))
        return page

    yield window
    for page in used:
        put_back(page)


@pytest.fixture
def windows(window):
    """Loads the page in two windows of one browser, with the two generations of htmx."""

    def windows(address):
        return window(address, "2"), window(address, "4")

    return windows


def ask(page, question):
    page.get_by_label("Question").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()


def suggest(page, question):
    page.get_by_role("button", name=question).click()


def text(page, number=1):
    """The element of an answer that runs."""
    return page.locator(f"[sse-swap=text-{number}]")


def answer(page, number=1):
    return page.locator(f"[sse-swap=answer-{number}]")


def expect_to_grow(*pages, numbers=(1,), timeout=SOON):
    """Each of these answers has begun on each of these pages, and then gets longer."""

    def wait_for_more(page, lengths):
        more = page.wait_for_function(GROWN, arg=[numbers, lengths], timeout=timeout, polling=100)
        return more.json_value()

    numbers = list(numbers)
    lengths = [wait_for_more(page, [0] * len(numbers)) for page in pages]
    for page, before in zip(pages, lengths, strict=True):
        wait_for_more(page, before)


def texts(page, number=1):
    """The texts that an answer has had: each begins with the one before it."""
    texts = page.evaluate("name => window.had[name]", f"text-{number}")
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
    return texts


def stop(page, number=1):
    answer(page, number).get_by_role("button", name="Stop").click()


def expect_stopped(*pages, number=1):
    for page in pages:
        expect(answer(page, number)).to_contain_text("Stopped.", timeout=LATER)


def expect_beginning(*pages):
    """What each page has had is the beginning of the story; returns it."""
    said = [texts(page)[-1] for page in pages]
    assert all(ANSWERS[STORY].startswith(one) for one in said)
    return said


def test_tokens_appear_one_by_one_and_become_html(windows, fast):
    pages = one, other = windows(fast.address)
    suggest(one, ESCAPE)
    ask(other, UNKNOWN)
    for page in pages:
        expect(answer(page, 1).locator("li code")).to_have_text(["<", "&lt;", ">", "&gt;", "&", "&amp;"], timeout=LATER)
        expect(answer(page, 1)).to_contain_text('<b>this would be bold</b>, and <script>alert("this")</script> would run.')
        expect(answer(page, 2).locator("strong")).to_have_text(UNKNOWN, timeout=LATER)
        expect(page.locator("b, i, .answer script, .answer button")).to_have_count(0)
        assert len(texts(page)) > 50
        assert texts(page)[-1] == ANSWERS[ESCAPE]


def test_several_answers_at_once_come_over_one_connection_and_one_too_many_comes_back_with_what_is_wrong(windows, slow):
    pages = windows(slow.address)
    for number in range(1, 5):
        suggest(page := pages[number % 2], STORY)
        expect(answer(page, number)).to_be_visible(timeout=SOON)
    expect_to_grow(*pages, numbers=range(1, 5))
    for number, page in enumerate(pages, 1):
        ask(page, UNKNOWN)
        expect(page.get_by_role("alert")).to_contain_text("4 answers are being written.", timeout=SOON)
        expect(page.get_by_label("Question")).to_have_value(UNKNOWN)
        stop(page, number)
        expect_stopped(page, number=number)
        page.get_by_role("button", name="Ask", exact=True).click()
        expect(page.get_by_role("alert")).to_have_count(0)
        expect(page.get_by_label("Question")).to_have_value("")
        expect_to_grow(*pages, numbers=(4, 4 + number))
    for page in pages:
        expect(page.locator(".question")).to_have_text([STORY] * 4 + [UNKNOWN] * 2)
        assert len(page.streams) == 1
    before = slow.mark()
    for page in pages:
        closing = slow.mark()
        page.goto("about:blank")
        slow.wait_for_line('"GET /live', closing)
    assert sum('"GET /live' in line for line in slow.lines(before)) == 2


def test_stop_ends_an_answer_in_every_window_and_retry_begins_it_anew(windows, slow):
    pages = windows(slow.address)
    suggest(pages[0], STORY)
    expect_to_grow(*pages)
    for stopping, trying in (pages, pages[::-1]):
        expect(text(stopping)).to_contain_text("The stream", timeout=SOON)
        stop(stopping)
        expect_stopped(*pages)
        for page in pages:
            expect(text(page)).to_have_count(0)
        one, other = (answer(page).locator(".said").inner_text() for page in pages)
        assert one == other
        assert one.startswith("The stream")
        answer(trying).get_by_role("button", name="Retry").click()
        expect_to_grow(*pages)


def test_an_answer_that_fails_half_way_says_so_and_can_be_tried_again(windows, fast):
    pages = windows(fast.address)
    suggest(pages[0], FAIL)
    for page in pages:
        expect(answer(page)).to_contain_text("The model has closed the connection.", timeout=SOON)
        expect(answer(page)).to_contain_text("This answer breaks off in the middle")
        expect(answer(page)).not_to_contain_text("which is here")
    answer(pages[1]).get_by_role("button", name="Retry").click()
    for page in pages:
        expect(answer(page).locator(".said")).to_contain_text("which is here.", timeout=SOON)
        expect(answer(page)).not_to_contain_text("The model has closed")
        expect(answer(page).get_by_role("button")).to_have_count(0)


def test_who_is_late_or_without_a_network_or_loads_the_page_again_misses_no_token_and_who_leaves_stops_nothing(
    window, windows, windows_of_the_file, slow
):
    held = []
    for page in windows_of_the_file[:2]:
        page.route("**/live?*", lambda route: held.append(route), times=1)
    with Network(slow.address) as network:
        far = windows(network.address)
        near = window(slow.address)
        suggest(near, STORY)
        expect(text(near)).to_contain_text("On day 1", timeout=SOON)
        for page in far:
            expect(page.locator(".question")).to_have_count(0)
        for route in held:
            route.continue_()  # and the question comes in one piece with its tokens
        expect_to_grow(*far)
        expect_beginning(*far)
        network.take_away()
        kept = [text(page).inner_text() for page in far]
        expect_to_grow(near)
        expect_to_grow(near)
        assert [text(page).inner_text() for page in far] == kept
        network.give_back()
        expect_to_grow(*far, timeout=LATER)
        expect_beginning(*far)
        for page in far:
            before = text(page).inner_text()
            page.reload()
            assert text(page).inner_text().startswith(before)
        near.goto("about:blank")
        expect_to_grow(*far)
        stop(far[0])
        expect_stopped(*far)
        one, other = expect_beginning(*far)
        assert one == other


def test_nothing_is_wider_than_the_window(window, fast):
    page = window(fast.address)
    ask(page, "w" * 300)
    suggest(page, CANCEL)
    expect(answer(page, 2).locator("pre")).to_be_visible(timeout=LATER)
    for width in (320, 390, 1600):
        page.set_viewport_size({"width": width, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.querySelector('.scroll').scrollWidth <= document.querySelector('.scroll').clientWidth")
        expect(page.get_by_role("button", name="Ask", exact=True)).to_be_in_viewport()
