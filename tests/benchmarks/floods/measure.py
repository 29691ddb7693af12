"""Each flood on each server, in turn: what a hostile frame or request costs it, and how late honest events are meanwhile."""

import json
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager

from ..processes import CLIENT_CORE, ROOT, BenchmarkError, Stack, pin, serving
from .attacks import ATTACKS
from .nginx import is_installed, nginx

STREAMS = 10
SETTLING = 0.2  # seconds
CALM = 0.3  # of a core: what a server may need that has come to rest
OURS = Stack("chirp-trio run", "ticking:ours", server="chirp-trio, TLS")
GRANIAN = Stack("granian", "ticking:on_asyncio", server="granian, TLS", needs="granian")
PATIENCE = 20  # seconds that any of the processes may take to end


def measure_floods(folder, seconds):
    """For each flood, and each server: CPU in microseconds for a unit, and the delays of honest events in milliseconds."""
    stacks = {"ours": serving(OURS, folder)}
    if GRANIAN.is_installed:
        stacks["granian"] = serving(GRANIAN, folder)
    if is_installed():
        stacks["nginx"] = nginx(folder)
    results = {name: {} for name in ATTACKS}
    for key, stack in stacks.items():
        print(f"floods: {key}", file=sys.stderr)
        with stack as server, listening(server.port) as listener:
            for name in ATTACKS:
                results[name][key] = measure_flood(server, listener, name, seconds)
    for name, servers in results.items():
        for key, measured in servers.items():
            if measured["ended"]:
                print(f"{name}: {key} ended {measured['ended']} of {STREAMS} honest streams", file=sys.stderr)
    return results


def measure_flood(server, listener, name, seconds):
    come_to_rest(server)
    honest = share_of_a_core(server, seconds)  # of the streams alone, which depends on what else the machine does
    listener.read()
    memory, cpu, began = server.resident_bytes(), server.cpu_seconds(), time.monotonic()
    command = [sys.executable, "-m", "tests.benchmarks.floods.attacker", str(server.port), name, str(seconds)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as attacker:
        pin(attacker.pid, CLIENT_CORE)
        sent = json.loads(attacker.communicate(timeout=seconds + PATIENCE)[0])
    cpu, lasted = server.cpu_seconds() - cpu, time.monotonic() - began
    heard = listener.read()
    late = heard["late"] or [heard["silence"]]
    return {
        **sent,
        "cpu": cpu,
        "unit_us": max(0.0, cpu - honest * lasted) * 1e6 / max(1, sent["units"]),
        "mib": (server.resident_bytes() - memory) / 2**20,
        "median_ms": statistics.median(late),
        "p99_ms": statistics.quantiles(late, n=100)[98] if len(late) > 1 else late[0],
        "silence_ms": heard["silence"],
        "ended": heard["ended"],
    }


def share_of_a_core(server, seconds):
    """What a server needs, for so many seconds."""
    cpu, began = server.cpu_seconds(), time.monotonic()
    time.sleep(seconds)
    return (server.cpu_seconds() - cpu) / (time.monotonic() - began)


def come_to_rest(server):
    """Wait until a server has done with the flood before, so that the next one does not pay for it; not for ever."""
    for _ in range(20):
        cpu = server.cpu_seconds()
        time.sleep(SETTLING)
        if server.cpu_seconds() - cpu < CALM * SETTLING:
            return


class Listener:
    def __init__(self, process):
        self._process = process

    def wait_until_up(self):
        if self._process.stdout.readline() != "up\n":
            raise BenchmarkError("the honest streams could not be opened")

    def read(self):
        """What was heard since the last time."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@contextmanager
def listening(port, streams=STREAMS, *options):
    """Honest streams until the block is left."""
    command = [sys.executable, "-m", "tests.benchmarks.floods.listener", str(port), str(streams), *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            pin(process.pid, CLIENT_CORE)
            listener = Listener(process)
            listener.wait_until_up()
            yield listener
        finally:
            process.kill()
