"""`python -m tests.browser.delays`: how much later than in plain events are shown in each coding, by real browsers.

A page reads one topic in all codings at a time, so each event is compared with itself: 200, published at random times.
Prints, for each browser and way to read, the median, the 99th percentile and the most, in milliseconds after the plain one;
exits with 1 where one is more than 50 ms later.
"""

import statistics
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import ARGUMENTS, find_chromium
from tests.browser.firefox import Firefox
from tests.browser.test_compression import CODINGS, opened, told
from tests.integration import server

EVENTS = 200
KINDS = ["EventSource", "fetch", "htmx2", "htmx4"]
MOST = 50  # milliseconds


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


def measure(visitor, kind):
    """For each coding, by how many milliseconds each event was later than in plain; and how late the plain ones were."""
    with server.chirp_trio("compressed:app") as running:
        address = f"http://localhost:{running.address[1]}"
        opened(visitor, f"{address}/page/{kind}", address)
        told(address, f"/publish/{EVENTS}", "POST")
        visitor.evaluate(f"wait({EVENTS})")
        times, shown, sent = visitor.evaluate("times"), visitor.evaluate("shown"), told(address, "/sent")
        visitor.goto("about:blank")
    assert all(shown[coding] == sent for coding in CODINGS)
    published = [float(text.split("'")[1]) for text in sent]
    plain = times["identity"]
    yield "plain, after it was published", [at - made for at, made in zip(plain, published, strict=True)]
    for coding in CODINGS[1:]:
        yield coding, [at - other for at, other in zip(times[coding], plain, strict=True)]


def main():
    is_late = False
    print("| browser | reads by | coding | median | p99 | most |\n| --- | --- | --- | --: | --: | --: |")
    for name, browser in {"Chromium": chromium, "Firefox": firefox}.items():
        with browser() as visitor:
            for kind in KINDS:
                for coding, late in measure(visitor, kind):
                    figures = statistics.median(late), statistics.quantiles(late, n=100)[98], max(late)
                    print(f"| {name} | {kind} | {coding} | {' | '.join(f'{figure:.1f}' for figure in figures)} |", flush=True)
                    is_late |= coding in CODINGS and figures[-1] > MOST
    return int(is_late)


if __name__ == "__main__":
    sys.exit(main())
