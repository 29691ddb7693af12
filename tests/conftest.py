"""What all tests share: how hypothesis runs, and that asserts in the helpers explain themselves as those in tests do."""

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("tests.integration.server", "tests.integration.clients")

# Deterministic: a test that fails, fails again. Machines that run tests are slow and busy, so no deadline.
settings.register_profile(
    "chirp_trio", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("chirp_trio")
