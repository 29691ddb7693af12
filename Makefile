# Everything that a contributor runs. Each target makes the environment first, if need be.
.PHONY: help setup demo test check bench lock clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

setup:  ## Python 3.14 and the locked dependencies, in .venv/
	@.ci/setup

demo: setup  ## a live dashboard of this machine, on http://127.0.0.1:8000
	@.venv/bin/chirp-trio demo

test: setup  ## all tests
	@.venv/bin/pytest

check: setup  ## format, lint, types
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy

bench: setup  ## the benchmarks: ratios, printed as a table
	@.venv/bin/python -m tests.benchmarks

lock:  ## compile requirements.lock anew from pyproject.toml (needs uv)
	uv pip compile --quiet --universal --generate-hashes --python-version 3.14 --group dev --extra testing --extra demo \
		--no-annotate --custom-compile-command 'make lock' --output-file requirements.lock pyproject.toml

clean:  ## remove what setup and the tests have made
	rm -rf .venv .python .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage dist
