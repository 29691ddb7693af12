"""The progress of a long job: `chirp-trio run examples/progress/progress.py:app`. Open a job's page in two windows.

A form starts a job, in a nursery that belongs to the app: it outlives its request, and ends with the app. What happens to it
is published to a topic of its own. When the job is over the topic is closed, and with it every stream ends; the last event
tells the browser not to come back. Who was cut off gets what was missed, and who comes back to a job that is gone is told so.
There is no JavaScript here, and where htmx does not run either, the page still starts, shows and cancels jobs.

    jobs.py       jobs: how one runs, tells how far it is, is cancelled and forgotten
    orders.py     the work: files of orders, and how one is imported
    templates/    a page for the form, a page for a job, and the pieces of it that are sent
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import trio
from jobs import Job, Jobs
from orders import FILES, import_orders

from chirp_trio import App, AppConfig, EventStream, Fragment, HTTPError, Page, Redirect, Request, Response, SSEEvent, Template

HERE = Path(__file__).parent
HTMX = {  # the scripts of each generation of htmx, in the order in which they have to run
    "2": ("htmx-2.0.11.min.js", "htmx-ext-sse-2.2.4.min.js"),
    "4": ("htmx-4.0.1.min.js", "hx-sse-4.0.1.min.js"),
}
STATIC = {
    "progress.css": Response((HERE / "progress.css").read_bytes(), content_type="text/css; charset=utf-8"),
    **{
        script: Response((HERE.parent / "static" / script).read_bytes(), content_type="text/javascript; charset=utf-8")
        for scripts in HTMX.values()
        for script in scripts
    },
}
MOST_JOBS = 100  # that there may be, over or not
HISTORY = 300  # events of a job that are remembered for who comes back: those of two minutes or so
GONE = "This job is gone. A job ends with its server, and is forgotten some minutes after it is over."


@asynccontextmanager
async def lifespan(app: App) -> AsyncGenerator[dict[str, object]]:
    """The nursery of all jobs, from the first request to the last."""
    async with trio.open_nursery() as nursery:
        yield {"jobs": Jobs(nursery, partial(app.topic, history=HISTORY))}
        nursery.cancel_scope.cancel("the app stops")


app = App(AppConfig(template_dir=HERE / "templates"), lifespan=lifespan)
app.template_filter("thousands")("{:,}".format)
app.template_filter("money")("{:,.2f}".format)


@app.template_filter()
def duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


@app.route("/")
async def form(request: Request) -> Template:
    return Template("form.html", **head(request), files=FILES.values())


@app.route("/jobs", methods=["POST"])
async def start(request: Request) -> Redirect:
    file = FILES.get((await request.form()).get("file", ""))
    if file is None:
        raise HTTPError(422, "Choose one of the files.")
    jobs: Jobs = request.state["jobs"]
    if len(jobs) >= MOST_JOBS:
        raise HTTPError(503, "There are too many jobs. Try again in some minutes.")
    job = jobs.start(file.name, file.orders, partial(import_orders, file))
    return Redirect(page_of(job, request))


@app.route("/jobs/{id}")
async def page(request: Request, id: str) -> Page:
    job = find(request, id)
    # The cursor is taken in the same moment as the progress: there is no `await` in between.
    return Page("job.html", "live", **head(request), job=job, progress=job.progress, cursor=job.topic.cursor, connected=False)


@app.route("/jobs/{id}/cancel", methods=["POST"])
async def cancel(request: Request, id: str) -> Redirect:
    job = find(request, id)
    job.cancel()
    return Redirect(page_of(job, request))


@app.route("/jobs/{id}/live")
async def live(request: Request, id: str) -> EventStream | None:
    jobs: Jobs = request.state["jobs"]
    job = jobs.find(id)
    # A 204 ends every EventSource for good, also one whose page does not know what "over" means.
    if job is None:
        return EventStream(gone) if request.last_event_id != "gone" else None
    if job.topic.is_closed and request.last_event_id == job.topic.cursor:
        return None
    return EventStream(job.topic.subscribe(request.last_event_id, buffer=HISTORY // 2))


async def gone() -> AsyncGenerator[Fragment | SSEEvent]:
    """The stream of a job that is not there: the server was started anew while a page was open."""
    yield Fragment("gone.html", "progress", event="progress")
    yield Fragment("gone.html", "outcome", event="outcome", text=GONE)
    yield SSEEvent("", event="over", id="gone")


@app.route("/static/{name}")
async def static(name: str) -> Response:
    if name not in STATIC:
        raise HTTPError(404)
    return STATIC[name]


@app.error(HTTPError)
async def show(request: Request, error: HTTPError) -> Template:
    return Template("message.html", **head(request), text=error.detail)


def find(request: Request, id: str) -> Job:
    """The job with that id."""
    jobs: Jobs = request.state["jobs"]
    job = jobs.find(id)
    if job is None:
        raise HTTPError(404, GONE)
    return job


def page_of(job: Job, request: Request) -> str:
    """Where the page of a job is, for the visitor's generation of htmx."""
    return f"/jobs/{job.id}?htmx={generation_of(request)}"


def head(request: Request) -> dict[str, object]:
    """The variables of every page."""
    generation = generation_of(request)
    path = request.path if request.method == "GET" else "/"
    return {"path": path, "generation": generation, "generations": list(HTMX), "scripts": HTMX[generation]}


def generation_of(request: Request) -> str:
    """The generation of htmx that the visitor has chosen."""
    generation = request.query.get("htmx", "2")
    return generation if generation in HTMX else "2"
