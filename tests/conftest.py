"""What all tests share: how hypothesis runs."""

from hypothesis import HealthCheck, settings

# Deterministic: a test that fails, fails again. Machines that run tests are slow and busy, so no deadline.
settings.register_profile(
    "chirp_trio", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("chirp_trio")
