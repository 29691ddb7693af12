"""One event for the clients of three processes: how late it is beside topics in memory, and what the server sees of it."""

import os
import statistics
from contextlib import ExitStack

from ..load import open_streams
from ..processes import Stack, serving
from .server import serving_redis, work_of

PROCESSES = 3
OURS = Stack("chirp_trio", "joined:app", server="chirp-trio")


def measure_fan_out(client, rounds, streams, few, window):
    """Milliseconds for each kind of topic, and what the server had to do for an event with many streams and with few."""
    late = {"memory": [], "redis": []}
    work = {streams: [], few: []}
    with ExitStack() as stack:
        server = stack.enter_context(serving_redis())
        os.environ["CHIRP_TRIO_BENCHMARK_REDIS"] = server.url
        ports = []
        for number in range(PROCESSES):
            os.environ["CHIRP_TRIO_BENCHMARK_PUBLISHES"] = "no" if number else "yes"
            ports.append(stack.enter_context(serving(OURS)).port)
        for _ in range(rounds):
            for name, found in late.items():
                median, done = _measure(client, server, ports, name, streams, window)
                found.append(median)
                if name == "redis":
                    work[streams].append(done)
            work[few].append(_measure(client, server, ports, "redis", few, window)[1])
    return {
        "late": {name: statistics.median(found) for name, found in late.items()},
        "above_ms": statistics.median(redis - memory for memory, redis in zip(*late.values(), strict=True)),
        "work": {number: _least(found) for number, found in work.items()},
    }


def _measure(client, server, ports, name, streams, window):
    with ExitStack() as stack:
        loads = [stack.enter_context(open_streams(client, port, f"/{name}", streams, window / 3, window)) for port in ports]
        for load in loads:
            load.wait_for("begin")
        number, work = _newest(server), work_of(server)
        for load in loads:
            load.wait_for("end")
        events = max(1, _newest(server) - number)
        done = {what: (count - work[what]) / events for what, count in work_of(server).items()}
        return statistics.median(load.result()["median_us"] for load in loads) / 1e3, done


def _newest(server):
    """How many events the shared topic has had."""
    answer = server.ask("HGET", "chirp:{redis}:meta", "last").split(b"\r\n")
    return int(answer[1]) if len(answer) > 2 else 0


def _least(found):
    """Of all rounds the least: what processes ask and tell now and then, without any event, is in some of them, and adds."""
    return {what: min(done[what] for done in found) for what in found[0]}
