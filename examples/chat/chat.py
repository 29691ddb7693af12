"""A chat room: `chirp-trio run examples/chat/chat.py:app`. Open it in two windows.

A message is published once, as a fragment, and reaches everybody. A browser that loses its connection comes back by itself
and gets what it has missed; one that has missed too much, or comes back after the server was started anew, is told so by
`chirp:gap`, and loads the room again. `CHAT_FILE=chat.db` names a file in which the messages outlive the server. There is no
JavaScript here: the same message is shown in another way to who has said it, and a message that could not be sent is told
of, by rules of CSS.

    room.py       what was said, and who is there
    kept.py       what was said, in a file
    templates/    a page for who has no name yet, the room, and the pieces of it that are sent
"""

import os
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, unquote

import trio
from kept import open_kept
from room import Room

from chirp_trio import App, AppConfig, EventStream, Fragment, HTTPError, Page, Request, Response, Template

HERE = Path(__file__).parent
HTMX = {  # the scripts of each generation of htmx, in the order in which they have to run
    "2": ("htmx-2.0.11.min.js", "htmx-ext-sse-2.2.4.min.js"),
    "4": ("htmx-4.0.1.min.js", "hx-sse-4.0.1.min.js"),
}
STATIC = {
    "chat.css": Response((HERE / "chat.css").read_bytes(), content_type="text/css; charset=utf-8"),
    **{
        script: Response((HERE.parent / "static" / script).read_bytes(), content_type="text/javascript; charset=utf-8")
        for scripts in HTMX.values()
        for script in scripts
    },
}
FILE = os.environ.get("CHAT_FILE", ":memory:")
HISTORY = 500  # messages that are remembered for who comes back
LONGEST_NAME = 24
LONGEST_MESSAGE = 500


@asynccontextmanager
async def lifespan(app: App) -> AsyncGenerator[dict[str, object]]:
    """The room, from the first request to the last."""
    with open_kept(FILE) as kept:
        yield {"room": Room(app.topic("room", history=HISTORY), kept)}


app = App(AppConfig(template_dir=HERE / "templates"), lifespan=lifespan)
app.template_global("longest_name", LONGEST_NAME)
app.template_global("longest_message", LONGEST_MESSAGE)


@app.route("/")
async def page(request: Request) -> Page | Template:
    generation = generation_of(request)
    head = {"generation": generation, "generations": list(HTMX), "scripts": HTMX[generation]}
    name = request.cookies.get("name")
    if name is None:
        return Template("enter.html", **head)
    room: Room = request.state["room"]
    return Page(
        "room.html",
        "room",
        **head,
        me=room.person(unquote(name)),
        opened=room.opened if FILE == ":memory:" else None,
        messages=room.messages,
        cursor=room.topic.cursor,  # taken in the same moment as the messages: there is no `await` in between
        people=room.people,
        connected=False,
    )


@app.route("/name", methods=["POST"])
async def enter(request: Request) -> Response:
    name = " ".join((await request.form()).get("name", "").split())[:LONGEST_NAME]
    if not name:
        raise HTTPError(422, "A name has at least one letter.")
    cookie = f"name={quote(name, safe='')}; Path=/; HttpOnly; SameSite=Lax"
    return Response(b"", 303, {"location": f"/?htmx={generation_of(request)}", "set-cookie": cookie})


@app.route("/messages", methods=["POST"])
async def say(request: Request) -> Fragment:
    name = name_of(request)
    text = (await request.form()).get("text", "").strip()[:LONGEST_MESSAGE]
    if text:
        request.state["room"].say(name, text)
    return Fragment("form.html")  # empty again


@app.route("/live")
async def live(request: Request) -> EventStream:
    room: Room = request.state["room"]
    # Who is too far behind is disconnected, comes back, and finds the rest in the history, which goes back further.
    messages = room.topic.subscribe(request.last_event_id, buffer=HISTORY // 2)
    return EventStream(together(messages, room.visit(name_of(request))))


@app.route("/static/{name}")
async def static(name: str) -> Response:
    if name not in STATIC:
        raise HTTPError(404)
    return STATIC[name]


async def together(*sources: AsyncIterable[object]) -> AsyncGenerator[object]:
    """What all the sources yield, as it comes: a page has one stream, whatever it shows. Ends with the first that ends."""
    send, receive = trio.open_memory_channel[object](0)

    async def pass_on(source: AsyncIterable[object]) -> None:
        async with aclosing(cast(Any, aiter(source))) as items:  # a generator, or a subscription's reader
            async for item in items:
                await send.send(item)
        nursery.cancel_scope.cancel("one source has ended")

    async with trio.open_nursery() as nursery:
        for source in sources:
            nursery.start_soon(pass_on, source)
        async for item in receive:
            yield item


def name_of(request: Request) -> str:
    """The visitor's name."""
    name = request.cookies.get("name")
    if name is None:
        raise HTTPError(403, "Say who you are first.")
    return unquote(name)


def generation_of(request: Request) -> str:
    """The generation of htmx that the visitor has chosen."""
    generation = request.query.get("htmx", "2")
    if generation not in HTMX:
        raise HTTPError(404, f"The generations of htmx here are {' and '.join(HTMX)}.")
    return generation
