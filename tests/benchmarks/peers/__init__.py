"""Streams measured beside the peers that are installed. Run with `python -m tests.benchmarks.peers`."""
