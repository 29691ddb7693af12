# Everything that a contributor runs. Each target makes the environment first, if need be.
.PHONY: help setup demo demo-cluster test test-fast soak check wheel release bench bench-peers bench-quick bench-docs peers-environment docs docs-versions pictures peers lock clean

RUN ?= .venv/bin/pytest
# The tests of a file stay together, because they share servers; tests/scheduling.py says which process gets which.
# Those in memory compute, and have a process for each core. Of all tests many wait, and they have five for two cores.
TOGETHER = --dist loadfile --no-loadscope-reorder
PROCESSES ?= -n logical $(TOGETHER)
CORES = $(shell getconf _NPROCESSORS_ONLN)
MORE_PROCESSES ?= -n $(shell expr 5 \* $(CORES) / 2) $(TOGETHER)
# Without what Python has compiled, each of hundreds of processes that the tests start compiles the package for itself.
unexport PYTHONDONTWRITEBYTECODE
IN_MEMORY = $(addprefix tests/,unit web lifecycle property checking examples meta)
EMPTY = $(CURDIR)/.venv/empty

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile

setup:  ## Python 3.14 and the locked dependencies, in .venv/
	@.ci/setup

demo: setup  ## a live dashboard of this machine, on http://127.0.0.1:8000
	@.venv/bin/chirp-trio demo

demo-cluster: setup  ## a room that three processes serve, behind nginx and joined by Redis, on http://127.0.0.1:8000
	@.venv/bin/python examples/cluster/cluster.py

test: setup  ## all tests
	@$(RUN) $(MORE_PROCESSES)

# What has been compiled is kept, also where an environment (many images of containers) says otherwise: each process of the
# tests, and each that they start, would compile everything anew.
test-fast: export PYTHONDONTWRITEBYTECODE =
test-fast: setup  ## the tests in memory: no process, no socket, no browser
	@$(RUN) $(PROCESSES) $(IN_MEMORY)

soak: setup  ## the long forms of tests that are short otherwise: ten minutes of clients, a hundred that read nothing, processes joined by Redis with ten seeds from CHIRP_TRIO_SEED on, the models of topics with 500 scripts each, and 500 responses whose bytes are changed, three times the cases of hypothesis, 5000 stacks of middleware
	@CHIRP_TRIO_SOAK=$${CHIRP_TRIO_SOAK:-600} $(RUN) -s --timeout=0 -o faulthandler_timeout=0 tests/integration/test_soak.py
	@CHIRP_TRIO_SOAK=$${CHIRP_TRIO_SOAK:-600} $(RUN) -s --timeout=0 -o faulthandler_timeout=0 tests/integration/test_joined_processes.py tests/integration/test_joined_workers.py tests/integration/test_stalled_readers.py
	@CHIRP_TRIO_SOAK=$${CHIRP_TRIO_SOAK:-600} $(RUN) -s --timeout=0 -o faulthandler_timeout=0 tests/integration/test_workers.py -k nobody_is_refused
	@CHIRP_TRIO_EXAMPLES=500 $(RUN) --timeout=0 -o faulthandler_timeout=0 tests/integration/test_redis_models.py tests/integration/test_hostile_servers.py tests/property
	@CHIRP_TRIO_STACKS=5000 $(RUN) --timeout=0 -o faulthandler_timeout=0 tests/integration/test_middleware_stacks.py -k whatever

check: setup  ## format, lint, types
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.ci/pyright

wheel: setup  ## build the wheel, and use it in an empty environment, with the pytest before the locked one
	@rm -rf dist $(EMPTY)
	@.venv/bin/python -m pip -qq wheel --no-deps --no-build-isolation --wheel-dir dist .
	@.venv/bin/python -m venv --without-pip $(EMPTY)
	@.venv/bin/python -m pip -qq --python $(EMPTY)/bin/python install "$$(ls dist/*.whl)[demo,testing]"
	@cd dist && $(EMPTY)/bin/python -W error -c "import chirp_trio, chirp_trio.testing; print(chirp_trio.__file__)"
	@cd dist && $(EMPTY)/bin/chirp-trio demo --help >/dev/null
	@.venv/bin/python -m pip -qq --python $(EMPTY)/bin/python install "pytest==8.*" pytest-xdist
	@cd dist && $(EMPTY)/bin/python -m pytest -qq -c /dev/null --rootdir . --noconftest -p no:cacheprovider -k "client_for or another_process or goes_wrong or leaves or virtual_time" $(CURDIR)/tests/integration/test_pytest_plugin.py
	@ls dist/*.whl

release: setup  ## build what is released, twice to the same bytes, check it, and test the sdist (TAG=v... is for that tag)
	@.ci/release $(TAG)

bench: setup  ## the benchmarks beside the peers that are installed, in 18 minutes: tables, a plot, which goals are reached
	@.venv/bin/python -m tests.benchmarks

bench-peers: setup  ## of those the event streams only
	@.venv/bin/python -m tests.benchmarks --only streams

bench-quick: setup  ## in three minutes: ours, hypercorn, granian and Node with a tenth of the streams
	@.venv/bin/python -m tests.benchmarks --quick

bench-docs:  ## put what `make bench` has measured last into the documentation
	@.venv/bin/python -m tests.benchmarks.publish

peers-environment: setup  ## install the peers that no test needs, for `make bench`, into .benchmarks/peers
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --upgrade \
		--target .benchmarks/peers --requirement tests/benchmarks/peers.lock

docs: setup  ## build the documentation as a site, and serve it on http://127.0.0.1:8008
	@.venv/bin/python -m tests.docs.site serve

docs-versions: setup  ## build a site for each released version and one for this checkout, with a selector, in .site/versions
	@.venv/bin/python -m tests.docs.site versions

pictures: setup  ## take the documentation's pictures anew, from a Chromium
	@.venv/bin/python -m tests.docs.pictures

peers: setup  ## try what README.md says of its peers, with those that are installed
	@.venv/bin/python -m tests.peers

lock:  ## compile requirements.lock and the peers' own lock anew (needs uv)
	uv pip compile --quiet --universal --generate-hashes --python-version 3.14 --group dev \
		--extra all \
		--no-annotate --custom-compile-command 'make lock' --output-file requirements.lock pyproject.toml
	uv pip compile --quiet --universal --generate-hashes --python-version 3.14 --constraint requirements.lock \
		--no-annotate --custom-compile-command 'make lock' --output-file tests/benchmarks/peers.lock tests/benchmarks/peers.in

clean:  ## remove what setup and the tests have made
	rm -rf .site .benchmarks .cache .venv .python .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage dist tests/typing/node_modules
