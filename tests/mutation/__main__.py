"""Puts faults into a copy of the package, one at a time, and runs the tests that run the line: `python -m tests.mutation`.

Only tests in memory are run. A fault that no test notices is printed; some of them change nothing that anybody could see.
"""

import argparse
import importlib.util
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from pathlib import Path
from queue import SimpleQueue

import pytest

from .mutants import Mutant, all_mutants
from .running import USED, run_tests

ROOT = Path(__file__).parents[2]
# The reference, because it says every default.
IN_MEMORY = ["tests/unit", "tests/web", "tests/lifecycle", "tests/property", "tests/meta/test_reference.py"]
GOAL = 0.9  # of the faults are to be noticed
# Seconds of processor time that the tests of one fault take at most: a few tests at first, which notice most faults, and
# then many.
FEW, MANY = 2.0, 25.0
PATIENCE = 1800.0  # seconds, until a run counts as one that hangs, and the fault as noticed
FORKING = multiprocessing.get_context("forkserver")


class Recording:
    """Which tests run a line.

    Args:
        path: What `recording.py` has written.
    """

    def __init__(self, path: Path) -> None:
        recorded = json.loads(path.read_text())
        self.seconds: dict[str, float] = recorded["seconds"]
        lines_of_tests: dict[str, list[str]] = {
            test: lines for test, lines in recorded["lines"].items() if test in self.seconds
        }  # without what is run while modules are imported
        self._breadth = {test: len(lines) for test, lines in lines_of_tests.items()}
        self._of_line: dict[str, set[str]] = defaultdict(set)
        self._of_file: dict[str, set[str]] = defaultdict(set)
        for test, lines in lines_of_tests.items():
            for line in lines:
                self._of_line[line].add(test)
                self._of_file[line.rpartition(":")[0]].add(test)

    def tests_of(self, mutant: Mutant) -> Iterator[list[str]]:
        """The tests for a fault, the most telling first: a few of them, then many.

        These are the tests that run its line. A line that no test runs is run while its module is imported, as a default
        is: then they are those of its file, and the reference's.
        """
        file = str(mutant.path.relative_to("chirp_trio"))
        tests = self._of_line.get(f"{file}:{mutant.line}")
        first: list[str] = []
        if not tests:
            tests = self._of_file.get(file, set())
            first = [test for test in self.seconds if test.startswith("tests/meta/")]
        # What runs little of the package says the most about each line that it runs.
        telling = sorted(tests, key=lambda test: (self._breadth[test], self.seconds[test], test))
        few = first + self._within(FEW, telling)
        if few:
            yield few
        files: dict[str, list[str]] = defaultdict(list)
        for test in sorted(tests.difference(few), key=lambda test: (self.seconds[test], test)):
            files[test.partition("::")[0]].append(test)
        if files:  # the quick ones of each file first
            yield self._within(MANY, (test for turn in zip_longest(*files.values()) for test in turn if test is not None))

    def _within(self, most: float, tests: Iterable[str]) -> list[str]:
        """The first of some tests, as many as take so many seconds; at least one."""
        chosen: list[str] = []
        seconds = 0.0
        for test in tests:
            seconds += self.seconds[test]
            if seconds > most and chosen:
                break
            chosen.append(test)
        return chosen


def main() -> int:
    arguments = parse()
    os.environ["CHIRP_TRIO_EXAMPLES"] = "all"  # of the property tests, whose third is for runs of all tests
    FORKING.set_forkserver_preload(USED)
    with tempfile.TemporaryDirectory() as folder:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(arguments.processes):
            copy = copy_to(Path(folder) / str(number))
            copies.put(copy)
        mutants = list(all_mutants(copy, arguments.rooms))
        recording = Recording(arguments.recording or record(Path(folder)))
        sample = random.Random(arguments.seed).sample(mutants, min(arguments.sample, len(mutants)))

        def is_noticed(mutant: Mutant) -> bool:
            copy = copies.get()
            try:
                noticed = any(
                    try_out(mutant, tests, copy, sum(map(recording.seconds.__getitem__, tests)))
                    for tests in recording.tests_of(mutant)
                )
            finally:
                copies.put(copy)
            print(f"{'noticed ' if noticed else 'SURVIVED'} {mutant}", flush=True)
            return noticed

        with ThreadPoolExecutor(arguments.processes) as threads:
            noticed = list(threads.map(is_noticed, sample))
    share = sum(noticed) / len(noticed)
    print(
        f"{sum(noticed)} of {len(noticed)} faults noticed ({share:.0%}), of {len(mutants)} there are; seed {arguments.seed}"
    )
    return share < GOAL


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--sample", type=int, default=200, help="how many faults")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--processes", type=int, default=2, help="how many at once")
    parser.add_argument("--recording", type=Path, help="one that a run of `recording.py` has made, instead of a new one")
    parser.add_argument("rooms", nargs="*", default=["wire", "stream", "topics"], help="of the package")
    return parser.parse_args()


def copy_to(folder: Path) -> Path:
    """The files of the repository, with nothing that git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


def record(folder: Path) -> Path:
    """Run the tests in memory once as they are."""
    path = folder / "recording.json"
    copy = copy_to(folder / "recording")
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "tests.mutation.recording"]
    environment = os.environ | {"PYTHONPATH": str(copy), "CHIRP_TRIO_RECORDING": str(path)}
    run = subprocess.run([sys.executable, "-m", "pytest", *options, *IN_MEMORY], cwd=copy, env=environment, check=False)
    if run.returncode not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        sys.exit(run.returncode)
    return path


def try_out(mutant: Mutant, tests: list[str], copy: Path, seconds: float) -> bool:
    """Whether one of some tests, which take so many seconds, fails or hangs with a fault."""
    path, named = copy / mutant.path, copy / "tests.txt"
    source = path.read_text()
    named.write_text("\n".join(tests))
    path.write_text(mutant.apply(source))
    forget_compiled(path)
    run = FORKING.Process(target=run_tests, args=(copy, [f"@{named}"], seconds))
    try:
        run.start()
        run.join(PATIENCE)
        run.kill()
        run.join()
    finally:
        path.write_text(source)
        forget_compiled(path)
    return run.exitcode != 0


def forget_compiled(path: Path) -> None:
    """Python tells sources apart by their time, in seconds, and their length, which two faults may share."""
    Path(importlib.util.cache_from_source(path)).unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
