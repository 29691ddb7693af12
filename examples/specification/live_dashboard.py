"""A dashboard: one block of a page, live. `chirp-trio run examples/specification/live_dashboard.py:app`."""

import os
from collections.abc import AsyncGenerator
from datetime import datetime
from pathlib import Path

import trio
from htmx import add_htmx

from chirp_trio import App, AppConfig, EventStream, Fragment, Request, SSEEvent, Template

app = App(AppConfig(template_dir=Path(__file__).parent / "templates"))
add_htmx(app)


async def get_current_stats() -> dict[str, object]:
    """Figures of this machine and of this process."""
    return {
        "time": f"{datetime.now():%H:%M:%S}",
        "load": f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "-",
        "tasks": trio.lowlevel.current_statistics().tasks_living,
    }


@app.route("/")
async def dashboard(request: Request) -> Template:
    return Template("dashboard.html", request=request, stats=await get_current_stats())


@app.route("/dashboard/live")
async def live_stats() -> EventStream:
    async def stream() -> AsyncGenerator[SSEEvent]:
        while True:
            stats = await get_current_stats()
            yield SSEEvent(
                data=Fragment("dashboard.html", "stats_panel", stats=stats),
                event="stats-update",
            )
            await trio.sleep(5)  # Update every 5 seconds

    return EventStream(stream())
