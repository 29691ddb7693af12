"""What all tests share: how hypothesis runs, what asserts in helpers say, what the garbage collector looks at, where coverage
counts, and reports between processes."""

import gc
import os
import signal
import tempfile
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import HealthCheck, given, settings, strategies

from tests.forking import SHARED
from tests.strategies import examples

# A shell that starts something in the background has it ignore SIGINT, and so would every process that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest.register_assert_rewrite("tests.integration.server", "tests.integration.clients")

# Deterministic: a test that fails, fails again. Machines that run tests are slow and busy, so no deadline.
settings.register_profile(
    "chirp_trio",
    max_examples=examples(100),
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("chirp_trio")

# The files that take longest by the clock, and are begun first: no process shall be busy with one of them when the others
# have finished. Those that need a core all the time take turns with those that mostly wait. This list need not be complete.
LONGEST = (
    "docs/test_site_in_browser.py",
    "browser/test_specification.py",
    "docs/test_how_to.py",
    "browser/test_progress.py",
    "docs/test_browser.py",
    "browser/test_answers.py",
    "browser/test_todo.py",
    "integration/test_redis_store.py",
    "browser/test_chat.py",
    "integration/test_output.py",
    "docs/test_pages.py",
    "browser/test_compression.py",
    "browser/test_log_tail.py",
    "integration/test_hostile_frames.py",
    "browser/test_demo.py",
    "integration/test_redis_refusals.py",
    "integration/test_redis_presence_kept.py",
    "integration/test_redis_failures.py",
    "browser/test_accessibility.py",
    "lifecycle/test_cancel_everywhere.py",
    "integration/test_slow_readers.py",
    "integration/test_stalled_readers.py",
    "integration/test_testing_both_ways.py",
    "integration/test_workers.py",
)

# Where tests wait for other processes. The other folders compute.
WAITING = ("browser", "clients", "docs", "integration")


def pytest_collection_modifyitems(items):
    """Begin the longest files first, and spread those that compute among those that wait, so that no core is ever idle."""
    rank = {Path(__file__).parent / name: number for number, name in enumerate(LONGEST)}
    paths = sorted(dict.fromkeys(item.path for item in items), key=lambda path: rank.get(path, len(rank)))
    waiting = [path for path in paths if path.parent.name in WAITING]
    computing = [path for path in paths if path.parent.name not in WAITING]
    turn = {path: number / len(group) for group in (waiting, computing) for number, path in enumerate(group)}
    items.sort(key=lambda item: turn[item.path])


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect the tests without collecting garbage, and leave what that has made out of collections for good.

    Each of those would take as long as many a test.
    """
    # With its first test, hypothesis asks the collector who holds a generator, and that does not see what is left out.
    given(strategies.none())(lambda nothing: None)()
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_configure(config):
    """Keep coverage to the processes that run tests: in those that tests start, it would take as long as all else there.

    Where there are several, all their tests have their processes forked from the same ones.
    """
    if config.getoption("numprocesses", None):  # the one that starts those of pytest-xdist
        folder = tempfile.TemporaryDirectory()
        config.add_cleanup(folder.cleanup)
        os.environ[SHARED] = folder.name
    else:
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


_file = None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Leave out of collections what is there before each file, and find what the file before has not closed.

    What was there when a server started in the process of the tests is left out for good, and not found.
    """
    global _file
    if item.path != _file:
        if _file is not None:
            gc.collect()
            gc.freeze()
        _file = item.path


def pytest_runtest_protocol(item, nextitem):
    """In a process of pytest-xdist, tell the main one of what a test did, and not that it is set up and torn down.

    Telling takes longer than most tests do.
    """
    if not hasattr(item.config, "workerinput") or item.config.option.durations is not None:
        return None
    for report in runtestprotocol(item, nextitem=nextitem, log=False):
        if report.when == "call" or not report.passed:
            item.ihook.pytest_runtest_logreport(report=report)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable():
    """A test's report as pytest-xdist can carry it from one process to another: as text that UTF-8 has.

    Tests log halves of surrogate pairs, because clients send them.
    """
    report = yield
    if report.get("outcome") == "passed":
        report["keywords"] = {}  # every name that `-k` could have: much, and read by nobody
    return _carried(report)


def _carried(part):
    if isinstance(part, str):
        return part.encode("utf-8", "backslashreplace").decode()
    if isinstance(part, dict):
        return {key: _carried(value) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return type(part)(map(_carried, part))
    return part
