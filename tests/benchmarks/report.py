"""What was measured, as tables in Markdown."""


def print_in_memory(measured):
    print_lines(
        [f"topics in memory, {measured['subscribers']} streams", "CPU"],
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


def print_lines(header, rows):
    print()
    print(as_table(header, rows))


def as_table(header, rows):
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] + ["--:"] * (len(header) - 1), *rows))
