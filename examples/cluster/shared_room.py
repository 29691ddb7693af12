"""A room that several processes serve, joined by a server of Redis or Valkey: `make demo-cluster`.

Each page is answered by whichever process nginx chooses, and so are its two streams. What is said in one process reaches
the pages of all, and who is there is known in all: nothing here knows how many there are. `cluster.py` starts them.
"""

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from secrets import token_hex

from chirp_trio import App, AppConfig, EventStream, Fragment, RedisStore, Request, Response, Template, health

HERE = Path(__file__).parent
SCRIPTS = ("htmx-2.0.11.min.js", "htmx-ext-sse-2.2.4.min.js")
STATIC = {
    "room.css": Response((HERE / "room.css").read_bytes(), content_type="text/css; charset=utf-8"),
    **{
        script: Response((HERE.parent / "static" / script).read_bytes(), content_type="text/javascript; charset=utf-8")
        for script in SCRIPTS
    },
}
PROCESS = os.environ.get("PROCESS") or os.uname().nodename  # in a container that is its id
SHOWN = 50  # messages that a new page begins with
LONGEST = 200

app = App(AppConfig(template_dir=HERE / "templates"))
app.mount("/health", health(app))
room = app.topic("room", store=RedisStore(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")))


@app.get("/")
async def page(request: Request) -> Template:
    name = request.query.get("name", "").strip()[:LONGEST] or f"guest-{token_hex(2)}"
    return Template("page.html", name=name, process=PROCESS, scripts=SCRIPTS, members=room.members)


@app.get("/messages")
async def messages(request: Request) -> EventStream:
    name = request.query.get("name", "guest")
    return EventStream(room.subscribe(request.last_event_id, replay=SHOWN, member=name), label=name)


@app.post("/messages")
async def say(request: Request) -> Fragment:
    form = await request.form()
    name, text = form.get("name", "guest")[:LONGEST], form.get("text", "").strip()[:LONGEST]
    if text:
        await room.publish(Fragment("message.html", event="message", swap="beforeend", name=name, text=text, process=PROCESS))
    return Fragment("form.html", name=name)  # empty again


@app.get("/people")
async def people() -> EventStream:
    async def changes() -> AsyncGenerator[Fragment]:
        yield Fragment("people.html", event="people", members=room.members)
        async with aclosing(room.presence()) as found:
            async for _ in found:
                yield Fragment("people.html", event="people", members=room.members)

    return EventStream(changes)


@app.get("/static/{name}")
async def static(name: str) -> Response:
    return STATIC.get(name) or Response(status=404)
