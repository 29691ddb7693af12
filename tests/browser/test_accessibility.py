"""What axe-core has against the pages of the examples, light and dark, and whether they are wider than a phone."""

import pytest
from playwright.sync_api import expect

from tests.docs.runner import ROOT
from tests.integration.server import chirp_trio

SOON = 10_000  # milliseconds
NAMES = ["dashboard/dashboard", "chat/chat", "progress/progress", "answers/answers", "log_tail/log_tail", "todo/todo"]


def enter_the_room(page):
    page.get_by_label("What shall the others call you?").fill("Ada")
    page.get_by_role("button", name="Enter").click()
    expect(page.locator(".live")).to_have_text("Live", timeout=SOON)
    for text in ("hello", "is anybody here?"):
        field = page.get_by_label("Message", exact=True)
        field.fill(text)
        page.get_by_role("button", name="Send").click()
        expect(field).to_have_value("", timeout=SOON)


def import_a_file(page):
    page.get_by_label("orders-april.csv").check()
    page.get_by_role("button", name="Import").click()
    expect(page.locator(".status")).to_have_text("Failed", timeout=SOON)


# What a visitor does on the first page, to come to the next one.
FURTHER = {"chat/chat": enter_the_room, "progress/progress": import_a_file}


@pytest.mark.parametrize("name", NAMES)
def test_everybody_can_read_an_example_light_on_a_desk_and_dark_on_a_phone(pages, axe, name):
    page, _ = pages
    with chirp_trio(f"{ROOT / 'examples' / name}.py:app") as server:  # none goes on for longer than it is looked at
        page.goto("http://{}:{}/".format(*server.address))
        found = looked_at(page, axe)
        if name in FURTHER:
            FURTHER[name](page)
            found += looked_at(page, axe)
        page.goto("about:blank")
    assert found == []


def looked_at(page, axe):
    found = []
    for scheme, width in (("light", 1600), ("dark", 390)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        found += [(scheme, *fault) for fault in axe(page)]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.append((scheme, f"is wider than {width} pixels", page.url))
    return found
