"""What all tests share: how hypothesis runs, what asserts in helpers say, what the garbage collector looks at, where coverage
counts, and reports between processes."""

import gc
import os
import signal
import tempfile

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import HealthCheck, given, settings, strategies

from tests import late_collection
from tests.forking import SHARED
from tests.scheduling import SomeCompute, longest_first
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


def pytest_collection_modifyitems(items):
    longest_first(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return SomeCompute(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect the tests without collecting garbage, and leave what that has made out of collections for good.

    Each of those would take as long as many a test.
    """
    # With its first test, hypothesis asks the collector who holds a generator, and that does not see what is left out.
    given(strategies.none())(lambda nothing: None)()
    with late_collection.without_garbage():
        try:
            return (yield)
        finally:
            gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    node.workerinput["collects_late"] = late_collection.is_possible(node.config)


def pytest_sessionstart(session):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and late_collection.is_possible(session.config):
        reporter._progress_nodeids_reported = late_collection.FilesOfTests()


def pytest_pycollect_makemodule(module_path, parent):
    """In a process of pytest-xdist, leave a file alone until it is its turn."""
    if getattr(parent.config, "workerinput", {}).get("collects_late"):
        return late_collection.File.from_parent(parent, path=module_path)
    return None


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
    if isinstance(item, late_collection.Turn):
        item.run(nextitem)
        return True
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
