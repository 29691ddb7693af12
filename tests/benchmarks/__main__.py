"""`python -m tests.benchmarks`: measure, print, and say whether the goals are met."""

import argparse
import signal
import statistics
import sys
import tempfile

from . import goals, report
from .compression import measure_compression
from .connections import measure_connections
from .floods.measure import measure_floods
from .in_memory import measure_in_memory
from .load import prepare_client
from .measure import (
    FULL,
    QUICK,
    measure_fan_out,
    measure_few,
    measure_firehose,
    measure_idle,
    measure_many,
    measure_saturated,
)
from .processes import CLIENT_CORE, BenchmarkError, Stack, allow_connections, stop_children

COMPARED = {
    "ours": Stack("chirp_trio, App", "ours:app"),
    "bare": Stack("bare ASGI app (= 1)", "bare:app"),
}
OUR_SERVER = {"our_server": Stack("chirp_trio, App, on chirp-trio run", "ours:app", server="chirp-trio")}
GRANIAN = {"granian": Stack("bare ASGI app, granian", "asyncio_app:app", server="granian", needs="granian")}
SSE_STARLETTE = {
    "queues": Stack("sse-starlette, uvicorn (= 1)", "sse_starlette_app:app", server="uvicorn", needs="sse_starlette"),
}
WITHOUT_APP = {"without_app": Stack("chirp_trio, EventStream without App", "ours:without_app")}
PEERS = {
    "starlette": Stack("Starlette, StreamingResponse", "starlette_app:app", needs="starlette"),
    "fastapi": Stack("FastAPI, EventSourceResponse", "fastapi_app:app", needs="fastapi"),
    "sse_starlette": Stack("sse-starlette, EventSourceResponse", "sse_starlette_app:app", needs="sse_starlette"),
    "uvicorn": Stack("bare ASGI app, uvicorn", "asyncio_app:app", server="uvicorn", needs="uvicorn"),
}
JOINING = {
    "joining": Stack("the same, joining what waits in a queue", "asyncio_app:joining", server="granian", needs="granian"),
}
# For each workload those who have a goal in it, or are what a goal refers to; and the others, who are for orientation.
WORKLOADS = {
    measure_firehose: (COMPARED | OUR_SERVER, PEERS | GRANIAN),
    measure_idle: (COMPARED, OUR_SERVER | WITHOUT_APP | PEERS | GRANIAN),
    measure_fan_out: (COMPARED | OUR_SERVER | GRANIAN, {}),
    measure_saturated: (OUR_SERVER | SSE_STARLETTE | GRANIAN, JOINING),
    measure_few: (OUR_SERVER, {}),
    measure_many: (OUR_SERVER, {}),
}


def main():
    arguments = parse_arguments()
    plan = QUICK if arguments.quick else FULL
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    with tempfile.TemporaryDirectory() as folder:
        results = {}
        try:
            if arguments.only in (None, "streams"):
                results |= measure_streams(folder, plan, arguments)
            if arguments.only in (None, "floods"):
                results["floods"] = measure_floods(folder, plan.flood)
            if arguments.only in (None, "connections"):
                results["connections"] = measure_connections(plan.connections)
            if arguments.only in (None, "compression"):
                results["compression"] = measure_compression(plan.compressed_streams, plan.compressed_events)
        except BenchmarkError as error:
            sys.exit(f"the benchmark failed: {error}")
        finally:
            stop_children()
    if "firehose" in results:
        report.print_tables(results, plan)
    if "floods" in results:
        report.print_floods(results["floods"])
    if "connections" in results:
        report.print_connections(results["connections"])
    if "compression" in results:
        report.print_compression(results["compression"])
    if arguments.quick:
        print("\nA quick run shows that the benchmarks work, and no more than that.")
    elif not goals.print_goals(results):
        sys.exit(1)


def parse_arguments():
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="measure hardly anything, and judge nothing")
    parser.add_argument("--python-client", action="store_true", help="do not compile the load client")
    parser.add_argument(
        "--only", choices=["streams", "floods", "connections", "compression"], help="measure this and nothing else"
    )
    return parser.parse_args()


def measure_streams(folder, plan, arguments):
    client = prepare_client(folder, compile=not arguments.python_client)
    cores = "the same cores" if CLIENT_CORE is None else "a core each"
    print(f"client: {client.name}; client and server have {cores}")
    for stack in (PEERS | GRANIAN).values():
        if not stack.is_installed:
            print(f"skipped: {stack.name}; {stack.needs} is not installed")
    allow_connections(plan.many_streams)
    results = measure(client, plan)
    print("topics in memory", file=sys.stderr)
    return results | {"in_memory": measure_in_memory(plan)}


def leave(number, _frame):
    """Leave by an exception, wherever that is; the second signal must not disturb the tidying up."""
    for other in (signal.SIGINT, signal.SIGTERM):
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


def measure(client, plan):
    """For each workload, and each stack of it, the medians of what was measured. The stacks take turns."""
    results = {workload: {} for workload in WORKLOADS}
    for number in range(plan.rounds):
        for workload, (judged, others) in WORKLOADS.items():
            stacks = judged | others if number < plan.rounds_of_all else judged
            for key, stack in stacks.items():
                if stack.is_installed:
                    print(f"round {number + 1} of {plan.rounds}: {workload.__name__}, {stack.name}", file=sys.stderr)
                    _, rounds = results[workload].setdefault(key, (stack.name, []))
                    rounds.append(workload(stack, client, plan))
    return {
        workload.__name__.removeprefix("measure_"): {
            key: medians(rounds) | {"name": name} for key, (name, rounds) in stacks.items()
        }
        for workload, stacks in results.items()
    }


def medians(rounds):
    return {quantity: statistics.median(measured[quantity] for measured in rounds) for quantity in rounds[0]}


if __name__ == "__main__":
    main()
