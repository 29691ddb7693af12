"""Compressed streams in real browsers: each event is shown before the next one is published, after a cut network too.

All codings have the same events, ids and end.
"""

import json
import urllib.request

import pytest

from tests.browser.firefox import Firefox
from tests.browser.network import Network
from tests.integration import server

EVENTS = 24  # of all sizes, before the network is cut and after it
AWAY = 3  # that are published while there is no network
CODINGS = ["identity", "gzip", "zstd", "any"]


@pytest.fixture(scope="module", params=["Chromium", "Firefox"])
def visitor(request, tmp_path_factory):
    """A browser that goes to pages and evaluates expressions, which may be promises."""
    if request.param == "Firefox":
        with Firefox(tmp_path_factory.mktemp("profile")) as firefox:
            yield firefox
        return
    page = request.getfixturevalue("browser").new_page()
    yield page
    page.close()


def told(address, path, method="GET"):
    with urllib.request.urlopen(urllib.request.Request(f"{address}{path}", method=method)) as response:
        body = response.read()
        return json.loads(body) if body else None


def opened(visitor, page, address, streams=4):
    """Go to a page; return when so many streams are asked for."""
    visitor.goto(page)
    while len(told(address, "/asked")["available"]) < streams:
        visitor.evaluate("new Promise((resolve) => setTimeout(resolve, 50))")


@pytest.mark.parametrize("kind", ["EventSource", "fetch", "htmx2", "htmx4"])
def test_each_event_is_shown_before_the_next_one_is_published(kind, visitor):
    with server.chirp_trio("compressed:app") as running, Network(running.address) as network:
        direct = "http://{}:{}".format(*running.address)
        opened(visitor, f"http://localhost:{network.address[1]}/page/{kind}", direct)
        assert visitor.evaluate(f"reach({EVENTS // 2})")
        network.take_away()
        for _ in range(AWAY):
            told(direct, "/next", "POST")
        network.give_back()
        assert visitor.evaluate(f"wait({EVENTS // 2 + AWAY})")
        assert visitor.evaluate(f"reach({EVENTS})")
        told(direct, "/end", "POST")
        if kind in ("EventSource", "fetch"):
            assert visitor.evaluate("haveEnded()")

        sent, asked = told(direct, "/sent"), told(direct, "/asked")
        shown = visitor.evaluate("shown")
        ids = visitor.evaluate("ids")
        used = visitor.evaluate("used")
        visitor.goto("about:blank")

    assert len(sent) == EVENTS
    for coding in CODINGS:
        assert shown[coding] == sent, coding
        if kind in ("EventSource", "fetch"):
            assert len(set(ids[coding])) == EVENTS
            assert ids[coding] == ids["identity"]
    has_dictionary = asked["ours"] in asked["available"]
    assert has_dictionary == (not isinstance(visitor, Firefox))  # which has no dictionaries
    if kind == "fetch":
        assert used == {"identity": None, "gzip": "gzip", "zstd": "zstd", "any": "dcz" if has_dictionary else "zstd"}
