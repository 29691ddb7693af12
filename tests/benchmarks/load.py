"""The load client: compiled, if there is a C compiler, and run beside a server."""

import json
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .processes import CLIENT_CORE, ROOT, BenchmarkError, pin

HERE = Path(__file__).parent
LIMIT = 30  # seconds, and its window, after which a client is over, whatever happens


@dataclass(frozen=True, slots=True)
class Client:
    """A program that opens streams and measures what comes; `client.c` describes it."""

    name: str
    command: tuple[str, ...]


PYTHON = Client("client.py", (sys.executable, "-m", "tests.benchmarks.client"))


def prepare_client(folder, *, compile):
    """Compile the client into a folder; where that cannot be done, take the one in Python."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compile and compiler is not None:
        program = str(Path(folder, "client"))
        compiling = subprocess.run([compiler, "-O2", "-o", program, HERE / "client.c"], check=False, capture_output=True)
        if compiling.returncode == 0:
            return Client("client.c", (program,))
    return PYTHON


class Load:
    """A client that has begun to open its streams."""

    def __init__(self, process):
        self._process = process

    def wait_for(self, stage):
        """Wait until the client says `up`, `begin` or `end`."""
        while self._line() != stage:
            pass

    def result(self):
        """What it measured, once it has said `end`."""
        return json.loads(self._line())

    def _line(self):
        line = self._process.stdout.readline()
        if not line:
            raise BenchmarkError(f"the client ended too early: {self._process.stderr.read().strip() or 'it took too long'}")
        return line.strip()


@contextmanager
def open_streams(client, port, path, streams, warm_up, window=0.0, protocol="http"):
    """Open streams of a path, and read them until the block is left; of TLS and HTTP/2 only the client in Python knows."""
    command = client.command if protocol == "http" else (*PYTHON.command, "--protocol", protocol)
    arguments = [*command, port, path, streams, warm_up, window, LIMIT + window]
    pipe = subprocess.PIPE
    with subprocess.Popen(list(map(str, arguments)), cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            pin(process.pid, CLIENT_CORE)
            yield Load(process)
        finally:
            process.kill()
