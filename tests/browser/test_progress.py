"""The progress of a job in a real browser: to its end and no further, through a lost network, and a server that is killed."""

import signal

import pytest
from playwright.sync_api import expect

from tests.browser.network import Network
from tests.docs.runner import ROOT
from tests.integration.server import SCRIPTS, Server, announced, chirp_trio

APP = f"{ROOT / 'examples' / 'progress' / 'progress.py'}:app"
SHORT, LONG, DAMAGED = "orders-march.csv", "orders-2026.csv", "orders-april.csv"  # three seconds, thirty, and three
SOON = 15_000  # milliseconds
LATER = 30_000  # milliseconds, for what waits until a browser tries again


@pytest.fixture(scope="module")
def server():
    with chirp_trio(APP, "--access-log") as server:
        yield server
        assert server.stop() == 0
        assert server.unexpected_tracebacks() == 0


@pytest.fixture
def window(open_page, server):
    """Opens a page of the example, in a browser of its own."""

    def window(path="/", address=server.address, **options):
        return open_page("http://{}:{}{}".format(*address, path), **options)

    return window


@pytest.fixture
def start(window):
    """Starts a job as a visitor does, and is then on its page."""

    def start(name, generation="2", *address, **options):
        page = window(f"/?htmx={generation}", *address, **options)
        page.get_by_label(name).check()
        page.get_by_role("button", name="Import").click()
        expect(page.get_by_role("heading", name=name)).to_be_visible(timeout=SOON)
        return page

    return start


@pytest.fixture
def start_both(start, window):
    """Starts a job as a visitor does; its page, and the same page with the other generation of htmx."""

    def start_both(name, *address):
        page = start(name, "2", *address)
        return page, window(path_of(page, "4"), *address)

    return start_both


def path_of(page, generation=None):
    """Where the page is on its server; perhaps for the other generation of htmx."""
    path, _, query = page.url.split("/", 3)[3].partition("?")
    return f"/{path}?{query if generation is None else f'htmx={generation}'}"


def bar(page):
    return page.get_by_role("progressbar")


def notes(page):
    return page.locator(".notes li")


def expect_to_move(*pages):
    shown = {page: bar(page).get_attribute("aria-valuenow") for page in pages}
    for page in pages:
        expect(bar(page)).not_to_have_attribute("aria-valuenow", shown[page], timeout=SOON)


def expect_status(page, status, timeout=SOON):
    expect(page.locator(".status")).to_have_text(status, timeout=timeout)


def expect_closed(page):
    """The page has closed its stream, because it was told to; it never opens it again."""
    page.wait_for_function("() => window.closedBy === 'message'", timeout=SOON)


# -- to the end --------------------------------------------------------------------------------------------------------


def test_the_bar_moves_to_the_end_and_then_the_stream_is_closed_for_good(start_both, server):
    pages = start_both(SHORT)
    expect_to_move(*pages)
    for page in pages:
        expect_status(page, "Finished")
        expect(bar(page)).to_have_attribute("aria-valuenow", "3000")
        expect(page.get_by_role("status")).to_contain_text("2,977 orders imported, 23 skipped", timeout=SOON)
        expect(notes(page)).to_have_count(23)
        expect_closed(page)
    page.wait_for_timeout(4000)  # a browser comes back after three seconds, if it does
    assert [len(page.streams) for page in pages] == [1, 1]
    job = path_of(page).partition("?")[0]
    assert [f'"GET {job}/live' in line for line in server.lines()].count(True) == 2


def test_a_job_that_fails_says_why(start_both):
    for page in start_both(DAMAGED):
        expect_status(page, "Failed")
        expect(page.get_by_role("status")).to_contain_text("The file ends in the middle of line 2,718.", timeout=SOON)
        expect(page.get_by_role("button")).to_have_count(0)
        expect_closed(page)


def test_windows_of_either_generation_see_the_same_job_and_whoever_cancels_it_cancels_it_for_all(start_both):
    one, other = start_both(LONG)
    for page in (one, other):
        for _ in range(2):
            expect_to_move(page)
        expect(page.locator(".live")).to_have_text("Live")
    # From the keyboard: what comes in must not take the focus away.
    button = one.get_by_role("button", name="Cancel")
    button.focus()
    expect_to_move(one)
    expect(button).to_be_focused()
    one.keyboard.press("Enter")
    for page in (one, other):
        expect_status(page, "Cancelled")
        expect(page.get_by_role("status")).to_contain_text("It was cancelled", timeout=SOON)
        expect(page.get_by_role("button")).to_have_count(0)
    assert bar(one).get_attribute("aria-valuenow") == bar(other).get_attribute("aria-valuenow")
    assert notes(one).all_inner_texts() == notes(other).all_inner_texts()
    expect_closed(other)


def test_a_page_that_is_loaded_again_goes_on_and_at_the_end_needs_no_stream(start_both):
    pages = start_both(SHORT)
    expect_to_move(*pages)
    for page in pages:
        before = int(bar(page).get_attribute("aria-valuenow"))
        page.reload()
        assert int(bar(page).get_attribute("aria-valuenow")) >= before
    for page in pages:
        expect_status(page, "Finished")
        expect(notes(page)).to_have_count(23)
        streams = len(page.streams)
        page.reload()
        expect_status(page, "Finished")
        expect(page.get_by_role("status")).to_contain_text("2,977 orders imported")
        assert len(page.streams) == streams


def test_without_javascript_the_page_shows_how_far_it_is(start):
    page = start(SHORT, java_script_enabled=False)
    expect(bar(page)).to_have_attribute("aria-valuemax", "3000")
    expect(page.locator(".connection")).to_be_hidden()
    expect_status(page, "Finished")
    expect(page.get_by_role("status")).to_contain_text("2,977 orders imported")


# -- a network that goes away, and a server that is killed --------------------------------------------------------------


def test_who_was_without_a_network_in_the_middle_misses_nothing(start, window, server):
    with Network(server.address) as network:
        near = start(LONG)
        everywhere_far = [window(path_of(near, generation), network.address) for generation in "24"]
        expect_to_move(*everywhere_far)
        network.take_away()
        missed = notes(near).count() + 3
        expect(notes(near).nth(missed)).to_be_attached(timeout=SOON)
        for far in everywhere_far:
            expect(far.locator(".late")).to_be_visible(timeout=SOON)
            assert notes(far).count() < missed
        network.give_back()
        for far in everywhere_far:
            expect(far.locator(".live")).to_be_visible(timeout=LATER)
            expect_to_move(far)
        near.get_by_role("button", name="Cancel").click()
        for page in (near, *everywhere_far):
            expect_status(page, "Cancelled")
        near.reload()
        for far in everywhere_far:
            assert notes(far).all_inner_texts() == notes(near).all_inner_texts()


def test_who_was_without_a_network_at_the_end_is_told_of_it_and_then_stays_away(start, window, server):
    with Network(server.address) as network:
        near = start(LONG)
        everywhere_far = [window(path_of(near, generation), network.address) for generation in "24"]
        expect_to_move(*everywhere_far)
        network.take_away()
        near.get_by_role("button", name="Cancel").click()
        expect_status(near, "Cancelled")
        for far in everywhere_far:
            expect(far.locator(".late")).to_be_visible(timeout=SOON)
        network.give_back()
        for far in everywhere_far:
            expect_status(far, "Cancelled", LATER)
            expect(notes(far)).to_have_text(notes(near).all_inner_texts())
            expect(far.get_by_role("status")).to_contain_text("It was cancelled")
            expect_closed(far)


def test_a_page_that_was_away_for_too_long_is_loaded_again_and_goes_on(start, window, server):
    near = start(LONG)
    expect(notes(near).nth(2)).to_be_attached(timeout=SOON)
    pages = [window(), window()]
    for page, generation in zip(pages, "24", strict=True):
        page.route(
            "**/live?*", lambda route: route.continue_(url=route.request.url.replace("event_id=", "event_id=no-")), times=1
        )
        # The second one is the stream of the page that is loaded again.
        with page.expect_request(lambda _, page=page: len(page.streams) == 2, timeout=SOON):
            page.goto("http://{}:{}{}".format(*server.address, path_of(near, generation)))
        expect(page.locator(".live")).to_have_text("Live", timeout=SOON)
        expect_to_move(page)
    near.get_by_role("button", name="Cancel").click()
    for either in (*pages, near):
        expect_status(either, "Cancelled")
    for page in pages:
        assert notes(page).all_inner_texts() == notes(near).all_inner_texts()
        expect_closed(page)
        assert len(page.streams) == 2


def test_a_server_that_is_killed_takes_its_jobs_along_and_the_page_says_so(start_both):
    with chirp_trio(APP) as server:
        pages = start_both(LONG, server.address)
        for page in pages:
            expect(notes(page).nth(1)).to_be_attached(timeout=SOON)
        server.signal(signal.SIGKILL)
        server.wait()
    kept = {}
    for page in pages:
        expect(page.locator(".late")).to_be_visible(timeout=SOON)
        expect(page.locator(".live")).to_be_hidden()
        kept[page] = notes(page).all_inner_texts()
    with Server([SCRIPTS / "chirp-trio", "run", "--port", str(server.address[1]), APP]) as again:
        announced(again)
        for page in pages:
            expect_status(page, "Gone", LATER)
            expect(page.get_by_role("status")).to_contain_text("This job is gone.")
            expect(bar(page)).to_have_count(0)
            expect(page.get_by_role("button")).to_have_count(0)
            expect(notes(page)).to_have_text(kept[page])
            expect_closed(page)
            page.reload()
            expect(page.get_by_text("This job is gone.")).to_be_visible(timeout=SOON)
        assert again.stop() == 0
        assert again.unexpected_tracebacks() == 0


def test_an_event_source_that_knows_nothing_of_the_last_event_is_ended_by_the_204(start):
    page = start(DAMAGED)
    expect_status(page, "Failed")
    over, none = path_of(page).partition("?")[0], "/jobs/none"
    page.evaluate("paths => { window.plain = paths.map(path => new EventSource(`${path}/live`)) }", [over, none])
    page.wait_for_function("() => window.plain.every(one => one.readyState === EventSource.CLOSED)", timeout=LATER)


# -- its looks ---------------------------------------------------------------------------------------------------------


def test_nothing_is_wider_than_the_window(start):
    page = start(SHORT)

    def in_each_width():
        for width in (320, 390, 1280):
            page.set_viewport_size({"width": width, "height": 700})
            yield width
            assert page.evaluate("document.documentElement.scrollWidth") <= width

    for _ in in_each_width():
        expect(page.get_by_role("button", name="Cancel")).to_be_in_viewport()
    expect_to_move(page)
    expect_status(page, "Finished")
    for width in in_each_width():
        # Where it begins on the card, to where the card ends.
        assert bar(page).bounding_box()["width"] > 0.75 * min(width, 44 * 16)
