"""A log, live in the browser: `chirp-trio run examples/log_tail/log_tail.py:app`.

`LOG_FILE=/var/log/syslog chirp-trio run ...` follows that file; without it, the file is one that is made up as it goes. It is
followed as `tail -F` does, through rotation too, and no other file can be read. `HOSTS` names the hosts under which others
may reach it, such as `HOSTS=logs.example`.

There is no topic. The file is the history, and the id of an event is a place in it: who was cut off, or stopped for a while,
goes on exactly there. Where that place is not to be found any more, the page says that lines may be missing. Each page reads
for itself, and as fast as its browser takes what it is sent. There is no JavaScript here.

    tail.py             follows a file, and knows its places
    lines.py            what a line looks like, and its level
    demonstration.py    writes a log to look at
    templates/          the page, and the pieces of it that are sent
"""

import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

import demonstration
import trio
from lines import Line
from tail import News, Reader

from chirp_trio import App, AppConfig, EventStream, Fragment, HTTPError, Page, Request, Response, SSEEvent

HERE = Path(__file__).parent
HTMX = {  # the scripts of each generation of htmx, in the order in which they have to run
    "2": ("htmx-2.0.11.min.js", "htmx-ext-sse-2.2.4.min.js"),
    "4": ("htmx-4.0.1.min.js", "hx-sse-4.0.1.min.js"),
}
STATIC = {
    "log_tail.css": Response((HERE / "log_tail.css").read_bytes(), content_type="text/css; charset=utf-8"),
    **{
        script: Response((HERE.parent / "static" / script).read_bytes(), content_type="text/javascript; charset=utf-8")
        for scripts in HTMX.values()
        for script in scripts
    },
}
LEVELS = {"all": "All", "warnings": "Warnings"}
SHOWN = 200  # lines that a page begins with
MOST = 2000  # lines that a page may grow to: then it begins anew, where it is
PACE = 0.25  # seconds from one look at the file to the next, where there is nothing new
BEAT = 2.0  # seconds after which a page hears that it is still connected


@asynccontextmanager
async def lifespan(_: App) -> AsyncGenerator[dict[str, object]]:
    """Which file it is. The operator says so, and nobody else."""
    if named := os.environ.get("LOG_FILE"):
        yield {"path": Path(named)}
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / "shop.log"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(demonstration.write, path)
            yield {"path": path}
            nursery.cancel_scope.cancel("the app stops")


# No other name may lead here: a log is not for pages of the web.
app = App(AppConfig(template_dir=HERE / "templates", hosts=os.environ.get("HOSTS", "").split()), lifespan=lifespan)


@dataclass(frozen=True, slots=True)
class View:
    """What somebody looks at. Everything that is chosen in the page is in its URL.

    Attributes:
        generation: Of htmx.
        level: Which lines are shown: all, or warnings and worse.
        at: The place up to which the page shows them; None: the end.
        stopped: Whether the page stays there.
    """

    generation: str = "2"
    level: str = "all"
    at: str | None = None
    stopped: bool = False

    def url(self, path: str = "/", **changes: Any) -> str:
        """Where that is, or something that differs from it."""
        view = replace(self, **changes)
        query = {"htmx": view.generation, "level": view.level}
        if view.at is not None:
            query["at"] = view.at
        if view.stopped:
            query["stopped"] = "1"
        return f"{path}?{urlencode(query)}"

    def choose(self, lines: Sequence[Line]) -> list[Line]:
        """Those of the lines that are shown."""
        return [line for line in lines if self.level == "all" or line.is_warning]


@app.route("/")
async def page(request: Request) -> Page:
    view = view_of(request)
    path: Path = request.state["path"]
    news = await trio.to_thread.run_sync(begin, path, view.at)
    return Page(
        "log.html",
        "log",
        view=view,
        generations=list(HTMX),
        scripts=HTMX[view.generation],
        levels=LEVELS,
        name=path.name,
        news=news,
        lines=view.choose(news.lines)[-SHOWN:],
        connected=False,
    )


def begin(path: Path, at: str | None) -> News:
    """What a page begins with."""
    with closing(Reader(path)) as reader:
        return reader.begin(at)


@app.route("/live")
async def live(request: Request) -> EventStream:
    return EventStream(follow(request.state["path"], request.last_event_id, view_of(request)))


async def follow(path: Path, at: str | None, view: View) -> AsyncGenerator[SSEEvent]:
    """What comes after a place in the file. The id of an event is the place up to which the page has everything by then."""
    with closing(Reader(path)) as reader:
        news = await trio.to_thread.run_sync(reader.begin, at)
        lines = [] if news.note is None else view.choose(news.lines)[-SHOWN:]
        sent = 0
        next_beat = trio.current_time()
        while True:
            if lines or news.note is not None:
                # One event for all that was read. It waits here while the browser does not take it, and nothing more is read.
                yield event("lines.html", "lines" if news.note is None else "note", news, swap="beforeend", lines=lines)
                sent += len(lines)
            if sent >= MOST:
                yield event("again.html", "again", news, url=view.url(at=str(news.place)))
                return
            if lines or trio.current_time() >= next_beat:
                yield event("status.html", "status", news, view=view, connected=True)
                next_beat = trio.current_time() + BEAT
            if not news.lines:
                await trio.sleep(PACE)
            news = await trio.to_thread.run_sync(reader.look)
            lines = view.choose(news.lines)


def event(template: str, name: str, news: News, *, swap: str | None = None, **context: Any) -> SSEEvent:
    """A fragment, with the place as its id."""
    return SSEEvent(Fragment(template, event=name, swap=swap, news=news, **context), id=str(news.place))


@app.route("/static/{name}")
async def static(name: str) -> Response:
    if name not in STATIC:
        raise HTTPError(404)
    return STATIC[name]


def view_of(request: Request) -> View:
    """What the visitor has chosen."""
    query = request.query
    view = View(query.get("htmx", "2"), query.get("level", "all"), query.get("at"), "stopped" in query)
    if view.generation not in HTMX:
        raise HTTPError(404, f"The generations of htmx here are {' and '.join(HTMX)}.")
    if view.level not in LEVELS:
        raise HTTPError(404, f"The levels here are {' and '.join(LEVELS)}.")
    return view
