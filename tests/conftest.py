"""What all tests share: how hypothesis runs, what asserts in helpers say, and reports between processes."""

import signal

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
