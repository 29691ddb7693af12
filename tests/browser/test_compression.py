"""Compressed streams in a real browser: each event is shown before the next one is published, though a connection is cut."""

import json
import urllib.request

import pytest

from tests.integration import server

PATIENCE = 120_000


@pytest.fixture
def address():
    with server.chirp_trio("compressed:app") as running:
        yield f"http://localhost:{running.address[1]}"


def told(url):
    with urllib.request.urlopen(url) as response:
        return json.load(response)


@pytest.mark.parametrize(
    ("coding", "used"),
    [("identity", None), ("gzip", "gzip"), ("zstd", "zstd"), ("any", "dcz")],
    ids=["plain", "gzip", "zstd", "any"],
)
def test_each_event_is_shown_before_the_next_one_is_published(coding, used, page, address):
    page.goto(f"{address}/page/{coding}")
    page.wait_for_function("document.title == 'done'", timeout=PATIENCE)

    sent = told(f"{address}/sent")
    assert len(sent) == 60
    assert page.evaluate("shown") == sent
    assert page.evaluate("read") == sent[: len(sent) // 2]  # until its connection was cut
    assert page.evaluate("coding") == used
    asked = told(f"{address}/asked")
    assert asked["ours"] in asked["available"]  # for every coding: the page has fetched the dictionary
