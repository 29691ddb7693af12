"""Programs in a Python that has imported trio, or the package as well, and nothing else that a test needs.

They are for what imports do, and for what happens before some of them are made.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests import forking

_bare = forking.Origin("bare", ("trio",))
_with_package = forking.Origin("with_package", ("chirp_trio", "chirp_trio.cli"), _bare)


def run(code: str, *, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, forked from a Python that has imported trio alone."""
    return _run(_bare, code, cwd)


def run_with_package(code: str, *, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The same where the package has been imported, and its command line: nothing that these import only when asked for."""
    return _run(_with_package, code, cwd)


def _run(origin: forking.Origin, code: str, cwd: Path | None) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        script = Path(name) / "program.py"
        script.write_text(code)
        process = origin.start(
            [sys.executable, script],
            cwd=cwd or Path.cwd(),
            env=os.environ,
            output=output.fileno(),
            errors=errors.fileno(),
        )
        try:
            process.wait(120)
        finally:
            process.kill()
        told = []
        for file in (output, errors):
            file.seek(0)
            told.append(file.read().decode())
    return subprocess.CompletedProcess(process.args, process.wait(), *told)
