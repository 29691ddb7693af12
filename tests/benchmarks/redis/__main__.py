"""`python -m tests.benchmarks.redis`: what topics cost that several processes share by Redis or Valkey.

It starts a server for each part, and ends it: publishing beside coredis' pipelines, an event for three processes with a
thousand clients each beside topics in memory, the server's own work for it, and ten topics beside five thousand; then what
to size by: the memory of a stream, and the server's work by the number of processes.
"""

import argparse
import signal
import statistics
import sys
import tempfile
from dataclasses import dataclass

from ..__main__ import leave
from ..goals import at_least, at_most, print_verdicts
from ..load import prepare_client
from ..processes import BenchmarkError, allow_connections, stop_children
from ..report import print_lines
from .fan_out import PROCESSES, measure_fan_out
from .publishing import HAS_COREDIS, measure_publishing
from .sizes import measure_memory, measure_work
from .topics import FEW, measure_topics


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure."""

    rounds: int
    events: int  # of a round of publishing
    streams: int  # of each process
    few_streams: int
    window: float  # seconds
    topics: int
    idle_streams: int
    processes: tuple[int, ...]


FULL = Plan(
    rounds=5, events=10_000, streams=1000, few_streams=10, window=3.0, topics=5000, idle_streams=1000, processes=(1, 10, 50)
)
QUICK = Plan(rounds=1, events=1000, streams=50, few_streams=5, window=1.0, topics=100, idle_streams=100, processes=(1, 3))


def main():
    arguments = parse_arguments()
    plan = QUICK if arguments.quick else FULL
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            for part, measure in PARTS.items():
                if arguments.only in (None, part):
                    print(part, file=sys.stderr)
                    results[part] = measure(plan, folder)
        except BenchmarkError as error:
            sys.exit(f"the benchmark failed: {error}")
        finally:
            stop_children()
    for part, found in results.items():
        PRINTED[part](found)
    if arguments.quick:
        print("\nA quick run shows that the benchmark works, and no more than that.")
    elif not print_verdicts([goal for part, found in results.items() for goal in GOALS[part](found)]):
        sys.exit(1)


def parse_arguments():
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.redis", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="measure hardly anything, and judge nothing")
    parser.add_argument("--only", choices=list(PARTS), help="measure this and nothing else")
    return parser.parse_args()


def measure_clients(plan, folder):
    allow_connections(plan.streams)
    client = prepare_client(folder, compile=True)
    return measure_fan_out(client, plan.rounds, plan.streams, plan.few_streams, plan.window)


def measure_sizes(plan, folder):
    allow_connections(plan.idle_streams)
    client = prepare_client(folder, compile=True)
    return {"kib": measure_memory(client, plan.idle_streams), "work": measure_work(min(plan.rounds, 3), plan.processes)}


PARTS = {
    "publishing": lambda plan, _folder: measure_publishing(plan.rounds, plan.events),
    "clients": measure_clients,
    "topics": lambda plan, _folder: measure_topics(plan.rounds, plan.topics),
    "sizes": measure_sizes,
}


def median(rounds, quantity):
    return statistics.median(measured[quantity] for measured in rounds)


# -- publishing ---------------------------------------------------------------------------------------------------------


def print_publishing(found):
    names = {"ours": "await topic.publish(), delivered as well", "coredis": "coredis, XADD in pipelines (= 1)"}
    rows = []
    for key, rounds in found.items():
        ratio = f"{rate_beside_coredis(found):.2f}" if key == "ours" and HAS_COREDIS else "1.00" if HAS_COREDIS else ""
        row = [f"{median(rounds, 'rate'):,.0f}", ratio, f"{median(rounds, 'cpu_us'):.1f}"]
        rows.append([names[key], *row, f"{median(rounds, 'redis_us'):.1f}", f"{median(rounds, 'commands'):.3f}"])
    header = [
        "publishing, 500 at a time",
        "events/s",
        "ratio",
        "CPU µs/event",
        "Redis' CPU µs/event",
        "Redis' commands/event",
    ]
    print_lines(header, rows)
    if not HAS_COREDIS:
        print("\ncoredis is not installed, so nothing is beside ours: pip install coredis")


def rate_beside_coredis(found):
    return statistics.median(
        ours["rate"] / theirs["rate"] for ours, theirs in zip(found["ours"], found["coredis"], strict=True)
    )


def publishing_goals(found):
    # A number for a second belongs to the machine.
    yield at_least(
        10_000, "publishing: at least {} events/s", median(found["ours"], "rate"), unit="events/s", is_binding=False
    )
    if HAS_COREDIS:
        yield at_least(0.7, "publishing: at least {} times the events/s of coredis", rate_beside_coredis(found))


# -- clients ------------------------------------------------------------------------------------------------------------


def print_clients(found):
    streams = max(found["work"])
    names = {"memory": "topics in memory, one in each process", "redis": "one topic, by Redis"}
    rows = [[names[name], f"{late:.2f}"] for name, late in found["late"].items()]
    print_lines([f"an event for {PROCESSES} processes with {streams} clients each", "late, median ms"], rows)
    rows = [
        [f"{clients} clients each", f"{done['commands']:.1f}", f"{done['bytes']:,.0f}"]
        for clients, done in found["work"].items()
    ]
    print_lines(["Redis' work for it, by its INFO", "commands/event", "bytes/event"], rows)


def clients_goals(found):
    # A time, and what else the machine does is in it.
    yield at_most(3, "clients: an event at most {} ms later than in memory", found["above_ms"], "ms", is_binding=False)
    many, few = found["work"].values()
    for what in ("commands", "bytes"):
        yield at_most(
            1.2, f"clients: a hundred times as many cost Redis at most {{}} times the {what}", many[what] / few[what]
        )


# -- topics -------------------------------------------------------------------------------------------------------------


def print_topics(found):
    rows = [[f"{number:,} topics", f"{median(rounds, 'us'):.0f}"] for number, rounds in found.items()]
    print_lines(["an event, to one that is subscribed to", "CPU µs, ours and Redis'"], rows)


def topics_goals(found):
    few, many = found.values()
    ratio = statistics.median(more["us"] / less["us"] for less, more in zip(few, many, strict=True))
    yield at_most(1.5, f"topics: thousands beside {FEW} cost at most {{}} times as much for an event", ratio)


# -- sizes --------------------------------------------------------------------------------------------------------------


def print_sizes(found):
    print_lines(["a stream of the shared topic", "KiB of its process"], [["one that waits", f"{found['kib']:.1f}"]])
    rows = [
        [f"{number}", f"{work['us']:.0f}", f"{work['commands']:.1f}", f"{work['bytes']:,.0f}"]
        for number, work in found["work"].items()
    ]
    print_lines(["processes that get an event of 100 bytes", "Redis' CPU µs", "commands", "bytes"], rows)


PRINTED = {"publishing": print_publishing, "clients": print_clients, "topics": print_topics, "sizes": print_sizes}
GOALS = {"publishing": publishing_goals, "clients": clients_goals, "topics": topics_goals, "sizes": lambda _found: ()}

if __name__ == "__main__":
    main()
