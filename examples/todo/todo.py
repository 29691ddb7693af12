"""To-do lists with log-in: `chirp-trio run examples/todo/todo.py:app`. Log in in two windows.

Each user has a topic: a change is published there once, and shows on all pages and devices of this user and nowhere else.
Each session has one too, for the news that it is over. Whoever logs out ends the streams of all the pages that have this
session; each is told before, forgets what it showed, and does not come back. A page that comes back to a session that is
gone, because it has expired or the server was started anew, is told the same. There is no JavaScript here.

    accounts.py   users and their passwords, and the sessions of those who are logged in
    lists.py      to-do lists, and what is published when one changes
    templates/    a page to log in, a page for the list, and the pieces of it that are sent
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from secrets import compare_digest, token_urlsafe

from accounts import Accounts, Session
from lists import LONGEST_TEXT, Mistake, TodoList

from chirp_trio import (
    OOB,
    App,
    AppConfig,
    EventStream,
    Fragment,
    HTTPError,
    Page,
    Redirect,
    Request,
    Response,
    SSEEvent,
    ValidationError,
    merge,
    merge_cursors,
)

HERE = Path(__file__).parent
HTMX = {  # the scripts of each generation of htmx, in the order in which they have to run
    "2": ("htmx-2.0.11.min.js", "htmx-ext-sse-2.2.4.min.js"),
    "4": ("htmx-4.0.1.min.js", "hx-sse-4.0.1.min.js"),
}
STATIC = {
    "todo.css": Response((HERE / "todo.css").read_bytes(), content_type="text/css; charset=utf-8"),
    **{
        script: Response((HERE.parent / "static" / script).read_bytes(), content_type="text/javascript; charset=utf-8")
        for scripts in HTMX.values()
        for script in scripts
    },
}
PASSWORDS = {"Ada": "lovelace", "Grace": "hopper"}  # of the demo: a real app has its users in a database, and no passwords
OVER = "ended"  # the event that tells a page that its session is over, and the id of that event


@asynccontextmanager
async def lifespan(app: App) -> AsyncGenerator[dict[str, object]]:
    """The users, their lists, and who is logged in, from the first request to the last."""
    yield {
        "accounts": Accounts(PASSWORDS, make_topic=app.topic),
        "lists": {name: TodoList(app.topic(f"list of {name}")) for name in PASSWORDS},
    }


app = App(AppConfig(template_dir=HERE / "templates"), lifespan=lifespan)
app.template_global("passwords", PASSWORDS)
app.template_global("longest_text", LONGEST_TEXT)


# -- the list ----------------------------------------------------------------------------------------------------------


@app.route("/")
async def page(request: Request) -> Page:
    session = session_of(request)
    todos = list_of(session, request)
    # The cursors are taken in the same moment as the list: there is no `await` in between.
    cursor = merge_cursors(todos.topic, session.topic)
    return Page("list.html", "live", **head(request), session=session, todos=todos, cursor=cursor, text="", mistake="")


@app.route("/todos", methods=["POST"])
async def add(request: Request) -> ValidationError | tuple[OOB, dict[str, str]]:
    session = session_of(request)
    form = await request.form()
    check_token(form, session.token)
    todos = list_of(session, request)
    text = form.get("text", "")
    try:
        todo = todos.add(text)
    except Mistake as mistake:
        return ValidationError("list.html", "add", session=session, text=text, mistake=str(mistake))
    session.message = f"Added “{todo.text}”"
    answer = OOB(
        Fragment("list.html", "add", session=session, text="", mistake=""),  # empty again
        Fragment("list.html", "count", swap="innerHTML", todos=todos),
    )
    return answer, {"HX-Trigger": "message"}


@app.route("/todos/change", methods=["POST"])
async def change(request: Request) -> tuple[None, dict[str, str]]:
    """The buttons of all to-dos are of one form: a to-do is sent to all sessions of a user, and a token is of one."""
    session = session_of(request)
    form = await request.form()
    check_token(form, session.token)
    todos = list_of(session, request)
    if todo := todos.find(form.get("toggle", "")):
        todos.toggle(todo)
        session.message = f"“{todo.text}” is {'to be done' if todo.is_done else 'done'}"
    elif todo := todos.find(form.get("remove", "")):
        todos.remove(todo)
        session.message = f"Removed “{todo.text}”"
    else:  # another page has removed it
        session.message = "It is gone already"
    return None, {"HX-Trigger": "message"}


@app.route("/message")
async def message(request: Request) -> Fragment:
    """What the page shows when a response has told it to, by `HX-Trigger`."""
    return Fragment("message.html", text=session_of(request).take_message())


@app.route("/live")
async def live(request: Request) -> EventStream | None:
    session = find_session(request)
    here = request.last_event_id
    if session is None:
        # A refusal or a redirect would be asked for again and again. This ends each htmx, and the 204 every other client.
        return EventStream(over) if here != OVER else None
    accounts: Accounts = request.state["accounts"]
    topics = (list_of(session, request).topic, session.topic)
    return EventStream(
        merge(*(topic.subscribe(here) for topic in topics)),
        label=session,
        revalidate=partial(accounts.is_open, session),  # it expires if nothing is done; to look on is nothing
    )


async def over() -> AsyncGenerator[Fragment | SSEEvent]:
    """The stream of a page whose session is over."""
    yield Fragment("over.html", event="over")
    yield SSEEvent("", event=OVER, id=OVER)


# -- who it is ---------------------------------------------------------------------------------------------------------


@app.error(401)
async def ask_who_it_is(request: Request) -> Response:
    if request.is_fragment:
        return Response(status=401, headers={"HX-Redirect": home(request)})
    return form_to_log_in(request, status=401)


@app.route("/login", methods=["POST"])
async def log_in(request: Request) -> Response | Redirect:
    form = await request.form()
    check_token(form, request.cookies.get("token", ""))
    accounts: Accounts = request.state["accounts"]
    name = form.get("name", "").strip().capitalize()
    if not await accounts.check(name, form.get("password", "")):
        return form_to_log_in(request, status=422, name=name, mistake="There is no such user, or this is not the password.")
    if (before := find_session(request)) is not None:
        end(before, accounts)
    # htmx would follow a redirect by itself, and show in the form what is there.
    answer = Response(headers={"HX-Redirect": home(request)}) if request.is_fragment else Redirect(home(request))
    return answer.set_cookie("session", accounts.open(name).id, secure=request.url.startswith("https:"))


@app.route("/logout", methods=["POST"])
async def log_out(request: Request) -> Redirect:
    session = find_session(request)
    if session is not None:
        check_token(await request.form(), session.token)
        end(session, request.state["accounts"])
    return Redirect(home(request)).delete_cookie("session")


def end(session: Session, accounts: Accounts) -> None:
    """Tell every page of the session that it is over, and end their streams: what was published before still reaches them."""
    accounts.close(session)
    session.topic.publish_nowait(Fragment("over.html", event="over"))
    session.topic.publish_nowait(SSEEvent("", event=OVER))
    app.streams.close(lambda stream: stream.label is session)


def form_to_log_in(request: Request, *, status: int, name: str = "", mistake: str = "") -> Response:
    """The page to log in; for htmx its form. Nobody is known here yet, so the token of the form is in a cookie of its own."""
    token = request.cookies.get("token") or token_urlsafe()
    page = Page("login.html", "form", **head(request), token=token, name=name, mistake=mistake)
    return Response(page, status).set_cookie("token", token, samesite="strict", secure=request.url.startswith("https:"))


def check_token(form: Mapping[str, str], token: str) -> None:
    """Refuse a form that does not come from a page of ours: that of another site does not know the token."""
    if not token or not compare_digest(form.get("token", "").encode(), token.encode()):
        raise HTTPError(403, "This form is out of date. Load the page again.")


def find_session(request: Request) -> Session | None:
    accounts: Accounts = request.state["accounts"]
    return accounts.find(request.cookies.get("session", ""))


def session_of(request: Request) -> Session:
    """The session of somebody who does something, so that it goes on."""
    session = find_session(request)
    if session is None:
        raise HTTPError(401, "You are not logged in.")
    session.use()
    return session


def list_of(session: Session, request: Request) -> TodoList:
    lists: dict[str, TodoList] = request.state["lists"]
    return lists[session.user]


# -- the rest ----------------------------------------------------------------------------------------------------------


@app.route("/static/{name}")
async def static(name: str) -> Response:
    if name not in STATIC:
        raise HTTPError(404)
    return STATIC[name]


def home(request: Request) -> str:
    """Where the page is, for the visitor's generation of htmx."""
    return request.path_for("page", htmx=generation_of(request))


def head(request: Request) -> dict[str, object]:
    """The variables of every page."""
    generation = generation_of(request)
    return {"generation": generation, "generations": list(HTMX), "scripts": HTMX[generation]}


def generation_of(request: Request) -> str:
    """The generation of htmx that the visitor has chosen."""
    generation = request.query.get("htmx", "2")
    return generation if generation in HTMX else "2"
