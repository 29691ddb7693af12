"""The measurements of a server, each on one stack. Every time the server is a new one, so that nothing is inherited."""

from dataclasses import dataclass
from time import monotonic

from .load import Client, open_streams
from .processes import BenchmarkError, serving

SETTLING = 0.4  # seconds in which a server comes to rest
FIRST = 50  # streams; what the first requests make stays for good, and is no stream's own


@dataclass(frozen=True, slots=True)
class Task:
    """One measurement: so many streams of a path, for so many seconds. The folder has the certificate for TLS."""

    path: str
    streams: int
    window: float
    protocol: str
    client: Client
    folder: str

    def open(self, server, streams, warm_up, window=0.0):
        return open_streams(self.client, server.port, self.path, streams, warm_up, window, self.protocol)


def measure_events(stack, task):
    """What an event costs, and how late it is."""
    with serving(stack, task.folder) as server, task.open(server, task.streams, task.window / 3, task.window) as load:
        return measure(server, load)


def measure_idle(stack, task):
    """Streams that have had one event, and wait: what it takes to open one, and what is kept for it."""
    with serving(stack, task.folder) as server, task.open(server, FIRST, SETTLING) as first:
        first.wait_for("begin")
        memory, cpu, began = server.resident_bytes(), server.cpu_seconds(), monotonic()
        with task.open(server, task.streams, SETTLING) as load:
            load.wait_for("up")
            seconds, opening = monotonic() - began, server.cpu_seconds() - cpu
            load.wait_for("begin")
            memory, cpu = server.resident_bytes() - memory, server.cpu_seconds() - cpu
    return {
        "kib": memory / 1024 / task.streams,
        "open_us": cpu * 1e6 / task.streams,
        "rate": task.streams / seconds,
        "cores": opening / seconds,
    }


def measure_heartbeats(stack, task):
    """Streams on which nothing happens but heartbeats; a window has to be an interval of those."""
    with serving(stack, task.folder) as server, task.open(server, task.streams, SETTLING, task.window) as load:
        load.wait_for("begin")
        cpu, began = server.cpu_seconds(), monotonic()
        load.wait_for("end")
        share = (server.cpu_seconds() - cpu) / (monotonic() - began)
    return {"percent": 100 * share, "heartbeat_us": share * task.window * 1e6 / task.streams}


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
        "complete_p99_ms": result["complete_p99_us"] / 1e3,
        "client_busy": 1 - result["waited"] / result["seconds"],
    }
