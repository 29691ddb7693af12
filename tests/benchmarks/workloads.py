"""The workloads that need a server: what clients do, on which stacks, and what is told of it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from . import stacks
from .measure import measure_events, measure_heartbeats, measure_idle
from .processes import Stack
from .stacks import BARE, GRANIAN, NODE, OURS, STOCK
from .storm import measure_storm


@dataclass(frozen=True, slots=True)
class Column:
    """A quantity that is measured, as a column of the table."""

    quantity: str
    title: str
    format: str
    has_spread: bool = False


CPU = Column("cpu_us", "CPU µs/event", ".2f", has_spread=True)
RATE = Column("rate", "events/s", ",.0f")
BUSY = (CPU, RATE, Column("median_ms", "latency, median ms", ".2f", has_spread=True), Column("p99_ms", "p99 ms", ".2f"))
PACED = (
    CPU,
    Column("complete_ms", "all have it, median ms", ".1f", has_spread=True),
    Column("complete_p99_ms", "p99 ms", ".1f", has_spread=True),
)
SINGLY = (
    CPU,
    Column("own_cpu_us", "without the kernel", ".2f"),
    RATE,
    Column("complete_ms", "all have it, median ms", ".1f"),
)
IDLE = (
    Column("kib", "KiB/stream", ".1f", has_spread=True),
    Column("rate", "opened/s", ",.0f", has_spread=True),
    Column("open_us", "CPU µs to open", ",.0f"),
)
HEARTBEATS = (
    Column("percent", "% of a core", ".1f", has_spread=True),
    Column("heartbeat_us", "CPU µs/heartbeat", ".1f"),
)
STORM = (
    Column("seconds", "until the last has its events, s", ".2f", has_spread=True),
    Column("client_us", "CPU µs/client", ",.0f"),
    Column("median_ms", "those who stayed: late, median ms", ".1f"),
    Column("p99_ms", "p99 ms", ".1f", has_spread=True),
)


@dataclass(frozen=True, slots=True)
class Workload:
    """What is measured.

    Attributes:
        key: What the goals call it.
        title: What the table calls it.
        path: Where the streams are; with their number, where that has `{}`.
        streams: How many.
        columns: What is told; by the first quantity the stacks are compared.
        stacks: On what, by the keys that the goals know.
        others: What is measured less often.
        window: For how many seconds.
        protocol: What the client speaks.
        measure: How.
        turns: How often in each pass ours and Node take turns: a goal sets them side by side, and a machine that is slow for
            a second changes a single round by half.
    """

    key: str
    title: str
    path: str
    streams: int
    columns: tuple[Column, ...]
    stacks: dict[str, Stack]
    others: dict[str, Stack] = field(default_factory=dict)
    window: float = 1.2
    protocol: str = "http"
    measure: Callable = measure_events
    turns: int = 1


IN_TURNS = ("ours", "node")
JUDGED = {"ours": OURS, "node": NODE, "stock": STOCK, "bare": BARE}
BESIDE = {"granian": GRANIAN}
TLS = {"ours": stacks.OURS_TLS, "granian": stacks.GRANIAN_TLS, "node": stacks.NODE_TLS}
LOOP = {"ours": stacks.APPLICATION, "stock": stacks.APPLICATION_STOCK}
ONLY_OURS = {"ours": OURS}
RENDERING = {"ours": stacks.APPLICATION}
MODELS = {"fastapi": stacks.FASTAPI, "litestar": stacks.LITESTAR}
STORMED = {"ours": stacks.REPLAYING, "node": stacks.NODE_REPLAYING}
SATURATED = {"ours": OURS, "stock": STOCK, "sse_starlette": stacks.SSE_STARLETTE, "granian": GRANIAN, "node": NODE}

WORKLOADS = [
    Workload(
        "firehose", "firehose, 1 stream", "/firehose", 1, BUSY, JUDGED, BESIDE | stacks.BY_HAND | stacks.LIBRARIES,
        turns=4,
    ),
    Workload("busy", "firehose, 50 streams", "/firehose", 50, BUSY, JUDGED, BESIDE | stacks.LIBRARIES, turns=4),
    Workload(
        "fan_out", "paced fan-out, 1000 streams", "/fan-out", 1000, PACED, JUDGED | BESIDE, stacks.BY_HAND | stacks.LIBRARIES,
        window=2, turns=2,
    ),
    Workload(
        "fan_out_2000", "paced fan-out, 2000 streams", "/fan-out", 2000, PACED,
        {"ours": OURS, "node": NODE, "granian": GRANIAN}, window=2, turns=2,
    ),
    Workload(
        "fan_out_tls", "paced fan-out with TLS, 1000 streams", "/fan-out", 1000, PACED, TLS, window=2, protocol="https",
    ),
    Workload(
        "fan_out_h2", "paced fan-out over HTTP/2, 1000 streams of 10 connections", "/fan-out", 1000, PACED, TLS,
        {"stock": stacks.STOCK_TLS}, window=2, protocol="h2",
    ),
    Workload(
        "saturated", "saturated, 500 streams", "/saturated/{}", 500, BUSY, SATURATED,
        {"joining": stacks.JOINING} | stacks.WITH_QUEUES,
    ),
    Workload("loop", "published in a loop, 500 streams", "/looping/{}", 500, BUSY, LOOP),
    Workload("few", "one event after the other, 1000 streams", "/singly/{}", 1000, SINGLY, ONLY_OURS),
    Workload("many", "one event after the other, 5000 streams", "/singly/{}", 5000, SINGLY, ONLY_OURS),
    Workload(
        "idle", "opened and idle, 1500 streams", "/idle", 1500, IDLE, JUDGED,
        BESIDE | {"without_app": stacks.WITHOUT_APP} | stacks.BY_HAND | stacks.LIBRARIES, measure=measure_idle,
    ),
    Workload(
        "heartbeats", "idle with heartbeats every 15 s, 10,000 streams", "/idle", 10_000, HEARTBEATS, {},
        {"ours": OURS, "node": NODE, "granian": GRANIAN}, window=15, measure=measure_heartbeats,
    ),
    Workload(
        "storm", "reconnect storm, 5000 clients, 10 events each", "/events", 5000, STORM, STORMED,
        measure=measure_storm,
    ),
    Workload("once", "fragment rendered once, 1000 streams", "/rendered-once", 1000, PACED, RENDERING, window=2),
    Workload(
        "each", "fragment rendered for each, 1000 streams", "/rendered-for-each", 1000, PACED, RENDERING,
        {"bengal_chirp": stacks.BENGAL_CHIRP}, window=2,
    ),
    Workload("models", "pydantic models, 1 stream", "/models", 1, BUSY, RENDERING, MODELS),
]  # fmt: skip
