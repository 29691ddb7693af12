"""What the workload "compression" sends: a fragment of HTML of about 3 KB, and JSON of about 121 bytes as an event."""

import json
import random

_chance = random.Random(9)
_ROW = (
    '<tr id="row-{row}"><td class="name">web-{row:02}.example.org</td><td class="num">{cpu:.1f} %</td>'
    '<td class="num">{memory} MB</td><td><span class="badge badge-{state}">{state}</span></td></tr>'
)
_TABLE = (
    '<section id="stats" class="panel"><h2>Servers</h2><table class="table table-striped">'
    "<thead><tr><th>Name</th><th>CPU</th><th>Memory</th><th>State</th></tr></thead><tbody>{rows}</tbody></table></section>"
)


def make_fragment():
    """A table of servers, with other figures each time."""
    rows = [
        _ROW.format(
            row=row,
            cpu=_chance.uniform(0, 100),
            memory=_chance.randrange(1000, 9999),
            state=_chance.choice(["ok", "warning", "critical"]),
        )
        for row in range(17)
    ]
    return _TABLE.format(rows="".join(rows))


def make_quote():
    """What a share costs."""
    quote = {"symbol": _chance.choice(["ACME", "INIT", "CORP"])}
    quote |= {name: round(_chance.uniform(100, 999), 2) for name in ("price", "bid", "ask")}
    return json.dumps(quote | {"at": _chance.randrange(1795870000, 1795879999)})


MAKE = {"fragment": make_fragment, "json": make_quote}
