"""What pages are told of when to come back is obeyed by EventSource and by htmx 4, and does not stay for ever."""

from itertools import pairwise
from urllib.parse import quote

import pytest

from tests.browser.network import Network
from tests.browser.reconnecting import FAREWELL, PAGES
from tests.docs.runner import ROOT
from tests.integration.server import chirp_trio

LATER = 60_000  # milliseconds
# htmx 4 comes back up to 30 % earlier or later than it was told, by chance; whoever is told nothing, within a second.
EARLIEST = 0.65 * FAREWELL * 1000


def pauses(shown):
    """How long each pause between two connections was, by the name of the one after it."""
    pairs = pairwise(shown)
    return {name: now - before for (last, before), (name, now) in pairs if name != last}


@pytest.mark.parametrize("kind", PAGES)
def test_a_farewell_is_obeyed_and_taken_back_by_the_next_stream(page, kind):
    with (
        chirp_trio("tests/browser/reconnecting.py:stopping", cwd=ROOT) as stopping,
        chirp_trio("tests/browser/reconnecting.py:lasting", cwd=ROOT) as lasting,
        Network(stopping.address) as network,
    ):
        page.goto("http://{}:{}/pages/{}".format(*network.address, quote(kind)))
        page.wait_for_function("shown.length > 0", timeout=LATER)
        network.lead_to(lasting.address)
        assert stopping.stop() == 0
        page.wait_for_function("shown.some(([name]) => name === 'lasting 4')", timeout=LATER)
        measured = pauses(page.evaluate("shown"))
        named = page.evaluate("named")
        page.close()
        assert lasting.stop() == 0

    after_farewell = measured["lasting 1"]
    assert after_farewell > EARLIEST, measured
    assert min(measured[f"lasting {number}"] for number in (2, 3, 4)) < EARLIEST, measured
    # htmx 4 makes events of the page of them; to EventSource a name without data is nothing.
    assert named[:3] == ([] if kind == "EventSource" else ["chirp:hello", "chirp:bye", "chirp:hello"])
