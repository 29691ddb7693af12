"""The workloads that need a server, each on one stack. Every time the server is a new one, so that nothing is inherited."""

from dataclasses import dataclass

from .load import open_streams
from .processes import BenchmarkError, serving

SETTLING = 0.4  # seconds in which a server comes to rest


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure."""

    rounds: int
    rounds_of_all: int  # in which those are measured as well who are for orientation
    window: float  # seconds
    idle_streams: int
    fan_out_streams: int
    saturated_streams: int
    few_streams: int
    many_streams: int
    subscribers: int  # in memory
    flood: float  # seconds
    connections: int
    compressed_streams: int
    compressed_events: int


FULL = Plan(
    rounds=3,
    rounds_of_all=1,
    window=1.5,
    idle_streams=1500,
    fan_out_streams=1000,
    saturated_streams=500,
    few_streams=1000,
    many_streams=5000,
    subscribers=10_000,
    flood=2.0,
    connections=20_000,
    compressed_streams=1000,
    compressed_events=15,
)
QUICK = Plan(
    rounds=1,
    rounds_of_all=0,
    window=0.3,
    idle_streams=100,
    fan_out_streams=50,
    saturated_streams=50,
    few_streams=50,
    many_streams=100,
    subscribers=100,
    flood=0.2,
    connections=200,
    compressed_streams=50,
    compressed_events=3,
)


def measure_firehose(stack, client, plan):
    """One stream, whose source yields as fast as it can."""
    return measure_events(stack, client, "/firehose", 1, plan.window)


def measure_fan_out(stack, client, plan):
    """All streams get the same event, at intervals."""
    return measure_events(stack, client, "/fan-out", plan.fan_out_streams, plan.window)


def measure_saturated(stack, client, plan):
    """All streams get the same events, as fast as the slowest takes them."""
    streams = plan.saturated_streams
    return measure_events(stack, client, f"/saturated/{streams}", streams, plan.window)


def measure_few(stack, client, plan):
    """All streams get the same event, and when all have it the next one."""
    return measure_events(stack, client, f"/singly/{plan.few_streams}", plan.few_streams, plan.window)


def measure_many(stack, client, plan):
    """As `measure_few`, with more streams."""
    return measure_events(stack, client, f"/singly/{plan.many_streams}", plan.many_streams, plan.window)


def measure_idle(stack, client, plan):
    """Streams that have had one event, and wait."""
    with serving(stack) as server:
        # What the first requests make stays for good, and is no stream's own.
        with open_streams(client, server.port, "/idle", 50, SETTLING) as first:
            first.wait_for("begin")
            memory_before, cpu_before = server.resident_bytes(), server.cpu_seconds()
            with open_streams(client, server.port, "/idle", plan.idle_streams, SETTLING) as load:
                load.wait_for("begin")
                memory = server.resident_bytes() - memory_before
                cpu = server.cpu_seconds() - cpu_before
        return {"kib": memory / 1024 / plan.idle_streams, "open_us": cpu * 1e6 / plan.idle_streams}


def measure_events(stack, client, path, streams, window):
    with serving(stack) as server, open_streams(client, server.port, path, streams, window / 3, window) as load:
        return measure(server, load)


def measure(server, load):
    """What streams that are being opened cost their server, once they are all there."""
    load.wait_for("begin")
    cpu_before, kernel_before = server.cpu_seconds(), server.kernel_seconds()
    load.wait_for("end")
    cpu, kernel = server.cpu_seconds() - cpu_before, server.kernel_seconds() - kernel_before
    result = load.result()
    if not result["events"]:
        raise BenchmarkError("no event came in time")
    return {
        "rate": result["events"] / result["seconds"],
        "cpu_us": cpu * 1e6 / result["events"],
        "own_cpu_us": (cpu - kernel) * 1e6 / result["events"],
        "cores": cpu / result["seconds"],
        "median_ms": result["median_us"] / 1e3,
        "p99_ms": result["p99_us"] / 1e3,
        "complete_ms": result["complete_us"] / 1e3,
        "client_busy": 1 - result["waited"] / result["seconds"],
    }
