"""The goals of streams: nearly all are ratios of two things that were measured in the same run."""

from .goals import at_least, at_most

BUSY = 0.8  # of a core: a server that does all it can has more, unless the machine does other things


def stream_goals(results):
    """How far each goal is reached."""
    for goals in (setup_goals, firehose_goals, fan_out_goals, saturated_goals, loop_goals, crowd_goals):
        yield from goals(results)


def had_a_core(results, workload, *keys):
    """Whether servers that do all they can had a core, or nearly so."""
    return all((results.median(workload, key, "cores") or 0) > BUSY for key in keys)


def setup_goals(results):
    for key, name, wanted in (("bare", "a bare app's on hypercorn", 3), ("node", "Node's", 0.8)):
        ratio = results.ratio("idle", "rate", "ours", key)
        binding = had_a_core(results, "idle", "ours", key)
        yield at_least(wanted, f"streams opened in a second: at least {{}} times {name}", ratio, is_binding=binding)
    # Times, and what else the machine does is in them.
    storm = results.ratio("storm", "seconds", "ours", "node")
    yield at_most(
        1.5, "reconnect storm: until the last has its events, at most {} times Node's time", storm, is_binding=False
    )
    late = results.median("storm", "ours", "p99_ms")
    yield at_most(100, "reconnect storm: those who stayed at most {} ms late, p99", late, "ms", is_binding=False)
    yield at_most(15, "idle stream: at most {} KiB", results.median("idle", "ours", "kib"), "KiB")
    yield at_most(22, "idle stream on hypercorn: at most {} KiB", results.median("idle", "stock", "kib"), "KiB")
    percent = results.median("heartbeats", "ours", "percent")
    yield at_most(5, "10,000 idle streams with heartbeats: at most {} % of a core", percent, "%", is_binding=False)


def firehose_goals(results):
    for workload, name in (("firehose", "firehose, 1 stream"), ("busy", "firehose, 50 streams")):
        # A second of the processor, which other work on the machine takes nothing of.
        ratio = results.ratio(workload, "cpu_us", "node", "ours")
        yield at_least(1.3, f"{name}: at least {{}} times Node's events for a second of CPU", ratio)
        late = results.ratio(workload, "median_ms", "ours", "node")
        yield at_most(1, f"{name}: a median latency of at most {{}} times Node's", late, is_binding=False)
    yield at_least(
        15,
        "firehose, 1 stream, on hypercorn: at least {} times the events/s of a bare app",
        results.ratio("firehose", "rate", "stock", "bare"),
        is_binding=had_a_core(results, "firehose", "stock", "bare"),
    )
    late = results.median("firehose", "stock", "median_ms")
    yield at_most(0.5, "firehose, 1 stream, on hypercorn: a median latency of at most {} ms", late, "ms", is_binding=False)


def fan_out_goals(results):
    # Their shares of a core are too small to be told exactly where the machine does other things.
    for workload, streams in (("fan_out", "1000"), ("fan_out_2000", "2000")):
        for key, name in (("node", "Node"), ("granian", "granian")):
            cpu, time = (results.ratio(workload, quantity, "ours", key) for quantity in ("cpu_us", "complete_ms"))
            yield at_most(
                0.7, f"paced fan-out, {streams}: at most {{}} times {name}'s CPU for an event", cpu, is_binding=False
            )
            yield at_most(0.8, f"paced fan-out, {streams}: at most {{}} times {name}'s time", time, is_binding=False)
        median, p99 = (results.median(workload, "ours", quantity) for quantity in ("complete_ms", "complete_p99_ms"))
        even = p99 / median if median else None
        yield at_most(1.5, f"paced fan-out, {streams}: p99 at most {{}} times the median time", even, is_binding=False)
    beside = results.ratio("fan_out", "cpu_us", "stock", "bare")
    yield at_most(0.85, "paced fan-out, 1000, on hypercorn: at most {} times a bare app's CPU", beside, is_binding=False)
    beside = results.ratio("fan_out_tls", "cpu_us", "ours", "granian")
    yield at_most(0.8, "paced fan-out with TLS, 1000: at most {} times granian's CPU", beside, is_binding=False)
    for key, name in (("node", "Node"), ("granian", "granian")):
        beside = results.ratio("fan_out_h2", "cpu_us", "ours", key)
        yield at_most(0.7, f"paced fan-out over HTTP/2, 1000: at most {{}} times {name}'s CPU", beside, is_binding=False)


def saturated_goals(results):
    """By the clock on the wall, where all had a core; and by that of the processor."""
    for key, name, wanted in (("sse_starlette", "sse-starlette", 15), ("granian", "granian", 5)):
        yield at_least(
            wanted,
            f"saturated: at least {{}} times {name}'s events/s",
            results.ratio("saturated", "rate", "ours", key),
            is_binding=had_a_core(results, "saturated", "ours", key),
        )
        ratio = results.ratio("saturated", "cpu_us", key, "ours")
        yield at_least(wanted, f"saturated: at least {{}} times {name}'s events for a second of CPU", ratio)


def loop_goals(results):
    loop, bursts = results.median("loop", "ours", "cpu_us"), results.median("saturated", "ours", "cpu_us")
    ratio = loop / bursts if loop and bursts else None
    yield at_most(2, "published in a loop: at most {} times the CPU of bursts", ratio)
    # It was half of what a bare app needs for an event of a firehose.
    loop, bare = results.median("loop", "stock", "cpu_us"), results.median("firehose", "bare", "cpu_us")
    ratio = loop / bare if loop and bare else None
    yield at_most(0.1, "published in a loop, on hypercorn: at most {} times the CPU of a bare app's firehose", ratio)


def crowd_goals(results):
    few, many = (results.median(workload, "ours", "cpu_us") for workload in ("few", "many"))
    ratio = many / few if few and many else None
    yield at_most(1.15, "five times the streams: at most {} times the CPU for an event", ratio)
