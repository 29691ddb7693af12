"""What pages are told of when to come back is obeyed by EventSource and by htmx 4, and does not stay for ever."""

from itertools import pairwise
from urllib.parse import quote

from tests.browser.network import Network
from tests.browser.reconnecting import FAREWELL, PAGES
from tests.docs.runner import ROOT
from tests.integration.server import chirp_trio

LATER = 60_000  # milliseconds
# htmx 4 comes back up to 30 % earlier or later than it was told, by chance; whoever is told nothing, within a second.
EARLIEST = 0.65 * FAREWELL * 1000


def pauses(shown):
    """How long the pause before each connection but the first was."""
    return [now - before for (last, before), (name, now) in pairwise(shown) if name != last]


def wait_for_connections(page, number):
    page.wait_for_function(f"new Set(shown.map(([name]) => name)).size >= {number}", timeout=LATER, polling=100)


def test_a_farewell_is_obeyed_and_taken_back_by_the_next_stream(pages):
    with (
        chirp_trio("tests/browser/reconnecting.py:stopping", cwd=ROOT) as stopping,
        chirp_trio("tests/browser/reconnecting.py:lasting", cwd=ROOT) as lasting,
        Network(stopping.address) as network,
    ):
        for page, kind in zip(pages, PAGES, strict=True):
            page.goto("http://{}:{}/pages/{}".format(*network.address, quote(kind)))
            wait_for_connections(page, 1)
        network.lead_to(lasting.address)
        assert stopping.stop() == 0
        for page in pages:
            wait_for_connections(page, 5)
        measured = {kind: pauses(page.evaluate("shown")) for page, kind in zip(pages, PAGES, strict=True)}
        named = {kind: page.evaluate("named") for page, kind in zip(pages, PAGES, strict=True)}
        for page in pages:
            page.goto("about:blank")
        assert lasting.stop() == 0

    for after_farewell, *others in measured.values():
        assert after_farewell > EARLIEST, measured
        assert min(others[:3]) < EARLIEST, measured
    # htmx 4 makes events of the page of them; to EventSource a name without data is nothing.
    assert named["EventSource"] == []
    assert named["htmx 4"][:3] == ["chirp:hello", "chirp:bye", "chirp:hello"]
