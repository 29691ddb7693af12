"""`python -m tests.benchmarks.publish`: put what the last full run has measured into the documentation."""

import shutil
import sys

from .machine import describe_machine
from .processes import ROOT

WRITTEN = ROOT / ".benchmarks" / "performance.md"
PLOT = WRITTEN.with_suffix(".svg")
PAGE = ROOT / "docs" / "explanation" / "performance.md"
HEADING = "## What was measured\n"
SECTION = """{heading}
{machine}

Each number is the median of as many rounds as the second column says; in parentheses are the least and the most.
The ratio is that of the number before it to the first row's.
Where both have as many rounds, it is the median of the ratios of those that came one after the other.

{tables}

![What each workload is compared by, for each server](performance.svg)

### The goals

{judged}
"""


def write(tables, judged, plot):
    """Write the section of the page, and its plot."""
    WRITTEN.parent.mkdir(exist_ok=True)
    section = SECTION.format(heading=HEADING, machine=describe_machine(), tables=tables, judged=judged)
    WRITTEN.write_text(section, encoding="utf-8")
    PLOT.write_text(plot, encoding="utf-8")


def main():
    """Replace the section, which is all from its heading to the next one of its rank, and the plot."""
    if not (WRITTEN.exists() and PLOT.exists()):
        sys.exit(f"{WRITTEN.relative_to(ROOT)} is not there: `make bench` writes it")
    before, _, after = PAGE.read_text(encoding="utf-8").partition(HEADING)
    _, heading, rest = after.partition("\n## ")
    PAGE.write_text(before + WRITTEN.read_text(encoding="utf-8") + heading + rest, encoding="utf-8")
    shutil.copyfile(PLOT, PAGE.with_suffix(".svg"))


if __name__ == "__main__":
    main()
