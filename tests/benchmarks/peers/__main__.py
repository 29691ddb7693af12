"""`python -m tests.benchmarks.peers`: event streams beside the peers that are installed, as a table and a plot."""

import argparse
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..load import open_streams, prepare_client
from ..measure import measure
from ..processes import BenchmarkError, Stack, allow_connections, free_port, running, serving, stop_children
from .results import Results

NODE_APP = Path(__file__).parents[1] / "apps" / "node_app.js"


@dataclass(frozen=True, slots=True)
class Node:
    """Node's own http module."""

    name: str = "Node, http"

    @property
    def is_installed(self):
        return shutil.which("node") is not None


OURS = Stack("chirp_trio, chirp-trio run", "ours:app", server="chirp-trio")
OURS_STOCK = Stack("chirp_trio, hypercorn", "ours:app")
BARE = Stack("bare ASGI app, hypercorn", "bare:app")
GRANIAN = Stack("bare ASGI app, granian", "asyncio_app:app", server="granian", needs="granian")
UVICORN = Stack("bare ASGI app, uvicorn", "asyncio_app:app", server="uvicorn", needs="uvicorn")
SSE_STARLETTE = Stack("sse-starlette, uvicorn", "sse_starlette_app:app", server="uvicorn", needs="sse_starlette")
FASTAPI = Stack("FastAPI, hypercorn", "fastapi_app:app", needs="fastapi")
APP = Stack("chirp_trio, chirp-trio run", "performing:app", server="chirp-trio", needs="fastapi")
APP_STOCK = Stack("chirp_trio, hypercorn", "performing:app", needs="fastapi")
FASTAPI_MODELS = Stack("FastAPI, hypercorn", "performing:fastapi", needs="fastapi")
STARLETTE = Stack("Starlette, StreamingResponse, hypercorn", "starlette_app:app", needs="starlette")


@dataclass(frozen=True, slots=True)
class Workload:
    """What is measured.

    Attributes:
        title: What to call it.
        path: Where the streams are; with their number, where that has `{}`.
        streams: How many.
        quantity: What it is compared by.
        stacks: On what.
    """

    title: str
    path: str
    streams: int
    quantity: str
    stacks: tuple[Stack | Node, ...]

    @property
    def quick(self):
        """Those that a quick run has."""
        return [stack for stack in self.stacks if stack.name.startswith(("chirp_trio", "Node")) or stack is GRANIAN]


FIREHOSE = (OURS, OURS_STOCK, BARE, FASTAPI, STARLETTE, SSE_STARLETTE, UVICORN, GRANIAN, Node())
WORKLOADS = [
    Workload("firehose, 1 stream", "/firehose", 1, "median_ms", FIREHOSE),
    Workload("firehose, 50 streams", "/firehose", 50, "median_ms", (OURS, OURS_STOCK, BARE, GRANIAN, Node())),
    Workload("paced fan-out, 1000 streams", "/fan-out", 1000, "complete_ms", (OURS, OURS_STOCK, BARE, GRANIAN, Node())),
    Workload("paced fan-out, 2000 streams", "/fan-out", 2000, "complete_ms", (OURS, GRANIAN, Node())),
    Workload("saturated, 500 streams", "/saturated/{}", 500, "median_ms", (OURS, OURS_STOCK, SSE_STARLETTE, GRANIAN, Node())),
    Workload("published in a loop, 500 streams", "/looping/{}", 500, "median_ms", (APP, APP_STOCK)),
    Workload("fragment rendered once, 1000 streams", "/rendered-once", 1000, "complete_ms", (APP,)),
    Workload("fragment rendered for each, 1000 streams", "/rendered-for-each", 1000, "complete_ms", (APP,)),
    Workload("pydantic models, 1 stream", "/models", 1, "median_ms", (APP, FASTAPI_MODELS)),
]


def main():
    arguments = parse_arguments()
    rounds, window, share = (1, 0.4, 0.1) if arguments.quick else (arguments.rounds, 2.0, 1.0)
    results = Results()
    with tempfile.TemporaryDirectory() as folder:
        client = prepare_client(folder, compile=True)
        allow_connections(2000)
        try:
            for number in range(rounds):
                for workload in WORKLOADS:
                    if arguments.only is None or arguments.only in workload.title:
                        for stack in workload.quick if arguments.quick else workload.stacks:
                            print(f"round {number + 1} of {rounds}: {workload.title}, {stack.name}", file=sys.stderr)
                            measure_one(results, workload, stack, client, window, share)
        finally:
            stop_children()
    print(results.as_table())
    if arguments.svg is not None:
        arguments.svg.write_text(results.as_svg(), encoding="utf-8")


def measure_one(results, workload, stack, client, window, share):
    if not stack.is_installed:
        return
    streams = max(1, round(workload.streams * share))
    path = workload.path.format(streams)
    try:
        with serve(stack) as server, open_streams(client, server.port, path, streams, window / 3, window) as load:
            results.add(workload, stack.name, measure(server, load))
    except BenchmarkError as error:
        print(f"{workload.title}, {stack.name}: {error}", file=sys.stderr)


def serve(stack):
    if isinstance(stack, Node):
        port = free_port()
        return running(["node", str(NODE_APP), str(port)], port)
    return serving(stack)


def parse_arguments():
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="ours, granian and Node with a tenth of the streams, once and for a moment"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how many rounds; the table has their medians (default: 3)")
    parser.add_argument("--only", help="those workloads whose title has this in it")
    parser.add_argument("--svg", type=Path, help="write the plot to this file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
