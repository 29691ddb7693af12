"""What all tests share: how hypothesis runs, what asserts in helpers say, what the garbage collector looks at, and reports
between processes."""

import gc
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A shell that starts something in the background has it ignore SIGINT, and so would every process that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest.register_assert_rewrite("tests.integration.server", "tests.integration.clients")

# Deterministic: a test that fails, fails again. Machines that run tests are slow and busy, so no deadline.
settings.register_profile(
    "chirp_trio", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("chirp_trio")

# The files that take longest, and are begun first: no process shall be busy with one of them when the others have finished.
# Any other takes its turn by its name, so this list need not be complete.
LONGEST = (
    "docs/test_pages.py",
    "docs/test_site_in_browser.py",
    "integration/test_redis_store.py",
    "clients/test_clients.py",
    "integration/test_joined_processes.py",
    "integration/test_pytest_plugin.py",
    "integration/test_output.py",
    "lifecycle/test_cancel_everywhere.py",
    "browser/test_progress.py",
    "lifecycle/test_slots.py",
    "integration/test_handover.py",
    "integration/test_soak.py",
    "integration/test_stored_topics.py",
)


def pytest_collection_modifyitems(items):
    rank = {Path(__file__).parent / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect the tests without collecting garbage: what is made meanwhile stays to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


_file = None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Leave all tests, and what they have imported, out of collections: otherwise each takes as long as hundreds of tests.

    Before each file anew, because servers undo it when they stop.
    """
    global _file
    if item.path != _file:
        _file = item.path
        gc.collect()
        gc.freeze()


def pytest_sessionfinish():
    """Have pytest find what was never closed, in all that there is."""
    gc.unfreeze()


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable():
    """A test's report as pytest-xdist can carry it from one process to another: as text that UTF-8 has.

    Tests log halves of surrogate pairs, because clients send them.
    """
    return _carried((yield))


def _carried(part):
    if isinstance(part, str):
        return part.encode("utf-8", "backslashreplace").decode()
    if isinstance(part, dict):
        return {key: _carried(value) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return type(part)(map(_carried, part))
    return part
