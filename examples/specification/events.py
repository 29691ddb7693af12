"""The smallest stream: a dict now and then. `chirp-trio run examples/specification/events.py:app`."""

from collections.abc import AsyncGenerator
from datetime import datetime
from pathlib import Path

import trio
from htmx import add_htmx

from chirp_trio import App, AppConfig, EventStream, Request, Template

app = App(AppConfig(template_dir=Path(__file__).parent / "templates"))
add_htmx(app)


@app.route("/")
async def index(request: Request) -> Template:
    return Template("events.html", request=request)


async def get_next_update() -> dict[str, object]:
    """Something new to tell, a second later."""
    await trio.sleep(1)
    return {"time": datetime.now().astimezone().isoformat(timespec="seconds"), "status": "ok"}


@app.route("/events")
async def events() -> EventStream:
    async def stream() -> AsyncGenerator[dict[str, object]]:
        while True:
            data = await get_next_update()
            yield data

    return EventStream(stream())
