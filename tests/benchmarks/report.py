"""What was measured, as tables in Markdown, and the verdict on the goals."""

from dataclasses import dataclass

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


def print_tables(firehose, idle, fan_out, plan):
    """Each workload is a dict of stacks, ours first, and then the one that all ratios refer to."""
    print_table(
        ["firehose, 1 stream", "events/s", "ratio", "CPU µs/event", "ratio", "latency, median ms", "p99 ms"],
        firehose,
        [("rate", ",.0f", ".2f"), ("cpu_us", ".2f", ".3f"), ("median_ms", ".3f", None), ("p99_ms", ".2f", None)],
    )
    print_table(
        [f"idle, {plan.idle_streams} streams", "KiB/stream", "ratio", "CPU µs to open", "ratio"],
        idle,
        [("kib", ".1f", ".2f"), ("open_us", ",.0f", ".2f")],
    )
    print_table(
        [f"fan-out, {plan.fan_out_streams} streams", "CPU µs/event", "ratio", "all have it, ms", "ratio", "p99 ms"],
        fan_out,
        [("cpu_us", ".1f", ".2f"), ("complete_ms", ".2f", ".2f"), ("p99_ms", ".2f", None)],
    )
    ours, bare, *_ = firehose.values()
    if ours["client_busy"] > 0.9:
        print("\nThe client was busy nearly all the time, so our firehose may be faster than this.")
    if not had_a_core(ours, bare):
        print(f"\nThe machine did other things: the firehoses had {ours['cores']:.2f} and {bare['cores']:.2f} of a core.")


def had_a_core(*firehoses):
    """Whether the servers had a core, or nearly so: a firehose takes all that it gets."""
    return min(measured["cores"] for measured in firehoses) > 0.8


def print_goals(firehose, idle, fan_out):
    """Print how far each goal is reached; whether none is missed clearly."""
    ours, bare, *_ = firehose.values()
    rate, median, kib = ours["rate"] / bare["rate"], ours["median_ms"], next(iter(idle.values()))["kib"]
    goals = [
        Goal(
            "firehose: at least 15 times the events/s of the bare app",
            f"{rate:.1f} times",
            rate / 15,
            is_binding=had_a_core(ours, bare),
        ),
        # A time and no ratio: a slow machine may miss it.
        Goal("firehose: a median latency below 0.5 ms", f"{median:.2f} ms", 0.5 / median, is_binding=False),
        Goal("idle: at most 24 KiB a stream", f"{kib:.1f} KiB", 24 / kib),
        *fan_out_goals(fan_out),
    ]
    print_lines(["goal", "measured", ""], [[goal.text, goal.measured, goal.verdict] for goal in goals])
    return not any(goal.is_missed for goal in goals)


def fan_out_goals(fan_out):
    """Our server beside granian, if that is installed."""
    _, _, ours, *granian = fan_out.values()
    for beside in granian:
        cpu, complete = ours["cpu_us"] / beside["cpu_us"], ours["complete_ms"] / beside["complete_ms"]
        yield Goal("fan-out: at most 0.75 times granian's CPU for an event", f"{cpu:.2f} times", 0.75 / cpu, is_binding=False)
        yield Goal("fan-out: at most 0.8 times granian's time", f"{complete:.2f} times", 0.8 / complete, is_binding=False)


def print_table(header, stacks, columns):
    """Columns are a quantity, its format and, if it gets a column of ratios, the format of those."""
    _, reference, *_ = stacks.values()
    rows = []
    for name, measured in stacks.items():
        row = [name]
        for quantity, number_format, ratio_format in columns:
            row.append(format(measured[quantity], number_format))
            if ratio_format is not None:
                # In a quick run the reference may have needed less CPU than the system's clock can tell.
                row.append(format(measured[quantity] / reference[quantity], ratio_format) if reference[quantity] else "")
        rows.append(row)
    print_lines(header, rows)


def print_lines(header, rows):
    print()
    for row in (header, ["---"] + ["--:"] * (len(header) - 1), *rows):
        print(f"| {' | '.join(row)} |")
