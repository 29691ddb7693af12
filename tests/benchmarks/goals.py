"""The goals, and the verdict on each: nearly all are ratios of two things that were measured in the same run."""

from dataclasses import dataclass

from .report import print_lines

CLEARLY = 0.9  # who reaches this part of a goal does not miss it clearly: the machine may have had other things to do


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal, and what was measured; None: it was not.

    Attributes:
        text: What it is.
        measured: As it is to be printed.
        reached: How far it is: 1 is just so.
        difference: What was measured beside what is wanted, as a part of that.
        is_binding: Whether a run fails where it is missed clearly.
    """

    text: str
    measured: str
    reached: float | None
    difference: float = 0.0
    is_binding: bool = True

    @property
    def is_missed(self):
        return self.is_binding and self.reached is not None and self.reached < CLEARLY

    @property
    def verdict(self):
        if self.reached is None:
            return ""
        by = f"{abs(self.difference):.0%} {'above' if self.difference > 0 else 'below'} it"
        if self.reached >= 1:
            return f"reached, {by}"
        return f"MISSED, {by}" if self.is_missed else f"missed, {by}"


def at_least(wanted, text, measured, unit="times", **options):
    if measured is None:
        return Goal(text.format(wanted), "not measured", None)
    return Goal(text.format(wanted), f"{measured:.2f} {unit}", measured / wanted, measured / wanted - 1, **options)


def at_most(wanted, text, measured, unit="times", **options):
    if measured is None:
        return Goal(text.format(wanted), "not measured", None)
    reached = wanted / measured if measured > 0 else 1
    return Goal(text.format(wanted), f"{measured:.2f} {unit}", reached, measured / wanted - 1, **options)


def as_rows(goals):
    """The header of a table, and its rows."""
    return ["goal", "measured", "verdict"], [[goal.text, goal.measured, goal.verdict] for goal in goals]


def print_verdicts(goals):
    """Print how far each goal is reached; whether none is missed clearly."""
    print_lines(*as_rows(goals))
    return not any(goal.is_missed for goal in goals)


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
