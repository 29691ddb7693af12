"""A run of tests in a process that has been forked from one that has imported what they need, but nothing of the package."""

import os
import resource
import sys
from pathlib import Path

import pytest

# Imported once, before the first fork.
USED = [
    "fastapi", "h2.connection", "httpx", "hypercorn.trio", "hypothesis", "kida", "prometheus_client", "pydantic", "pytest",
    "sqlite3", "ssl", "starlette.applications", "starlette.testclient", "trio.testing",
]  # fmt: skip
# Seconds of processor time: what imports take at most, and so many times what the tests take without a fault.
_IMPORTS, _TIMES = 30, 4
_OPTIONS = [
    "-q",
    "-x",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:xdist",
    "--timeout=300",
    "-W",
    "ignore::pytest.PytestAssertRewriteWarning",
]


def run_tests(copy: Path, arguments: list[str], seconds: float) -> None:
    """Run tests of a copy of the repository, which take so many seconds without a fault, and exit as pytest does."""
    os.setsid()
    most = _IMPORTS + round(_TIMES * seconds)
    # Of processor time, because a busy machine must not make a fault look noticed; it ends what goes round and round.
    resource.setrlimit(resource.RLIMIT_CPU, (most, most))
    sys.dont_write_bytecode = False  # what has no fault is compiled once
    os.chdir(copy)
    for name in list(sys.modules):
        if name.partition(".")[0] in {"chirp_trio", "chirp_trio_pytest", "tests"}:
            del sys.modules[name]
    sys.path.insert(0, str(copy))  # and so the copy's package is imported, not the one that is installed
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    code = pytest.main([*_OPTIONS, *arguments])
    os._exit(code)
