"""A live dashboard of this machine: `chirp-trio demo`, or `chirp-trio run examples/dashboard/dashboard.py:app`.

One task takes the figures, once for everybody. Every visitor has one event stream, which sends the panels as fragments;
htmx swaps them into the page, whichever of its generations it is. Each sample is an event of a topic as well, which is
stored: the page that comes back gets what it has missed, and `delivery.js` counts in the browser that nothing is missing.

    machine.py    reads the figures          feed.py      the notifications
    sampler.py    the task that takes them   watch.py     what is worth one
    charts.py     draws them                 assets.py    static files
    formats.py    writes them                traffic.py   what goes out
    record.py     remembers them             restart.py   starts the server anew
    templates/    the page, and a file for each of its panels
"""

import os
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, cast

import formats
import trio
from assets import Assets
from feed import Feed
from machine import Figures, Machine, describe
from record import Record, open_record
from restart import Restart
from sampler import Sample, Sampler
from traffic import Traffic, Wire
from watch import Watch

from chirp_trio import (
    App,
    AppConfig,
    EventStream,
    Fragment,
    HTTPError,
    Published,
    Request,
    Response,
    SSEEvent,
    Subscription,
    Template,
)

HERE = Path(__file__).parent
PANELS = {  # their names, which are those of their templates and of their events, and their titles
    "cpu": "CPU",
    "memory": "Memory",
    "network": "Network",
    "system": "System",
    "processes": "Processes",
    "feed": "Notifications",
}
HTMX = {  # the scripts of each generation of htmx, in the order in which they have to run
    "2": ("htmx-2.0.11.min.js", "htmx-ext-sse-2.2.4.min.js"),
    "4": ("htmx-4.0.1.min.js", "hx-sse-4.0.1.min.js"),
}


class Dashboard:
    """What all visitors share.

    Args:
        read: Reads the figures; called in a thread.
        traffic: What goes out.
        record: What is remembered.
    """

    def __init__(self, read: Callable[[], Figures], traffic: Traffic, record: Record) -> None:
        self.traffic = traffic
        self.record = record
        self.sampler = Sampler(read)
        self.feed = Feed()
        self.watching = 0

    @contextmanager
    def visitor(self) -> Iterator[None]:
        """Somebody watches for as long as the block lasts."""
        self.watching += 1
        self.feed.add("visitor", "A visitor joined")
        try:
            yield
        finally:
            self.watching -= 1
            self.feed.add("visitor", "A visitor left")

    def panel(self, name: str, **variables: Any) -> Fragment:
        """A panel as it is now, sent under its own name, which is what the page listens for."""
        return Fragment(f"{name}.html", event=name, **self.variables(), **variables)

    def variables(self) -> dict[str, Any]:
        """The variables of every template."""
        return {
            "sample": self.sampler.latest,
            "notes": self.feed.notes,
            "watching": self.watching,
            "rates": self.traffic.rates,
            "own_process": self.sampler.latest.process(os.getpid()),
        }


wire = Wire()
restart = Restart()


@asynccontextmanager
async def lifespan(app: App) -> AsyncGenerator[dict[str, object]]:
    """The dashboard, and the task behind it, from the first request to the last."""
    async with open_record(app, restart.store) as record, trio.open_nursery() as nursery:
        dashboard = Dashboard(Machine().read, Traffic(app.streams, wire), record)
        watch = Watch(dashboard.feed)

        def observe(sample: Sample) -> None:
            watch.observe(sample)
            dashboard.traffic.look()
            record.add(sample, dashboard.feed)

        past = await record.recall(dashboard.feed)
        dashboard.feed.add("started", "The dashboard started")
        await nursery.start(dashboard.sampler.run, observe, past)
        yield {"dashboard": dashboard}
        nursery.cancel_scope.cancel("the app stops")


# No other name may lead here: what the page shows of this machine is not for pages of the web.
app = App(
    AppConfig(template_dir=HERE / "templates", hosts=(), compress=True),
    middleware=[wire],
    lifespan=lifespan,
)
for function in (
    formats.percent,
    formats.size,
    formats.rate,
    formats.decimal,
    formats.duration,
    formats.number,
    formats.level,
):
    app.template_filter()(function)
assets = Assets(
    HERE / "dashboard.css",
    HERE / "delivery.js",
    *(HERE.parent / "static" / name for names in HTMX.values() for name in names),
)


@app.route("/")
async def page(request: Request) -> Template:
    generation = request.query.get("htmx", "2")
    if generation not in HTMX:
        raise HTTPError(404, f"The generations of htmx here are {' and '.join(HTMX)}.")
    dashboard: Dashboard = request.state["dashboard"]
    name, description = describe()
    return Template(
        "page.html",
        name=name,
        description=description,
        generation=generation,
        generations=list(HTMX),
        panels=PANELS,
        stylesheet=assets.urls["dashboard.css"],
        scripts=[assets.urls[script] for script in (*HTMX[generation], "delivery.js")],
        cursor=dashboard.record.topic.cursor,
        can_restart=restart.is_possible,
        connected=False,
        key=token_urlsafe(8),
        since=dashboard.feed.newest,
        **dashboard.variables(),
    )


@app.route("/live")
async def live(request: Request) -> EventStream:
    dashboard: Dashboard = request.state["dashboard"]

    begun = time.time() * 1000
    samples = dashboard.record.topic.subscribe(request.last_event_id, replay=1)

    async def panels() -> AsyncGenerator[object]:
        processes, since = None, dashboard.feed.newest
        shown: Sample | None = None
        with dashboard.visitor():
            async for event in chain_first(samples):
                if event is not None:
                    yield pulse(event, begun)
                # Whoever is slow gets every pulse, and of the panels only those that are still true.
                sample = dashboard.sampler.latest
                if sample is shown:
                    continue
                shown = sample
                yield dashboard.panel("status", connected=True)
                for name in ("cpu", "memory", "network", "system"):
                    yield dashboard.panel(name)
                if sample.now.processes is not processes:
                    processes = sample.now.processes
                    yield dashboard.panel("processes")
                if dashboard.feed.newest > since:
                    yield dashboard.panel("feed", since=since)
                    since = dashboard.feed.newest

    return EventStream(panels, label=request.query.get("page"))


async def chain_first(samples: Subscription) -> AsyncGenerator[Published | None]:
    """None at once, and then the samples."""
    yield None
    async with aclosing(aiter(samples)) as events:
        async for event in events:
            yield event


def pulse(event: Published, begun: float) -> SSEEvent:
    """An event of the topic as the page gets it, with its id: what the browser counts."""
    value = cast(dict[str, Any], event.value)
    is_gap = event.event == "chirp:gap"
    fragment = Fragment(
        "pulse.html",
        event="pulse",
        number=event.number,
        missed=(value["missed"] or 1) if is_gap else None,
        time=None if is_gap else value["time"],
        is_replayed=is_gap or value["time"] < begun,
    )
    return SSEEvent(fragment, id=event.id)


@app.post("/cut")
async def cut(request: Request) -> None:
    """End the stream of the page that asks for it. Its browser comes back by itself, and the page catches up."""
    key = request.query.get("page")
    if key and app.streams.close(lambda stream: stream.label == key):
        dashboard: Dashboard = request.state["dashboard"]
        dashboard.feed.add("cut", "A connection was cut, and is to come back by itself")


@app.post("/restart")
async def start_anew(request: Request) -> None:
    """Start the server anew, for a page of this machine that is open: no other one knows its key."""
    key = request.query.get("page")
    if not restart.is_possible:
        raise HTTPError(404, "Only `chirp-trio demo`, at an address of this machine alone, can start anew.")
    if not key or not any(stream.label == key for stream in app.streams):
        raise HTTPError(403, "Only a page that is open can start the server anew.")
    dashboard: Dashboard = request.state["dashboard"]
    dashboard.feed.add("cut", "The server is started anew")
    dashboard.record.add(dashboard.sampler.latest, dashboard.feed)
    restart.begin()


@app.route("/static/{name}")
async def static(name: str) -> Response:
    found = assets.find(name)
    if found is None:
        raise HTTPError(404)
    return found
