"""`python -m tests.browser.delays`: how much later than in plain events are shown in each coding, by real browsers.

A page reads one topic in all codings at a time, so each event is compared with itself: 200, published at random times; the
network is cut after the first half, and some more are published while it is away. A second plain stream, the control, tells
how much of a difference is the machine's own: it is read beside the others, in the midst of them.
Prints, for each browser and way to read, the median, the 99th percentile and the most, in milliseconds after the plain one,
and how many events were more than 50 ms later. Exits with 1 where clearly more of a coding's were than of the control's, and
fails where a coding had other events, other ids or no end.
"""

import argparse
import statistics
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import ARGUMENTS, find_chromium
from tests.browser.firefox import Firefox
from tests.browser.network import Network
from tests.browser.test_compression import opened, told
from tests.integration import server

EVENTS = 200
AWAY = 3  # that are published while there is no network, and so are not compared
MOST = 50  # milliseconds
CLEARLY = 3  # events that may be as late by chance, beyond twice as many as the control's
KINDS = ["EventSource", "fetch", "htmx2", "htmx4"]
CODINGS = ["gzip", "zstd", "any"]


@contextmanager
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        yield browser.new_page()
        browser.close()


@contextmanager
def firefox():
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, Firefox(Path(profile)) as browser:
        yield browser


BROWSERS = {"Chromium": chromium, "Firefox": firefox}


def measure(visitor, kind):
    """For each stream, by how many milliseconds each event was later than in plain; and how late the plain ones were."""
    half = EVENTS // 2
    with server.chirp_trio("compressed:app") as running, Network(running.address) as network:
        direct = "http://{}:{}".format(*running.address)
        page = f"http://localhost:{network.address[1]}/page/{kind}?controlled"
        opened(visitor, page, direct, len(CODINGS) + 2)
        told(direct, f"/publish/{half}", "POST")
        visitor.evaluate(f"wait({half})")
        network.take_away()
        for _ in range(AWAY):
            told(direct, "/next", "POST")
        network.give_back()
        visitor.evaluate(f"wait({half + AWAY})")
        told(direct, f"/publish/{EVENTS - half}", "POST")
        visitor.evaluate(f"wait({EVENTS + AWAY})")
        told(direct, "/end", "POST")
        if kind in ("EventSource", "fetch"):
            visitor.evaluate("haveEnded()")
        shown, ids, times = (visitor.evaluate(name) for name in ("shown", "ids", "times"))
        sent = told(direct, "/sent")
        visitor.goto("about:blank")
    assert set(shown) == {"identity", "control", *CODINGS}
    for coding in shown:
        assert shown[coding] == sent, f"{coding} had other events"
        assert ids[coding] == ids["identity"], f"{coding} had other ids"
    compared = [*range(half), *range(half + AWAY, EVENTS + AWAY)]
    published = [float(text.split("'")[1]) for text in sent]
    plain = times["identity"]
    yield "plain, after it was published", [plain[number] - published[number] for number in compared]
    for coding in ("control", *CODINGS):
        yield coding, [times[coding][number] - plain[number] for number in compared]


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.browser.delays", description=__doc__)
    parser.add_argument("--browser", action="append", choices=BROWSERS, help="measure this one; may be given several times")
    parser.add_argument("--kind", action="append", choices=KINDS, help="measure this way to read; may be given several times")
    arguments = parser.parse_args()
    is_late = False
    print("| browser | reads by | stream | median | p99 | most | over 50 ms |\n| --- | --- | --- | --: | --: | --: | --: |")
    for name in arguments.browser or BROWSERS:
        with BROWSERS[name]() as visitor:
            for kind in arguments.kind or KINDS:
                over = {}
                for stream, late in measure(visitor, kind):
                    over[stream] = sum(one > MOST for one in late)
                    figures = statistics.median(late), statistics.quantiles(late, n=100)[98], max(late)
                    row = [name, kind, stream, *(f"{figure:.1f}" for figure in figures), str(over[stream])]
                    print(f"| {' | '.join(row)} |", flush=True)
                is_late |= any(over[coding] > 2 * over["control"] + CLEARLY for coding in CODINGS)
    return int(is_late)


if __name__ == "__main__":
    sys.exit(main())
