"""The goals, and the verdict on each: nearly all are ratios of two things that were measured in the same run."""

from dataclasses import dataclass

from .report import BUSY, print_lines

CLEARLY = 0.9  # who reaches this part of a goal does not miss it clearly: the machine may have had other things to do


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal, and how far it is reached: 1 is just so."""

    text: str
    measured: str
    reached: float
    is_binding: bool = True

    @property
    def is_missed(self):
        return self.is_binding and self.reached < CLEARLY

    @property
    def verdict(self):
        if self.reached >= 1:
            return "met"
        return "MISSED" if self.is_missed else "not met"


def at_least(wanted, text, measured, unit="times", **options):
    return Goal(text.format(wanted), f"{measured:.2f} {unit}", measured / wanted, **options)


def at_most(wanted, text, measured, unit="times", **options):
    return Goal(text.format(wanted), f"{measured:.2f} {unit}", wanted / measured if measured > 0 else 1, **options)


def print_goals(results):
    """Print how far each goal of what was measured is reached; whether none is missed clearly."""
    goals = []
    if "firehose" in results:
        goals += [
            *firehose_goals(results["firehose"]),
            at_most(24, "idle: at most {} KiB a stream", results["idle"]["ours"]["kib"], "KiB"),
            *fan_out_goals(results["fan_out"]),
            *saturated_goals(results["saturated"]),
            *crowd_goals(results["few"], results["many"]),
            *in_memory_goals(results["in_memory"]),
        ]
    goals += flood_goals(results.get("floods", {}))
    goals += connection_goals(results.get("connections", {}))
    if "compression" in results:
        goals += compression_goals(results["compression"])
    return print_verdicts(goals)


def print_verdicts(goals):
    """Print how far each goal is reached; whether none is missed clearly."""
    print_lines(["goal", "measured", ""], [[goal.text, goal.measured, goal.verdict] for goal in goals])
    return not any(goal.is_missed for goal in goals)


def had_a_core(*servers):
    """Whether servers that do all they can had a core, or nearly so."""
    return all(measured["cores"] > BUSY for measured in servers)


def firehose_goals(firehose):
    ours, bare = firehose["ours"], firehose["bare"]
    yield at_least(
        15,
        "firehose: at least {} times the events/s of the bare app",
        ours["rate"] / bare["rate"],
        is_binding=had_a_core(ours, bare),
    )
    # A time and no ratio: a slow machine may miss it.
    yield at_most(0.5, "firehose: a median latency of at most {} ms", ours["median_ms"], "ms", is_binding=False)


def fan_out_goals(fan_out):
    ours, granian = fan_out["our_server"], fan_out.get("granian")
    if granian is not None:
        cpu, complete = ours["cpu_us"] / granian["cpu_us"], ours["complete_ms"] / granian["complete_ms"]
        yield at_most(0.75, "fan-out: at most {} times granian's CPU for an event", cpu, is_binding=False)
        yield at_most(0.8, "fan-out: at most {} times granian's time", complete, is_binding=False)


def saturated_goals(saturated):
    """By the clock on the wall, where all had a core; and by that of the processor."""
    ours = saturated["our_server"]
    for key, name, wanted in (("queues", "sse-starlette", 15), ("granian", "granian", 5)):
        if key in saturated:
            beside = saturated[key]
            yield at_least(
                wanted,
                f"saturated: at least {{}} times {name}'s events/s",
                ours["rate"] / beside["rate"],
                is_binding=had_a_core(ours, beside),
            )
            yield at_least(
                wanted,
                f"saturated: at least {{}} times {name}'s events for a second of CPU",
                beside["cpu_us"] / ours["cpu_us"],
            )


def crowd_goals(few, many):
    ratio = many["our_server"]["cpu_us"] / few["our_server"]["cpu_us"]
    yield at_most(1.15, "five times the streams: at most {} times the CPU for an event", ratio)


def flood_goals(floods):
    """Beside granian in the same run. The lateness is a time, and what else the machine does is in it."""
    for name, servers in floods.items():
        ours = servers["ours"]
        if "granian" in servers and name != "nothing":
            # Less than a microsecond cannot be told from nothing.
            ratio = ours["unit_us"] / max(1.0, servers["granian"]["unit_us"])
            text = f"flood of {name}: at most {{}} times granian's CPU for a frame or request"
            yield at_most(2, text, ratio, is_binding=False)
        yield at_most(
            100, f"flood of {name}: honest events at most {{}} ms late, p99", ours["p99_ms"], "ms", is_binding=False
        )


def connection_goals(connections):
    for name, measured in connections.items():
        refused = f"idle connections from {name}: at least {{}} of those past the limit is told so"
        yield at_least(1, refused, measured["refused"], "connections", is_binding=False)
        kib = measured["mib"] * 1024 / measured["most"]
        late = f"idle connections from {name}: honest events at most {{}} ms late, p99"
        yield at_most(100, late, measured["p99_ms"], "ms", is_binding=False)
        yield at_most(16, f"idle connections from {name}: at most {{}} KiB for each", kib, "KiB", is_binding=False)


def compression_goals(measured):
    ours, memory = measured["chirp-trio"], measured["memory"]
    plain = ours["identity"]
    for coding in ("gzip", "zstd"):
        had = ours[coding]
        yield at_most(0.2, f"compression, {coding}: at most {{}} times the bytes", had["bytes"] / plain["bytes"])
        yield at_most(1.15, f"compression, {coding}: at most {{}} times the CPU", had["cpu_us"] / plain["cpu_us"])
        for server in ("granian", "uvicorn"):
            if server in measured:
                beside = measured[server]
                # What the system needs for a send is in both, and most of ours: the report has it as a row of its own.
                ratio, text = beside[coding]["cpu_us"] / had["cpu_us"], "times less CPU than one for each client"
                yield at_least(10, f"compression, {coding}: {{}} {text}, {server}", ratio, is_binding=False)
                added = max(1.0, had["cpu_us"] - plain["cpu_us"])  # less cannot be told from nothing
                ratio = (beside[coding]["cpu_us"] - beside["identity"]["cpu_us"]) / added
                yield at_least(10, f"compression, {coding}: adds {{}} {text}, {server}", ratio)
        more = memory[coding] - memory["identity"]
        yield at_most(1, f"compression, {coding}: an idle stream takes at most {{}} KiB more", more, "KiB")
    json = measured["json"]
    ratio = json["dcz"]["bytes"] / json["identity"]["bytes"]
    yield at_most(0.5, "compression, JSON with a dictionary: at most {} times the bytes", ratio)


def in_memory_goals(measured):
    # Two are times, but of the processor, and a third of the goal or less: a machine may be that slow.
    yield at_most(4, "publish: at most {} µs for a stream that waits", measured["waiting_us"], "µs")
    yield at_most(
        1.15,
        "publish: at most {} times the CPU while all have events pending",
        measured["pending_us"] / measured["alone_us"],
    )
    yield at_most(1, "subscription: at most {} KiB beyond the stream's own", measured["subscription_kib"], "KiB")
    yield at_most(1.25, "history of 100,000: at most {} times the CPU to publish with one of 1,000", measured["long_history"])
    yield at_most(5, "history of 100,000: at most {} ms to the first bytes of the last 1,000", measured["replay_ms"], "ms")
    yield at_most(1.15, "as many who never read: at most {} times the CPU to reach the others", measured["beside_stalled"])
    yield at_most(1.05, "one who never reads: at most {} times the memory after ten times the events", measured["held"])
