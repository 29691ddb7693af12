"""The error page of debug mode: the application's own lines first, then the request, then everything else."""

import difflib
import html
import linecache
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from inspect import unwrap
from itertools import islice
from pathlib import Path

from ..errors import HTTPError, text_of
from ..failures import is_of_application
from ..stream.placement import ROUTE_KEY
from .handlers import handler_name
from .request import Request
from .routing import PARAMETER, Route

_AROUND = 4  # lines of source before and after the one that is meant
_MOST_FRAMES = 30  # of an error
_MOST_ERRORS = 20  # of a chain, or a group
_SECRET = {"authorization", "cookie", "proxy-authorization", "x-api-key", "x-csrf-token"}


def describe(error: BaseException) -> str:
    """An error in a line, and its notes below."""
    return "\n".join([f"{type(error).__name__}: {text_of(error)}", *map(str, getattr(error, "__notes__", ()))])


def traceback_of(error: Exception) -> str:
    """The traceback of an error, as Python prints it."""
    return "".join(traceback.format_exception(error))


def details(error: Exception, request: Request, routes: Sequence[Route]) -> str:
    """What a page of debug mode shows below the error, as HTML."""
    if isinstance(error, HTTPError):
        return _routes(request, routes) if error.status in (404, 405) else ""
    found = "".join(_one(each, number) for number, each in enumerate(islice(_chain(error), _MOST_ERRORS)))
    whole = f"<details><summary>All frames</summary>\n<pre>{html.escape(traceback_of(error))}</pre>\n</details>\n"
    return f"{found}<h2>Request</h2>\n{_request(request, routes)}<h2>Traceback</h2>\n{whole}"


# -- the error ----------------------------------------------------------------------------------------------------------


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, its members if it is a group, and its causes."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        before = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
        waiting += one.exceptions if isinstance(one, BaseExceptionGroup) else ()
        waiting += [before] if before is not None else []


def _one(error: BaseException, number: int) -> str:
    """One error of a chain: where the application's own lines are in it, the innermost first, and the template's."""
    frames = [frame for frame in traceback.walk_tb(error.__traceback__) if _is_own(frame[0].f_code.co_filename)]
    own = "".join(
        _excerpt(frame.f_code.co_filename, line, frame.f_code.co_qualname, is_open=position == 0)
        for position, (frame, line) in enumerate(islice(reversed(frames), _MOST_FRAMES))
        if linecache.getline(frame.f_code.co_filename, line)
    )
    template = _template(error)
    if not own and not template:
        return ""
    heading = "Where it happened" if number == 0 else "In the template" if template else f"Behind it: {_first_line(error)}"
    return f"<h2>{html.escape(heading)}</h2>\n{template}{own}"


def _first_line(error: BaseException) -> str:
    return describe(error).partition("\n")[0]


def _is_own(file: str) -> bool:
    return file.endswith(".py") and is_of_application(file)  # kida names templates as the files of their code, at any line


def _excerpt(file: str, line: int, name: str, *, is_open: bool) -> str:
    lines = [(number, linecache.getline(file, number)) for number in range(max(1, line - _AROUND), line + _AROUND + 1)]
    return _lines(
        f"{_short(file)}:{line}, in {name}", [(number, text) for number, text in lines if text], line, is_open=is_open
    )


def _template(error: BaseException) -> str:
    """The lines of the template that kida's error is about."""
    name = getattr(error, "template", None) or getattr(error, "filename", None) or getattr(error, "template_name", None)
    snippet, source, line = (getattr(error, each, None) for each in ("source_snippet", "source", "lineno"))
    if snippet is not None:
        return _lines(f"{name}:{snippet.error_line}", snippet.lines, snippet.error_line, is_open=True)
    if isinstance(source, str) and isinstance(line, int) and not isinstance(error, SyntaxError):
        numbered = list(enumerate(source.splitlines(), 1))[max(0, line - 1 - _AROUND) : line + _AROUND]
        return _lines(f"{_short(str(name))}:{line}", numbered, line, is_open=True)
    return ""


def _lines(title: str, lines: Iterable[tuple[int, str]], marked: int, *, is_open: bool) -> str:
    text = "".join(
        f"<mark>{number:>5}  {html.escape(line.rstrip())}</mark>"
        if number == marked
        else f"{number:>5}  {html.escape(line.rstrip())}\n"
        for number, line in lines
    )
    state = " open" if is_open else ""
    return f"<details{state}><summary><code>{html.escape(title)}</code></summary>\n<pre>{text}</pre>\n</details>\n"


def _short(file: str) -> str:
    with suppress(ValueError, OSError):
        return str(Path(file).relative_to(Path.cwd()))
    return file


# -- the request --------------------------------------------------------------------------------------------------------


def _request(request: Request, routes: Sequence[Route]) -> str:
    route = next((route for route in routes if _answers(route, request)), None)
    rows = [("method", request.method), ("URL", request.url)]
    if route is not None:
        rows += [("route", f"{route.path}, answered by {_handler(route)}")]
    rows += [(f"path parameter {name}", repr(value)) for name, value in request.path_params.items()]
    rows += [(f"query {name}", repr(request.query.get_all(name))) for name in request.query]
    rows += [("client", ":".join(map(str, request.client)) if request.client else "none")]
    headers = [
        (name, "(not shown)" if name.lower() in _SECRET else ", ".join(request.headers.get_all(name)))
        for name in dict.fromkeys(request.headers)
    ]
    return f"{_table(rows)}<details><summary>Headers</summary>\n{_table(headers)}</details>\n"


def _answers(route: Route, request: Request) -> bool:
    return request.method in route.methods and route.path == request.scope.get(ROUTE_KEY)


def _handler(route: Route) -> str:
    code = getattr(unwrap(route.handler), "__code__", None)
    place = f" ({_short(code.co_filename)}:{code.co_firstlineno})" if code is not None else ""
    return handler_name(route.handler) + place


def _routes(request: Request, routes: Sequence[Route]) -> str:
    """The existing routes, for a request that matches none of them."""
    bare = {PARAMETER.sub("", route.path): route.path for route in routes if route.path != request.path}
    near = difflib.get_close_matches(request.path, bare, n=1)
    hint = f"<p>Did you mean <code>{html.escape(bare[near[0]])}</code>?</p>\n" if near else ""
    rows = [(" ".join(sorted(route.methods - {"HEAD"})), f"{route.path}  →  {_handler(route)}") for route in routes]
    asked = f"<p>{html.escape(f'{request.method} {request.path}')} is none of this app's routes.</p>\n"
    return f"{asked}{hint}<h2>Routes</h2>\n{_table(rows)}" if rows else f"{asked}<p>It has none yet.</p>\n"


def _table(rows: Iterable[tuple[str, str]]) -> str:
    return "<table>\n" + "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>\n" for name, value in rows
    ) + "</table>\n"  # fmt: skip
