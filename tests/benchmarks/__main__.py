"""`python -m tests.benchmarks`: measure, print, and say which goals are reached."""

import argparse
import dataclasses
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial

from . import goals, publish, report, stacks
from .certificate import make_certificate
from .compression import measure_compression
from .connections import measure_connections
from .floods.measure import measure_floods
from .in_memory import measure_in_memory
from .load import prepare_client
from .machine import describe_machine
from .processes import CLIENT_CORE, pin, stop_children
from .results import Results
from .rounds import Conditions, measure_streams
from .stream_goals import stream_goals
from .workloads import WORKLOADS

SECTIONS = ("memory", "connections", "compression", "floods")  # what is no workload
INSTALLING = "`make peers-environment` installs aiohttp-sse and bengal-chirp, and `make setup` the other packages"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure."""

    stacks: frozenset[str] | None  # by their keys; None: all
    minutes: float  # after which nothing further is begun
    most_minutes: int  # after which whatever hangs is ended
    passes: int  # through the workloads
    share: float  # of their streams
    share_of_time: float  # of their windows
    subscribers: int  # in memory
    flood: float  # seconds
    connections: int
    compressed_streams: int
    compressed_events: int

    def sections(self, folder):
        """What is no workload: what measures it, what prints it, and its goals."""
        return {
            "memory": (lambda: measure_in_memory(self.subscribers), report.print_in_memory, goals.in_memory_goals),
            "connections": (lambda: measure_connections(self.connections), report.print_connections, goals.connection_goals),
            "compression": (
                lambda: measure_compression(self.compressed_streams, self.compressed_events),
                report.print_compression,
                goals.compression_goals,
            ),
            "floods": (lambda: measure_floods(folder, self.flood), report.print_floods, goals.flood_goals),
        }


FULL = Plan(
    stacks=None,
    minutes=17,
    most_minutes=18,
    passes=6,
    share=1,
    share_of_time=1,
    subscribers=10_000,
    flood=0.8,
    connections=20_000,
    compressed_streams=1000,
    compressed_events=15,
)
QUICK = Plan(
    stacks=stacks.QUICK,
    minutes=2.5,
    most_minutes=10,
    passes=2,
    share=0.1,
    share_of_time=0.25,
    subscribers=100,
    flood=0.1,
    connections=200,
    compressed_streams=50,
    compressed_events=3,
)
TRIAL = dataclasses.replace(QUICK, stacks=stacks.OWN)


def main():
    arguments = parse_arguments()
    plan = TRIAL if arguments.trial else QUICK if arguments.quick else FULL
    deadline = time.monotonic() + 60 * plan.minutes
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, leave)
    signal.alarm(60 * plan.most_minutes)
    pin(os.getpid(), CLIENT_CORE)  # what measures stays away from the server's core
    cores = "the same cores" if CLIENT_CORE is None else "a core each"
    print(f"{describe_machine()} Client and server have {cores}.")
    for stack in stacks.missing():
        print(f"left out, because {stack.needs} is not installed: {stack.name}. {INSTALLING}")
    results, verdicts, code = Results(), [], 0
    try:
        with tempfile.TemporaryDirectory() as folder:
            make_certificate(folder)
            measure_sections(plan, arguments.only, folder, verdicts)
            client = prepare_client(folder, compile=not arguments.python_client)
            measure_streams(results, plan, partial(is_chosen, arguments.only), Conditions(client, folder, deadline))
    except SystemExit as leaving:
        print("\nThis was interrupted: what follows is what had been measured.")
        code = leaving.code
    finally:
        stop_children()
    verdicts += stream_goals(results)
    verdicts = [goal for goal in verdicts if arguments.only is None or goal.reached is not None]
    tell(results, verdicts, plan, arguments.only)
    if any(goal.is_missed for goal in verdicts) and plan is FULL:
        code = code or 1
    sys.exit(code)


def is_chosen(only, workload):
    return only in (None, "streams") or (only not in SECTIONS and only in workload.title)


def measure_sections(plan, only, folder, verdicts):
    """Measure and print what is no workload, and add its goals."""
    for name, (measure, show, judge) in plan.sections(folder).items():
        if only not in (None, name):
            continue
        print(name, file=sys.stderr)
        try:
            measured = measure()
        except Exception as error:  # whatever it is, the others are measured
            print(f"\n{name} failed: {error}")
            continue
        show(measured)
        verdicts += judge(measured)


def tell(results, verdicts, plan, only):
    """Print the tables and the verdicts; a full run writes them for the documentation as well."""
    tables, judged = results.tables(WORKLOADS), report.as_table(*goals.as_rows(verdicts))
    print(f"\n{tables}" if tables else "")
    if plan is not FULL:
        print("\nA quick run shows that the benchmarks work, and in which order the servers are, and judges nothing.")
        return
    print(f"\n{judged}")
    if results.is_cut_short:
        print("\nThere was no time for all rounds: the tables say how many each row has.")
    if tables and only in (None, "streams"):
        publish.write(tables, judged, results.as_svg(WORKLOADS))


def parse_arguments():
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="ours, hypercorn, granian and Node, a tenth of it, in three minutes"
    )
    parser.add_argument("--trial", action="store_true", help="ours alone, a tenth of it, in a minute: whether it all runs")
    parser.add_argument("--python-client", action="store_true", help="do not compile the load client")
    parser.add_argument(
        "--only", help="streams, memory, connections, compression or floods; or those streams in whose title this is"
    )
    return parser.parse_args()


def leave(number, _frame):
    """Leave by an exception, wherever that is; the second signal must not disturb the tidying up."""
    for other in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
