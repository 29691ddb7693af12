"""Puts faults into a copy of the package, one at a time, and runs the tests that run the line: `python -m tests.mutation`.

Only tests in memory are run. A fault that no test notices is printed; some of them change nothing that anybody could see.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from pathlib import Path
from queue import SimpleQueue

from .mutants import Mutant, all_mutants

ROOT = Path(__file__).parents[2]
IN_MEMORY = ["tests/unit", "tests/web", "tests/lifecycle", "tests/property"]
GOAL = 0.9  # of the faults are to be noticed
# Seconds that the tests of one fault take at most where there are many: the quick ones of each file come first.
MOST = 90.0
PATIENCE = 300.0  # seconds, until a run counts as one that hangs, and the fault as noticed
PYTEST = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--timeout=60"]


class Recording:
    """Which tests run a line.

    Args:
        path: What `recording.py` has written.
    """

    def __init__(self, path: Path) -> None:
        recorded = json.loads(path.read_text())
        self.seconds: dict[str, float] = recorded["seconds"]
        self._of_line: dict[str, set[str]] = defaultdict(set)
        self._of_file: dict[str, set[str]] = defaultdict(set)
        for test, lines in recorded["lines"].items():
            if test in self.seconds:  # otherwise it is what is run while modules are imported
                for line in lines:
                    self._of_line[line].add(test)
                    self._of_file[line.rpartition(":")[0]].add(test)

    def tests_of(self, mutant: Mutant) -> list[str]:
        """Those that run its line, or else, as for a constant, its file; the quick ones of each file of tests first."""
        file = str(mutant.path.relative_to("chirp_trio"))
        tests = self._of_line.get(f"{file}:{mutant.line}") or self._of_file.get(file, set())
        files: dict[str, list[str]] = defaultdict(list)
        for test in sorted(tests, key=lambda test: (self.seconds[test], test)):
            files[test.partition("::")[0]].append(test)
        in_turn = [test for turn in zip_longest(*files.values()) for test in turn if test is not None]
        chosen: list[str] = []
        seconds = 0.0
        for test in in_turn:
            seconds += self.seconds[test]
            if seconds > MOST and chosen:
                break
            chosen.append(test)
        return chosen


def main() -> int:
    arguments = parse()
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
                noticed = try_out(mutant, recording.tests_of(mutant), copy)
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
    command = [*PYTEST, "-p", "tests.mutation.recording", *IN_MEMORY]
    subprocess.run(command, cwd=copy, env=environment(copy) | {"CHIRP_TRIO_RECORDING": str(path)}, check=True)
    return path


def try_out(mutant: Mutant, tests: list[str], copy: Path) -> bool:
    """Whether one of some tests fails, or hangs, with a fault."""
    path, named = copy / mutant.path, copy / "tests.txt"
    source = path.read_text()
    named.write_text("\n".join(tests))
    path.write_text(mutant.apply(source))
    try:
        run = subprocess.run([*PYTEST, f"@{named}"], cwd=copy, env=environment(copy), capture_output=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return True
    finally:
        path.write_text(source)
    return run.returncode != 0


def environment(copy: Path) -> dict[str, str]:
    """In which the copy is imported, and not the package that is installed."""
    return os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}


if __name__ == "__main__":
    sys.exit(main())
