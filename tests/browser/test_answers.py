"""Answers in a real browser: token by token, several at once, stopped, failed and tried again, and loaded in the middle."""

import runpy
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from tests.browser.network import Network
from tests.docs.runner import ROOT
from tests.integration.server import chirp_trio

APP = f"{ROOT / 'examples' / 'answers' / 'answers.py'}:app"
MODEL = runpy.run_path(str(ROOT / "examples" / "answers" / "model.py"))
ANSWERS, (CANCEL, ESCAPE, STORY, FAIL) = MODEL["ANSWERS"], MODEL["SUGGESTIONS"]
SOON = 15_000  # milliseconds
LATER = 30_000  # milliseconds, for what waits until a browser tries again

generations = pytest.mark.parametrize("generation", ["2", "4"], ids=["htmx 2", "htmx 4"])

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


@pytest.fixture(scope="module")
def server():
    with chirp_trio(APP, "--access-log") as server:
        yield server
        assert server.stop() == 0
        assert server.unexpected_tracebacks() == 0


@pytest.fixture
def window(open_page, server):
    """Opens the page: in a browser of its own, or in another window of that of a page that is there."""

    def window(generation, address=server.address, beside=None, **options):
        page = open_page(beside=beside, **options)
        page.add_init_script(OBSERVER)
        page.goto("http://{}:{}/?htmx={}".format(*address, generation))
        return page

    return window


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


def expect_to_grow(page, number=1, timeout=SOON):
    expect(text(page, number)).not_to_be_empty(timeout=timeout)
    before = text(page, number).inner_text()
    expect(text(page, number)).not_to_have_text(before, timeout=timeout)


def expect_whole(page, question, number=1):
    """Every text that an answer has had begins with the one before it, and the last one is the answer."""
    expect(answer(page, number).locator(".said")).to_be_visible(timeout=LATER)
    texts = page.evaluate("name => window.had[name]", f"text-{number}")
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
    assert texts[-1] == ANSWERS[question]
    return texts


@generations
def test_tokens_appear_one_by_one_and_become_html(window, generation):
    page = window(generation)
    suggest(page, ESCAPE)
    expect_to_grow(page)
    assert len(expect_whole(page, ESCAPE)) > 50
    expect(answer(page).locator("li code")).to_have_text(["<", "&lt;", ">", "&gt;", "&", "&amp;"])
    expect(answer(page)).to_contain_text('<b>this would be bold</b>, and <script>alert("this")</script> would run.')
    expect(answer(page).locator("b, i, script, button")).to_have_count(0)


@generations
def test_several_answers_at_once_come_over_one_connection(window, server, generation):
    page = window(generation)
    suggest(page, STORY)
    expect_to_grow(page)
    ask(page, "<b>Who</b> & what?")
    expect_to_grow(page, 2)
    expect_to_grow(page, 1)
    expect(page.locator(".question")).to_have_text([STORY, "<b>Who</b> & what?"])
    expect(page.get_by_label("Question")).to_have_value("")
    expect(answer(page, 2).locator("strong")).to_have_text("<b>Who</b> & what?", timeout=SOON)
    expect_to_grow(page, 1)
    assert len(page.streams) == 1
    before = server.mark()
    page.context.close()
    server.wait_for_line('"GET /live', before)
    assert sum('"GET /live' in line for line in server.lines(before)) == 1


@generations
def test_stop_ends_an_answer_in_every_window_and_retry_begins_it_anew(window, generation):
    page = window(generation)
    suggest(page, STORY)
    other = window("4" if generation == "2" else "2", beside=page)
    for either in (page, other):
        expect_to_grow(either)
    answer(page).get_by_role("button", name="Stop").click()
    for either in (page, other):
        expect(answer(either)).to_contain_text("Stopped.", timeout=SOON)
        expect(text(either)).to_have_count(0)
    said = answer(page).locator(".said").inner_text()
    assert said.startswith("The stream\n")
    assert answer(other).locator(".said").inner_text() == said
    answer(other).get_by_role("button", name="Retry").click()
    for either in (page, other):
        expect_to_grow(either)
    answer(other).get_by_role("button", name="Stop").click()
    expect(answer(page)).to_contain_text("Stopped.", timeout=SOON)


@generations
def test_an_answer_that_fails_half_way_says_so_and_can_be_tried_again(window, generation):
    page = window(generation)
    suggest(page, FAIL)
    expect(answer(page)).to_contain_text("The model has closed the connection.", timeout=SOON)
    expect(answer(page)).to_contain_text("This answer breaks off in the middle")
    expect(answer(page)).not_to_contain_text("which is here")
    answer(page).get_by_role("button", name="Retry").click()
    expect_to_grow(page)
    expect(answer(page)).not_to_contain_text("The model has closed")
    expect(answer(page).locator(".said")).to_contain_text("which is here.", timeout=SOON)
    expect(answer(page).get_by_role("button")).to_have_count(0)


@generations
def test_a_page_that_is_loaded_in_the_middle_goes_on_and_one_that_is_closed_stops_nothing(window, generation):
    page = window(generation)
    suggest(page, CANCEL)
    expect_to_grow(page)
    before = text(page).inner_text()
    page.reload()
    assert text(page).inner_text().startswith(before)
    closed = window(generation, beside=page)
    expect_to_grow(closed)
    closed.close()
    expect_whole(page, CANCEL)
    expect(window(generation, beside=page).locator(".said pre")).to_be_visible()


@generations
def test_who_was_without_a_network_in_the_middle_misses_no_token(window, server, generation):
    with Network(server.address) as network:
        page = window(generation, network.address)
        suggest(page, ESCAPE)
        expect_to_grow(page)
        network.take_away()
        kept = text(page).inner_text()
        page.wait_for_timeout(500)  # while the answer goes on
        assert text(page).inner_text() == kept
        network.give_back()
        expect_whole(page, ESCAPE)


@generations
def test_a_question_that_comes_in_one_piece_with_its_tokens_misses_none_of_them(window, generation):
    page = window(generation)
    held = []
    page.route("**/live?*", lambda route: held.append(route), times=1)
    page.reload()
    suggest(page, ESCAPE)
    page.wait_for_timeout(1500)
    expect(page.locator(".question")).to_have_count(0)
    held.pop().continue_()
    expect_whole(page, ESCAPE)


@generations
def test_a_question_too_many_comes_back_with_what_is_wrong(window, generation):
    page = window(generation)
    for number in range(1, 5):
        suggest(page, STORY)
        expect(answer(page, number)).to_be_visible(timeout=SOON)
    ask(page, "One more")
    expect(page.get_by_role("alert")).to_contain_text("4 answers are being written.", timeout=SOON)
    expect(page.get_by_label("Question")).to_have_value("One more")
    answer(page, 1).get_by_role("button", name="Stop").click()
    expect(answer(page, 1)).to_contain_text("Stopped.", timeout=SOON)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect_to_grow(page, 5)


def test_nothing_is_wider_than_the_window(window):
    page = window("2")
    ask(page, "w" * 300)
    suggest(page, CANCEL)
    expect(answer(page, 2).locator("pre")).to_be_visible(timeout=LATER)
    for width in (320, 390, 1600):
        page.set_viewport_size({"width": width, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.querySelector('.scroll').scrollWidth <= document.querySelector('.scroll').clientWidth")
        expect(page.get_by_role("button", name="Ask", exact=True)).to_be_in_viewport()
