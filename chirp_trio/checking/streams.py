"""The check of pages: whether their connections are event streams, and whether these send the events they listen for."""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from ..htmx.page import Connection, Wiring
from ..markup import HOLE
from ..web.handlers import handler_name
from ..web.outline import Outline
from ..web.routing import Route
from .answers import Answer, Kind, answer_of
from .anywhere import names_anywhere
from .composing import Page
from .emitted import emitted_by
from .finding import Finding, suggest
from .project import Project
from .urls import is_mounted, overlap, path_of, reached, shown

# Events that come without the app's sending them: from the browser, and from this library.
_ALWAYS = frozenset({"message", "open", "error", "chirp:error", "chirp:gap"})
_NAME = re.compile(r"[\w:.-]+")  # a text that is probably a name
_CONNECTS = re.compile("sse[-:]connect=")


class Streams:
    """An app's event streams, as its pages see them.

    Args:
        apps: The app, and all others whose pages may be among the pages.
        project: The apps' Python files.
        root_path: The prefix of the apps' paths in URLs.
        elsewhere: Paths that another service answers, with all paths below them.
    """

    def __init__(self, apps: Sequence[Outline], project: Project, root_path: str, elsewhere: Sequence[str]) -> None:
        self._apps = apps
        self._project = project
        self._root_path = root_path
        self._elsewhere = [*elsewhere, *(prefix for app in apps for prefix, _ in app.mounts)]
        self._answers: dict[int, Answer] = {}
        self._anywhere = cache(lambda: names_anywhere(project))

    def unreachable(self, page: Page, wiring: Wiring) -> Iterator[Finding]:
        """A finding for each connection that reaches no event stream."""
        for connection in (*wiring.connections, *wiring.event_sources):
            problem = self._problem(connection)
            if problem is not None:
                file, line = page.place(connection.position)
                yield Finding(file, line, f"{connection.attribute} {shown(connection.url)!r}: {problem}")

    def _problem(self, connection: Connection) -> str | None:
        path = path_of(connection.url, self._root_path)
        if path is None or is_mounted(path, self._elsewhere):
            return None
        problems = [self._problem_in(app, path) for app in self._apps]
        return problems[0] if None not in problems else None

    def _problem_in(self, app: Outline, path: str) -> str | None:
        found = reached(path, app.routes)
        if not found:
            if app.has_middleware or any(overlap(path, pattern) for pattern in self._patterns()):
                return None  # middleware may answer, or a route that this run has not added, such as one for debugging
            streams = [route.path for route in app.routes if self._answer(route).kind is not Kind.OTHER]
            return f"no route has this path{suggest(shown(path), streams, shown, 0.6)}"
        get = [route for route in found if "GET" in route.methods]
        if not get:
            methods = ", ".join(sorted(set().union(*(route.methods for route in found))))
            return f"its route takes {methods}, and event streams are asked for with GET"
        if HOLE not in path:
            get = get[:1]
        if all(self._answer(route).kind is Kind.OTHER for route in get):
            return f"{handler_name(get[0].handler)} answers it, and that returns no EventStream"
        return None

    def _patterns(self) -> Iterator[str]:
        """The paths of routes that the sources have, but the apps have not."""
        there = {route.path for app in self._apps for route in app.routes}
        for module in self._project.modules:
            for call, scope in module.source.calls:
                if isinstance(call.func, ast.Attribute) and call.func.attr == "route" and call.args:
                    yield from (
                        path for path in module.texts(call.args[0], scope) or () if path is not None and path not in there
                    )

    def unheard(self, pages: Iterable[tuple[Page, Wiring]], *, all_named: bool) -> Iterator[Finding]:
        """A finding for each listener whose event is never sent to any of its pages.

        Args:
            pages: The pages.
            all_named: Whether the app renders no other pages. If it may, a template that a page includes may also be
                rendered by itself, or in pages that are not known.
        """
        if self._python_writes_connections():
            return
        useless: dict[tuple[Path, int, str], Finding | None] = {}
        for page, wiring in pages:
            names = self._names_on(wiring) if page.complete else None
            for listener in wiring.listeners:
                file, line = page.place(listener.position)
                key = (file, line, f"{listener.attribute}: {listener.event}")
                unknown = names is None or listener.connection is None or not (all_named or file in page.own)
                if unknown or names is None or {listener.event, f"sse:{listener.event}"} & names:
                    useless[key] = None
                else:
                    message = f"{listener.attribute} waits for {listener.event!r}, which is never sent to this page"
                    message += suggest(listener.event, filter(_NAME.fullmatch, names))
                    useless.setdefault(key, Finding(file, line, message))
        yield from (finding for finding in useless.values() if finding is not None)

    def _answer(self, route: Route) -> Answer:
        if id(route) not in self._answers:
            self._answers[id(route)] = answer_of(route.handler, self._project)
        return self._answers[id(route)]

    def _names_on(self, wiring: Wiring) -> frozenset[str] | None:
        """The names of all events that can come to a page; None if they cannot be known."""
        names: frozenset[str] | None = _ALWAYS
        for connection in wiring.connections:
            names = _both(names, self._names_from(self._routes(connection.url, "GET"), strict=True))
        for request in wiring.requests:
            names = _both(
                names, self._names_from(self._routes(request.url, request.attribute.rpartition("-")[2].upper()), strict=False)
            )
        return names

    def _routes(self, url: str, method: str) -> list[Route]:
        """The routes that may answer a request; none if another service may answer it."""
        path = path_of(url, self._root_path)
        if path is None or is_mounted(path, self._elsewhere):
            return []
        found: list[Route] = []
        for app in self._apps:
            routes = [route for route in reached(path, app.routes) if method in route.methods]
            found += routes if HOLE in path else routes[:1]
        return found

    def _names_from(self, routes: Sequence[Route], *, strict: bool) -> frozenset[str] | None:
        """The names of the events from these routes; None if they cannot be known.

        Args:
            routes: The routes.
            strict: Whether at least one route must be an event stream, and all must be known, for the names to be known.
        """
        names: frozenset[str] | None = frozenset()
        kinds = {self._answer(route).kind for route in routes}
        if strict and (Kind.STREAM not in kinds or Kind.UNKNOWN in kinds):
            return None
        for route in routes:
            if self._answer(route).kind is Kind.STREAM:
                names = _both(names, self._sent(self._answer(route)))
        return names

    def _sent(self, answer: Answer) -> frozenset[str] | None:
        if not answer.complete:
            return self._anywhere()
        names: frozenset[str] | None = frozenset()
        for call, scope, module in answer.streams:
            own = emitted_by(call, scope, module, self._project)
            names = _both(names, own if own is not None else self._anywhere())
        return names

    def _python_writes_connections(self) -> bool:
        """Whether a Python file has markup with a connection, so that a page may have connections that no template has."""
        return any(
            isinstance(node, ast.Constant) and isinstance(node.value, str) and _CONNECTS.search(node.value)
            for module in self._project.modules
            for node in ast.walk(module.source.tree)
        )


def _both(first: frozenset[str] | None, second: frozenset[str] | None) -> frozenset[str] | None:
    return first | second if first is not None and second is not None else None
