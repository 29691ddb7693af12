"""What was measured of streams: medians with their spread, as a table in Markdown and as an SVG."""

from operator import truediv
from statistics import median
from xml.sax.saxutils import escape

from .report import as_table

OURS = "chirp_trio"
WIDTH, LABEL, BAR, GAP = 720, 290, 14, 6  # of the plot, in pixels


class Results:
    """The rounds of each workload and stack."""

    def __init__(self):
        self.is_cut_short = False
        self._rounds = {}
        self._failures = {}

    def add(self, workload, key, measured):
        """Add what one round gave."""
        self._rounds.setdefault(workload.key, {}).setdefault(key, []).append(measured)

    def fail(self, workload, key, reason):
        """Note that a round failed."""
        self._failures.setdefault((workload.key, key), []).append(reason)

    def failed(self, workload, key):
        """How many rounds failed."""
        return len(self._failures.get((workload.key, key), ()))

    def median(self, workload, key, quantity):
        """What was measured; None if nothing was."""
        rounds = self._rounds.get(workload, {}).get(key)
        return median(measured[quantity] for measured in rounds) if rounds else None

    def ratio(self, workload, quantity, key, beside):
        """A stack beside another one of the same workload; None if one of them was not measured, or the other took nothing.

        Where both have as many rounds, the median of the ratios of rounds that came one after the other: a machine that is
        slow for a minute is that for both.
        """
        rounds = self._rounds.get(workload, {})
        one, other = ([measured[quantity] for measured in rounds.get(name, ())] for name in (key, beside))
        if not one or not all(other or [0]):
            return None
        return median(map(truediv, one, other, strict=True)) if len(one) == len(other) else median(one) / median(other)

    def tables(self, workloads):
        """A table for each workload that was measured. The ratio is that of the first quantity to that of the first row."""
        return "\n\n".join(filter(None, map(self._table, workloads)))

    def _table(self, workload):
        compared, *further = workload.columns
        lines, first = [], None
        for key, stack in (workload.stacks | workload.others).items():
            if rounds := self._rounds.get(workload.key, {}).get(key):
                first = first or key
                ratio = self.ratio(workload.key, compared.quantity, key, first)
                cells = [cell(compared, rounds), "" if ratio is None else f"{ratio:.2f}"]
                cells += [cell(column, rounds) for column in further]
                lines.append([stack.name, str(len(rounds)), *cells])
            elif reasons := self._failures.get((workload.key, key)):
                reason = reasons[-1].strip().splitlines()[-1].replace("|", "/")[:80]
                lines.append([stack.name, "0", f"failed: {reason}", *[""] * len(workload.columns)])
        if not lines:
            return None
        titles = [workload.title, "rounds", compared.title, "ratio", *(column.title for column in further)]
        return as_table(titles, lines)

    def as_svg(self, workloads):
        """Bars of what each workload is compared by, each by itself: the longest is that of who needs most."""
        parts, y = [], 20
        for workload in workloads:
            compared = workload.columns[0]
            values = {
                stack.name: value
                for key, stack in (workload.stacks | workload.others).items()
                if (value := self.median(workload.key, key, compared.quantity)) is not None
            }
            if len(values) < 2:
                continue
            parts.append(f'<text x="0" y="{y}" class="title">{escape(f"{workload.title}: {compared.title}")}</text>')
            y += GAP
            for name, value in values.items():
                length = max(1, (WIDTH - LABEL - 60) * value / (max(values.values()) or 1))
                kind = "ours" if name.startswith(OURS) else "peer"
                parts.append(f'<text x="0" y="{y + BAR - 3}">{escape(name)}</text>')
                parts.append(f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR}" class="{kind}"/>')
                parts.append(f'<text x="{LABEL + length + 4:.1f}" y="{y + BAR - 3}">{value:{compared.format}}</text>')
                y += BAR + GAP
            y += 24
        style = "text{font:12px sans-serif;fill:#222}.title{font-weight:bold}.ours{fill:#2563eb}.peer{fill:#9ca3af}"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 0 {WIDTH + 20} {y}">'
            f"<title>Event streams beside peers</title><style>{style}</style>"
            f'<rect x="-10" width="{WIDTH + 20}" height="{y}" fill="#fff"/>{"".join(parts)}</svg>\n'
        )


def cell(column, rounds):
    """The median, and the least and the most of several rounds."""
    values = [measured[column.quantity] for measured in rounds]
    text = f"{median(values):{column.format}}"
    if column.has_spread and len(values) > 1:
        text += f" ({min(values):{column.format}} to {max(values):{column.format}})"
    return text
