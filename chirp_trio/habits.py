"""Habits from asyncio, Flask, FastAPI, Starlette and sse-starlette: what to write instead, where an error shows one.

Python says what went wrong, and cannot know what was meant. So a note is added to its error, which stands wherever that is
shown: in the log, on the debug page, in a test.
"""

import re
import traceback
from collections.abc import Iterator

from .errors import sole, text_of

_NO_ASYNCIO = (
    "trio runs this, and asyncio does not: in place of asyncio.sleep there is trio.sleep; of create_task, gather and "
    "TaskGroup a nursery (trio.open_nursery); of Queue trio.open_memory_channel; of Lock and Event trio.Lock and trio.Event; "
    "of wait_for and timeout trio.fail_after; of to_thread trio.to_thread.run_sync. Libraries have to be made for trio or "
    "AnyIO, as httpx is"
)

_CALLED = "a method was taken for its result: call it, as in `await request.json()`; form(), body() and text() likewise"
_AWAITED = "an async function was called without `await`, as in `(await request.form())['name']`"
# What Python says, and what is meant.
_SENTENCES = {
    r"'(method|function)' object (is not subscriptable|is not iterable|can't be awaited|has no attribute .*)": _CALLED,
    r"argument of type 'method' is not .*": _CALLED,
    r"'coroutine' object (is not subscriptable|is not iterable|has no attribute .*)": _AWAITED,
    r"'async_generator' object is not iterable": "it is async: go over it with `async for`",
    r"'async for' requires an object with __aiter__ method, got .*": "it is not async: go over it with `for`",
    r"'(NoneType|str|bytes|int|bool|dict|list|tuple|\w*(Multi|Mapping|Headers)\w*)' object can't be awaited":
        "it is there already: write it without `await`",
}  # fmt: skip

_ALWAYS_SSE = "an event stream is always text/event-stream"
_FINALLY = "when the stream ends, for whatever reason, the `finally` of its source runs"
_ROUTES = {
    **dict.fromkeys(("response_model", "response_class", "tags", "summary", "description", "include_in_schema"),
                    "there is no OpenAPI document: what the handler returns decides what is sent"),
    "status_code": "return (value, 201), or a Response",
    "dependencies": "a decorator around the handler does what it needs",
    **dict.fromkeys(("endpoint", "name"), "a route is called as its handler is"),
    "strict_slashes": "/path and /path/ are two paths",
    "defaults": "bind it with functools.partial",
}  # fmt: skip
# Arguments that others have, by what is called.
_ARGUMENTS = {
    "EventStream": {
        **dict.fromkeys(("ping", "ping_interval", "heartbeat", "keepalive", "keep_alive"),
                        "it is called heartbeat_interval, in seconds"),
        "ping_message_factory": "a heartbeat is a comment, which no client shows",
        **dict.fromkeys(("content", "source", "iterator", "data"), "the source is the first argument: EventStream(source)"),
        **dict.fromkeys(("media_type", "content_type", "mimetype"), _ALWAYS_SSE),
        **dict.fromkeys(("status_code", "status"), "its status is 200; raise HTTPError(403) in its source, or before"),
        **dict.fromkeys(("background", "client_close_handler_callable", "on_disconnect"), _FINALLY),
        **dict.fromkeys(("event", "event_name"), "it is called event_type; SSEEvent(data, event='name') names one event"),
        "retry": "yield SSEEvent(retry=3000), in milliseconds, or set AppConfig(reconnection_time=3), in seconds",
        "allow_origin": "write headers={'Access-Control-Allow-Origin': 'https://other.example'}",
        "sep": "every client reads the line ends that there are",
    },
    "SSEEvent": {
        **dict.fromkeys(("type", "name", "event_type"), "it is called event"),
        **dict.fromkeys(("message", "content", "raw_data", "value", "json"), "it is called data, and may be text or JSON"),
        "comment": "a comment is an item of its own: yield Comment('text')",
        "sep": "every client reads the line ends that there are",
    },
    "Response": {
        **dict.fromkeys(("content", "response", "data", "text"), "it is called body"),
        "status_code": "it is called status",
        **dict.fromkeys(("media_type", "mimetype"), "it is called content_type"),
        "background": "a background task runs in a nursery that the app's lifespan opens",
    },
    "Redirect": {
        **dict.fromkeys(("url", "code_url"), "it is called location, and is the first argument"),
        **dict.fromkeys(("status_code", "code"), "it is called status"),
    },
    "HTTPError": {
        **dict.fromkeys(("status_code", "code"), "it is called status, and is the first argument: HTTPError(404)"),
        **dict.fromkeys(("description", "message", "reason"), "it is called detail"),
    },
    "Template": {"name": "the file is the first argument, without a name: Template('page.html')"},
    "App": {
        **dict.fromkeys(("title", "version", "docs_url", "openapi_url", "import_name", "name"), "an app needs none"),
        **dict.fromkeys(("template_folder", "template_dir", "templates"), "write App(AppConfig(template_dir='templates'))"),
        **dict.fromkeys(("static_folder", "static_url_path"), "mount an app for static files: "
                        "app.mount('/static', starlette.staticfiles.StaticFiles(directory='static'))"),
        "routes": "@app.get('/path') adds a handler, and app.mount('/prefix', other) another app",
        **dict.fromkeys(("exception_handlers", "error_handlers"), "@app.error(404) adds one"),
        **dict.fromkeys(("on_startup", "on_shutdown"), "lifespan=... has both: what stands before its yield, and after it"),
        "dependencies": "middleware=[...] surrounds every request, and a decorator one handler",
    },
    "topic": {**dict.fromkeys(("maxsize", "max_size", "size", "max_history"), "it is called history, in events")},
    "subscribe": {
        **dict.fromkeys(("maxsize", "max_size", "queue_size", "max_buffer"), "it is called buffer, in events"),
        "history": "it is called replay",
    },
    **dict.fromkeys(("get", "post", "put", "patch", "delete", "route"), _ROUTES),
}  # fmt: skip
# What takes its values by name only, and is given a dict.
_POSITIONAL = {each: f"what a template gets is given by name, {each}(..., name=value), or **context of a dict" for each in
               ("Template", "Fragment", "Page", "Stream")}  # fmt: skip


_HANDLER_RETURNS = "a handler returns it: a str is HTML, a dict or list JSON, and (value, status) has a status"
_PARAMETERS = (
    "parameters of the path are the handler's own, and all others are the request's: request.query, await request.form()"
)
# Names that others export.
_EXPORTS = {
    **dict.fromkeys(("Flask", "FastAPI", "Starlette", "Quart", "QuartTrio", "Litestar", "Chirp"), "it is called App"),
    **dict.fromkeys(("Blueprint", "APIRouter", "Router", "Mount"), "make another App, and mount it: app.mount('/at', other)"),
    "Route": "@app.get('/path') adds a handler",
    **dict.fromkeys(("jsonify", "make_response", "JSONResponse", "HTMLResponse", "PlainTextResponse", "ORJSONResponse"),
                    f"{_HANDLER_RETURNS}; Response is for all else"),
    **dict.fromkeys(("render_template", "TemplateResponse", "Jinja2Templates"),
                    "return Template('page.html', name=value), of the folder that AppConfig(template_dir=...) names"),
    "render_template_string": "templates are files: return Template('page.html', name=value)",
    **dict.fromkeys(("redirect", "RedirectResponse"), "return Redirect('/path')"),
    **dict.fromkeys(("abort", "HTTPException"), "raise HTTPError(404)"),
    **dict.fromkeys(("StreamingResponse", "EventSourceResponse", "SSEResponse", "ServerSentEvents", "stream_with_context"),
                    "return EventStream(source), where the source is an async function that yields"),
    **dict.fromkeys(("ServerSentEvent", "Event", "JSONServerSentEvent"), "it is called SSEEvent"),
    **dict.fromkeys(("request", "g", "session", "current_app"), "a handler with a parameter `request` gets the request; what "
                    "is the app's is in request.state, what is a session's in request.session"),
    **dict.fromkeys(("url_for", "url_path_for"), "it is called path_for: request.path_for('handler', name=value)"),
    **dict.fromkeys(("Depends", "Security"), "a handler calls what it needs itself, or a decorator around it does"),
    **dict.fromkeys(("Query", "Path", "Body", "Form", "Header", "Cookie", "File"), _PARAMETERS),
    "UploadFiles": "it is called UploadFile, and `(await request.form()).files` has them",
    "flash": "keep the message in the session, and give it to the template",
    **dict.fromkeys(("send_file", "send_from_directory", "FileResponse", "StaticFiles"), "files are another app's, which is "
                    "mounted: app.mount('/static', starlette.staticfiles.StaticFiles(directory='static'))"),
    **dict.fromkeys(("BackgroundTasks", "BackgroundTask"), "a background task runs in a nursery that the lifespan opens: "
                    "App(lifespan=...)"),
    **dict.fromkeys(("WebSocket", "websocket"), "there are none: events go out by EventStream, and come in by POST"),
    "Middleware": "middleware is any callable that takes an app: App(middleware=[...]), or starlette.middleware.Middleware",
    **dict.fromkeys(("TestClient", "SSEResult", "assert_sse_wired"), "it is in chirp_trio.testing"),
    **dict.fromkeys(("Broadcast", "Channel", "ChannelsPlugin"), "it is called Topic, which app.topic('name') makes"),
    "run": "it is the app's, app.run(), or `chirp-trio run app:app`; in a program of your own `await serve(app)`",
    "sleep": "it is trio's: trio.sleep",
    "check_app": "it is in chirp_trio.checking",
}  # fmt: skip


def cure_for_export(name: str) -> str | None:
    """What to use in place of a name that others export, and chirp_trio does not; None for names that nobody has."""
    return _EXPORTS.get(name)


def note_habit(error: BaseException) -> None:
    """Add a note that says what to write, where an error comes of a known habit; leave others alone."""
    note = cure(error)
    cause = sole(error) if isinstance(error, Exception) else error
    if note is not None and note not in getattr(cause, "__notes__", ()):
        cause.add_note(note)


def cure(error: BaseException) -> str | None:
    """What to write instead, in a sentence; None where an error comes of no known habit."""
    found = list(_errors_in(error))
    if any(map(_is_of_asyncio, found)):
        return _NO_ASYNCIO
    return next((sentence for each in found if (sentence := _cure(each)) is not None), None)


def _cure(error: BaseException) -> str | None:
    if type(error) not in (TypeError, AttributeError):
        return None
    text = text_of(error)
    for pattern, sentence in _SENTENCES.items():
        if re.fullmatch(pattern, text):
            return sentence
    if unexpected := re.match(r"(?:\w+\.)*?(\w+)(?:\.__init__)?\(\) got an unexpected keyword argument '(\w+)'", text):
        called, argument = unexpected.groups()
        known = _ARGUMENTS.get(called, {})
        return f"{called} has no {argument!r}: {known[argument]}" if argument in known else None
    positional = re.match(r"(\w+)\.__init__\(\) takes .* positional arguments? but", text)
    return _POSITIONAL.get(positional[1]) if positional else None


def _errors_in(error: BaseException) -> Iterator[BaseException]:
    """The error, what caused it, and what a group holds."""
    left, seen = [error], set[int]()
    while left:
        found = left.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        left += [other for other in (found.__cause__, found.__context__) if other is not None]
        left += found.exceptions if isinstance(found, BaseExceptionGroup) else ()


def _is_of_asyncio(error: BaseException) -> bool:
    if isinstance(error, TypeError):  # an asyncio future reached trio, which says so
        return "library written for some other framework like asyncio" in text_of(error)
    if "no running event loop" in text_of(error) or "no current event loop" in text_of(error):
        return isinstance(error, RuntimeError)
    # Where it looks for the running loop and finds none, it may not even say so.
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    module = str(frames[-1].f_globals.get("__name__")) if frames else ""
    return isinstance(error, RuntimeError | AttributeError) and module.partition(".")[0] == "asyncio"
