"""A plugin of pytest: which lines of the package each test runs, and how long it computes. Written to a file at the end.

A test that fails without a fault, such as on a busy machine, would notice every one, so it is left out.
"""

import json
import os
import sys
import time
from collections import defaultdict
from pathlib import Path
from types import CodeType

import pytest

PACKAGE = str(Path(__file__).parents[2] / "chirp_trio") + os.sep
TOOL = sys.monitoring.PROFILER_ID
OUTSIDE = ""  # of any test: what is run while modules are imported


class Recorder:
    """Attributes: lines: of each test; seconds: of processor time that it took, which are the same on a busy machine."""

    def __init__(self, path: Path) -> None:
        self.lines: dict[str, set[tuple[str, int]]] = defaultdict(set)
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()
        self._path = path
        self._now = OUTSIDE

    def pytest_sessionstart(self) -> None:
        sys.monitoring.use_tool_id(TOOL, "mutation")
        sys.monitoring.register_callback(TOOL, sys.monitoring.events.LINE, self._see)
        sys.monitoring.set_events(TOOL, sys.monitoring.events.LINE)

    def pytest_sessionfinish(self) -> None:
        sys.monitoring.free_tool_id(TOOL)
        lines = {test: sorted(f"{path}:{line}" for path, line in seen) for test, seen in self.lines.items()}
        seconds = {test: seconds for test, seconds in self.seconds.items() if test not in self.failed}
        self._path.write_text(json.dumps({"lines": lines, "seconds": seconds}))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> object:
        self._now = item.nodeid
        forget_answers()
        sys.monitoring.restart_events()
        began = time.process_time()
        result = yield
        self.seconds[item.nodeid] = time.process_time() - began
        self._now = OUTSIDE
        return result

    def _see(self, code: CodeType, line: int) -> object:
        if code.co_filename.startswith(PACKAGE):
            self.lines[self._now].add((code.co_filename.removeprefix(PACKAGE), line))
        return sys.monitoring.DISABLE  # until the next test


def forget_answers() -> None:
    """Empty the caches of the package's functions, which would otherwise run for the first test that calls them only."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "chirp_trio":
            for function in list(vars(module).values()):
                if hasattr(function, "cache_clear"):
                    function.cache_clear()


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Recorder(Path(os.environ["CHIRP_TRIO_RECORDING"])))
