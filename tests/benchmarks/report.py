"""What was measured, as tables in Markdown."""

# The servers that do all they can, and so have a core to themselves unless the machine does other things.
AT_FULL_SPEED = {"firehose": ("ours", "bare"), "saturated": ("our_server", "queues", "granian")}
BUSY = 0.8  # of a core: they have more


def print_tables(results, plan):
    """For each workload a table of its stacks. Ratios are those to the stack that has "(= 1)" in its name."""
    print_table(
        ["firehose, 1 stream", "events/s", "ratio", "CPU µs/event", "ratio", "latency, median ms", "p99 ms"],
        results["firehose"],
        "bare",
        [("rate", ",.0f", ".2f"), ("cpu_us", ".2f", ".3f"), ("median_ms", ".3f", None), ("p99_ms", ".2f", None)],
    )
    print_table(
        [f"idle, {plan.idle_streams} streams", "KiB/stream", "ratio", "CPU µs to open", "ratio"],
        results["idle"],
        "bare",
        [("kib", ".1f", ".2f"), ("open_us", ",.0f", ".2f")],
    )
    print_table(
        [f"fan-out, {plan.fan_out_streams} streams", "CPU µs/event", "ratio", "all have it, ms", "ratio", "p99 ms"],
        results["fan_out"],
        "bare",
        [("cpu_us", ".1f", ".2f"), ("complete_ms", ".2f", ".2f"), ("p99_ms", ".2f", None)],
    )
    print_table(
        [
            *(f"saturated, {plan.saturated_streams} streams", "events/s", "ratio", "CPU µs/event", "ratio"),
            *("latency, median ms", "client busy"),
        ],
        results["saturated"],
        "queues" if "queues" in results["saturated"] else "our_server",
        [("rate", ",.0f", ".2f"), ("cpu_us", ".2f", ".3f"), ("median_ms", ".1f", None), ("client_busy", ".0%", None)],
    )
    print_table(
        ["one event after the other", "CPU µs/event", "ratio", "without the kernel", "ratio", "events/s", "all have it, ms"],
        {
            f"{streams} streams": results[workload]["our_server"] | {"name": f"{streams} streams"}
            for workload, streams in (("few", plan.few_streams), ("many", plan.many_streams))
        },
        f"{plan.few_streams} streams",
        [
            ("cpu_us", ".2f", ".2f"),
            ("own_cpu_us", ".2f", ".2f"),
            ("rate", ",.0f", None),
            ("complete_ms", ".1f", None),
        ],
    )
    print_in_memory(results["in_memory"], plan)
    print_doubts(results)


def print_doubts(results):
    """What else than the servers may have bounded those that do all they can."""
    at_full_speed = [
        (workload, measured)
        for workload, keys in AT_FULL_SPEED.items()
        for key, measured in results[workload].items()
        if key in keys
    ]
    if max(measured["client_busy"] for _, measured in at_full_speed) > 0.9:
        print("\nA client was busy nearly all the time, so its server may be faster than this.")
    shares = [f"{work}, {had['name']}: {had['cores']:.2f}" for work, had in at_full_speed if had["cores"] < BUSY]
    if shares:
        print(f"\nThe machine did other things, and left some servers only a part of their core ({'; '.join(shares)}).")


def print_in_memory(measured, plan):
    print_lines(
        [f"topics in memory, {plan.subscribers} streams", "CPU"],
        [
            ["to publish an event that nobody wants, µs", f"{measured['alone_us']:.1f}"],
            ["the same, while all have events pending, µs", f"{measured['pending_us']:.1f}"],
            ["further for each stream that waits, µs", f"{measured['waiting_us']:.2f}"],
            ["until a stream has written it, µs for each", f"{measured['delivered_us']:.2f}"],
            ["until the first bytes of a replay, ms", f"{measured['replay_ms']:.2f}"],
        ],
    )


def print_floods(floods):
    """What each flood does to each server."""
    rows = [
        [
            name,
            *(key, f"{measured['units']:,}", f"{measured['connections']:,}", f"{measured['unit_us']:,.1f}"),
            *(f"{measured['median_ms']:.1f}", f"{measured['p99_ms']:.1f}", f"{measured['silence_ms']:.0f}"),
        ]
        for name, servers in floods.items()
        for key, measured in servers.items()
    ]
    header = ["flood", "server", "frames or requests", "connections", "CPU µs for each"]
    print_lines([*header, "events late, median ms", "p99 ms", "longest silence, ms"], rows)


def print_connections(connections):
    """What became of idle connections."""
    rows = [
        [
            f"{measured['wanted']:,} from {name}",
            f"{measured['most']:,}",
            ", ".join(f"{count:,} {fate}" for fate, count in sorted(measured["fates"].items(), key=lambda item: -item[1])),
            *(f"{measured['mib']:.0f}", f"{measured['cpu']:.1f}"),
            *(f"{measured['median_ms']:.1f}", f"{measured['p99_ms']:.1f}", str(measured["ended"])),
        ]
        for name, measured in connections.items()
    ]
    header = ["idle connections", "open at a time", "what became of them", "MiB", "CPU s", "events late, median ms", "p99 ms"]
    print_lines([*header, "honest streams ended"], rows)


def print_compression(measured):
    """What each coding saves and costs, beside the same stream in plain."""
    rows = []
    servers = {
        "chirp-trio": "ours",
        "socket.send()": "what the system's send alone takes",
        "granian": "granian",
        "uvicorn": "uvicorn",
    }
    for server, name in servers.items():
        rows += compression_rows(f"fragment, {name}", measured.get(server, {}))
    rows += compression_rows("fragment, ours, few clients", measured["dcz"])
    rows += compression_rows("JSON, ours, few clients", measured["json"])
    print_lines(["compression", "coding", "bytes for an event and client", "ratio", "CPU µs", "ratio"], rows)
    memory = measured["memory"]
    print_lines(["idle stream of a topic", "KiB"], [[coding, f"{kib:.2f}"] for coding, kib in memory.items()])


def compression_rows(what, codings):
    for coding in ("identity", "gzip", "zstd", "dcz"):
        if coding in codings:
            one, had = codings["identity"], codings[coding]
            ratios = [had[quantity] / one[quantity] if one[quantity] else 0 for quantity in ("bytes", "cpu_us")]
            yield [what, coding, f"{had['bytes']:,.0f}", f"{ratios[0]:.3f}", f"{had['cpu_us']:.1f}", f"{ratios[1]:.2f}"]


def print_table(header, stacks, reference, columns):
    """Columns are a quantity, its format and, if it gets a column of ratios, the format of those."""
    rows = []
    for measured in stacks.values():
        row = [measured["name"]]
        for quantity, number_format, ratio_format in columns:
            row.append(format(measured[quantity], number_format))
            if ratio_format is not None:
                # In a quick run the reference may have needed less CPU than the system's clock can tell.
                one = stacks[reference][quantity]
                row.append(format(measured[quantity] / one, ratio_format) if one else "")
        rows.append(row)
    print_lines(header, rows)


def print_lines(header, rows):
    print()
    for row in (header, ["---"] + ["--:"] * (len(header) - 1), *rows):
        print(f"| {' | '.join(row)} |")
