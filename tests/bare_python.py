"""Programs in a Python that has imported trio, and nothing else that the package or a test needs: for what imports do."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests import forking

_bare = forking.Origin("bare", ("trio",))


def run(code: str, *, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, forked from such a Python."""
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        script = Path(name) / "program.py"
        script.write_text(code)
        process = _bare.start(
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
