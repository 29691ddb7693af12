"""A chat with a language model: `chirp-trio run examples/answers/answers.py:app`. Ask again while it
answers; open a second window.

An answer is made by a task of the app's: it goes on when its page is closed, and ends at once when somebody presses Stop. Its
tokens are published to the topic of the conversation, one event for each. A page has one stream, whatever is being answered:
each answer has event names of its own, and its element listens for them from the moment that it is in the page. A page that
is loaded in the middle begins with what was said so far, and its stream with the very next token. While an answer comes it is
plain text; at its end it comes once more, as HTML. There is no JavaScript here.

    model.py         the language model, to be replaced by a real one
    conversation.py  what was asked and answered, and the tasks that answer
    marking.py       what a model writes, as HTML
    templates/       the page, and the pieces of it that are sent
"""

import re
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import model
import trio
from conversation import Conversation, Conversations, TooMany
from marking import markdown

from chirp_trio import App, AppConfig, EventStream, Fragment, HTTPError, Page, Request, Response

HERE = Path(__file__).parent
HTMX = {  # the scripts of each generation of htmx, in the order in which they have to run
    "2": ("htmx-2.0.11.min.js", "htmx-ext-sse-2.2.4.min.js"),
    "4": ("htmx-4.0.1.min.js", "hx-sse-4.0.1.min.js"),
}
STATIC = {
    "answers.css": Response((HERE / "answers.css").read_bytes(), content_type="text/css; charset=utf-8"),
    **{
        script: Response((HERE.parent / "static" / script).read_bytes(), content_type="text/javascript; charset=utf-8")
        for scripts in HTMX.values()
        for script in scripts
    },
}
HISTORY = 4000  # events of a conversation that are remembered for who comes back: some minutes of answers
LONGEST_QUESTION = 2000
COOKIE = "conversation"
KEPT = 30 * 24 * 60 * 60  # seconds that a browser keeps its cookie


@asynccontextmanager
async def lifespan(app: App) -> AsyncGenerator[dict[str, object]]:
    """The nursery of all answers, from the first request to the last."""
    async with trio.open_nursery() as nursery:
        yield {"conversations": Conversations(partial(app.topic, history=HISTORY), model.answer, nursery)}
        nursery.cancel_scope.cancel("the app stops")


app = App(AppConfig(template_dir=HERE / "templates"), lifespan=lifespan)
app.template_filter("markdown")(markdown)
app.template_global("longest_question", LONGEST_QUESTION)


@app.route("/")
async def page(request: Request) -> Page | Response:
    visitor = visitor_of(request)
    conversation = conversation_of(request, visitor or (new := secrets.token_urlsafe(16)))
    generation = generation_of(request)
    shown = Page(
        "page.html",
        "conversation",
        generation=generation,
        generations=list(HTMX),
        scripts=HTMX[generation],
        suggestions=model.SUGGESTIONS,
        turns=conversation.turns,
        cursor=conversation.topic.cursor,  # taken in the same moment as the turns: there is no `await` in between
        text="",
        problem="",
    )
    return shown if visitor else Response(shown).set_cookie(COOKIE, new, max_age=KEPT)


@app.route("/questions", methods=["POST"])
async def ask(request: Request) -> Fragment | tuple[Fragment, int] | None:
    form = await request.form()
    question = (form.get("question") or form.get("suggestion", "")).strip()[:LONGEST_QUESTION]
    try:
        if question:  # it comes with the stream, to every window
            own_conversation(request).ask(question)
    except TooMany as error:
        return Fragment("form.html", text=question, problem=str(error)), 422
    # Empty again; where a suggestion was pressed it stays as it is, with what somebody is writing.
    return Fragment("form.html", text="", problem="") if "question" in form else None


@app.route("/answers/{number:int}/stop", methods=["POST"])
async def stop(request: Request, number: int) -> None:
    own_conversation(request).stop(number)


@app.route("/answers/{number:int}/retry", methods=["POST"])
async def retry(request: Request, number: int) -> None:
    own_conversation(request).retry(number)


@app.route("/live")
async def live(request: Request) -> EventStream:
    topic = own_conversation(request).topic
    # Who is too far behind is disconnected, comes back, and finds the rest in the history, which goes back further.
    return EventStream(topic.subscribe(request.last_event_id, buffer=HISTORY // 2))


@app.route("/static/{name}")
async def static(name: str) -> Response:
    if name not in STATIC:
        raise HTTPError(404)
    return STATIC[name]


@app.error(TooMany)
async def refuse(error: TooMany) -> tuple[str, int]:
    return str(error), 503


def visitor_of(request: Request) -> str | None:
    """Who asks: whoever knows it has the conversation, and nobody guesses it."""
    visitor = request.cookies.get(COOKIE, "")
    return visitor if re.fullmatch(r"[A-Za-z0-9_-]{22}", visitor) else None


def own_conversation(request: Request) -> Conversation:
    """The visitor's conversation."""
    visitor = visitor_of(request)
    if visitor is None:
        raise HTTPError(403, "Load the page first: it brings a cookie.")
    return conversation_of(request, visitor)


def conversation_of(request: Request, visitor: str) -> Conversation:
    """That visitor's conversation."""
    conversations: Conversations = request.state["conversations"]
    return conversations.of(visitor)


def generation_of(request: Request) -> str:
    """The generation of htmx that the visitor has chosen."""
    generation = request.query.get("htmx", "2")
    return generation if generation in HTMX else "2"
