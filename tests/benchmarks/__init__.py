"""Event streams measured beside apps that do without this library. Run with `python -m tests.benchmarks`."""
