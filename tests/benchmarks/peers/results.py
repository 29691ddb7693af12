"""What was measured beside peers: medians with their spread, as a table in Markdown and as an SVG."""

import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from xml.sax.saxutils import escape

PACKAGES = ("trio", "hypercorn", "granian", "uvicorn", "uvloop", "starlette", "fastapi", "sse-starlette", "pydantic")
TITLES = {"median_ms": "latency, median ms", "complete_ms": "all have it, ms"}
OURS = "chirp_trio"
WIDTH, LABEL, BAR, GAP = 720, 250, 14, 6  # of the plot, in pixels


class Results:
    """The rounds of each workload and stack."""

    def __init__(self):
        self._of = {}

    def add(self, workload, name, measured):
        """Add what one round gave."""
        stacks = self._of.setdefault(workload, {stack.name: [] for stack in workload.stacks})
        stacks[name].append(measured)

    def _measured(self):
        for workload, stacks in self._of.items():
            yield workload, {name: rounds for name, rounds in stacks.items() if rounds}

    def as_table(self):
        """A table for each workload; the ratio is that of the CPU for an event to that of the first row."""
        lines = [machine()]
        for workload, stacks in self._measured():
            quantity = TITLES[workload.quantity]
            lines += ["", f"| {workload.title} | CPU µs/event | spread | ratio | events/s | {quantity} | spread |"]
            lines.append("| --- | --: | --- | --: | --: | --: | --- |")
            first = None
            for name, rounds in stacks.items():
                cpu = middle(rounds, "cpu_us")
                first = first or cpu
                lines.append(
                    f"| {name} | {cpu:.2f} | {spread(rounds, 'cpu_us')} | {cpu / first:.2f} | {middle(rounds, 'rate'):,.0f} "
                    f"| {middle(rounds, workload.quantity):.2f} | {spread(rounds, workload.quantity)} |"
                )
        return "\n".join(lines)

    def as_svg(self):
        """Bars of the CPU for an event, those of each workload by themselves: the longest is that of who needs most."""
        parts, y = [], 20
        for workload, stacks in self._measured():
            parts.append(f'<text x="0" y="{y}" class="title">{escape(workload.title)}: CPU for an event, µs</text>')
            y += GAP
            most = max(middle(rounds, "cpu_us") for rounds in stacks.values())
            for name, rounds in stacks.items():
                cpu = middle(rounds, "cpu_us")
                length = max(1, (WIDTH - LABEL - 60) * cpu / most)
                kind = "ours" if name.startswith(OURS) else "peer"
                parts.append(f'<text x="0" y="{y + BAR - 3}">{escape(name)}</text>')
                parts.append(f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR}" class="{kind}"/>')
                parts.append(f'<text x="{LABEL + length + 4:.1f}" y="{y + BAR - 3}">{cpu:.1f}</text>')
                y += BAR + GAP
            y += 24
        style = "text{font:12px sans-serif;fill:#222}.title{font-weight:bold}.ours{fill:#2563eb}.peer{fill:#9ca3af}"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 0 {WIDTH + 20} {y}">'
            f"<title>Event streams beside peers</title><style>{style}</style>"
            f'<rect x="-10" width="{WIDTH + 20}" height="{y}" fill="#fff"/>{"".join(parts)}</svg>\n'
        )


def middle(rounds, quantity):
    return median(measured[quantity] for measured in rounds)


def spread(rounds, quantity):
    values = [measured[quantity] for measured in rounds]
    return f"{min(values):.2f} to {max(values):.2f}"


def machine():
    """The machine and the versions."""
    versions = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            versions.append(f"no {package}")
    if shutil.which("node") is not None:
        node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
        versions.append(f"Node {node.removeprefix('v')}")
    return f"{platform.system()} {platform.release()}, {platform.machine()}; {', '.join(versions)}"
