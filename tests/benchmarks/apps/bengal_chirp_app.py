"""bengal-chirp's `EventStream` on bengal-pounce: `python -m tests.benchmarks.apps.bengal_chirp_app PORT`."""

import sys
from pathlib import Path

import pounce
from chirp import App, AppConfig, EventStream, Fragment

from .queues import texts
from .workload import HEARTBEAT_INTERVAL

ITEMS = [{"kind": "ok", "name": f"web-{number:02}", "value": 1000 + number} for number in range(10)]
TEMPLATES = Path(__file__).parent / "templates"

app = App(AppConfig(template_dir=TEMPLATES))


@app.route("/{path:path}", referenced=True)
async def get_events(request):
    source = cards() if request.path == "/rendered-for-each" else texts(request.path)
    return EventStream(source, heartbeat_interval=HEARTBEAT_INTERVAL)


async def cards():
    async for text in texts("/fan-out"):
        yield Fragment("card.html", "card", title="Servers", event_text=text, items=ITEMS)


if __name__ == "__main__":
    pounce.run(
        app, host="127.0.0.1", port=int(sys.argv[1]), workers=1, worker_mode="async", access_log=False, max_connections=12_000
    )
