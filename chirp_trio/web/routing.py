"""Paths: patterns, converters, and which handler a path belongs to. Pure functions of text."""

import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigurationError
from .matching import LinearPattern, Parameter

# For each converter the text that it accepts, as a regular expression, and the function that converts it.
CONVERTERS: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "str": (r"[^/]+", str),
    "int": (r"-?[0-9]{1,18}", int),
    "float": (r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?", float),
    "uuid": (r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", uuid.UUID),
    "path": (r".+", str),
}

PARAMETER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One path pattern, its methods, and its handler."""

    path: str
    methods: frozenset[str]
    handler: Callable[..., Any]
    pattern: re.Pattern[str] | LinearPattern
    converters: Mapping[str, Callable[[str], object]]

    def match(self, path: str) -> dict[str, object] | None:
        """The path's parameters, converted; None if the path does not match."""
        found = self.pattern.fullmatch(path)
        if found is None:
            return None
        return {name: self.converters[name](value) for name, value in found.groupdict().items()}


def make_route(path: str, methods: Iterable[str], handler: Callable[..., Any]) -> Route:
    """A route from a pattern such as `/users/{id:int}`.

    Raises:
        TypeError: The methods are not text.
        ConfigurationError: The pattern or the methods cannot work; the message names what is allowed.
    """
    if not isinstance(methods, str) and isinstance(methods, Iterable):
        methods = tuple(methods)
    if not isinstance(methods, tuple) or not all(isinstance(method, str) for method in methods):
        raise TypeError(f"methods of {path!r} is {methods!r}; it must be a list of methods, such as ['GET', 'POST']")
    upper = frozenset(method.upper() for method in methods)
    if not upper or not all(method.isascii() and method.isalpha() for method in upper):
        raise ConfigurationError(f"methods of {path!r} is {sorted(upper)!r}; it must hold one HTTP method or more")
    pattern, converters = compile_path(path)
    return Route(path, upper | {"HEAD"} if "GET" in upper else upper, handler, pattern, converters)


def compile_path(path: str) -> tuple[re.Pattern[str] | LinearPattern, dict[str, Callable[[str], object]]]:
    """A path pattern as a regular expression with a group for each parameter, and the parameters' converters.

    Where a regular expression would take more than linear time, it is something else that behaves like one.

    Example:
        >>> pattern, converters = compile_path("/users/{id:int}")
        >>> pattern.fullmatch("/users/7").groupdict(), converters
        ({'id': '7'}, {'id': <class 'int'>})
    """
    if not path.startswith("/"):
        raise ConfigurationError(f"the path {path!r} must begin with '/'")
    if (flask := re.search(r"<(?:(\w+)(?:\([^<>]*\))?:)?(\w+)>", path)) is not None:
        kind = "str" if flask[1] in (None, "string") else flask[1]
        written = flask[2] if kind == "str" else f"{flask[2]}:{kind}"
        raise ConfigurationError(f"the path {path!r} has a parameter {flask[0]!r}; it must be written {{{written}}}")
    expression, position = "", 0
    parts: list[str | Parameter] = []
    converters: dict[str, Callable[[str], object]] = {}
    for found in PARAMETER.finditer(path):
        name, _, kind = found[1].partition(":")
        if not name.isidentifier():
            raise ConfigurationError(f"the path {path!r} has a parameter {name!r}, which is no Python name")
        if name == "request":
            raise ConfigurationError(f"the path {path!r} has a parameter 'request', which is the request's own name")
        if name in converters:
            raise ConfigurationError(f"the path {path!r} has the parameter {name!r} twice")
        if (kind or "str") not in CONVERTERS:
            raise ConfigurationError(f"the path {path!r} has a converter {kind!r}; there are: {', '.join(CONVERTERS)}")
        accepted, converters[name] = CONVERTERS[kind or "str"]
        expression += f"{re.escape(path[position : found.start()])}(?P<{name}>{accepted})"
        parts += [path[position : found.start()], Parameter(name, kind or "str")]
        position = found.end()
    rest = path[position:]
    if "{" in PARAMETER.sub("", path) or "}" in PARAMETER.sub("", path):
        raise ConfigurationError(f"the path {path!r} has a brace without its partner")
    if _is_ambiguous(path):
        return LinearPattern([part for part in [*parts, rest] if part]), converters
    return re.compile(expression + re.escape(rest), re.DOTALL), converters


def _is_ambiguous(path: str) -> bool:
    """Whether there may be many ways to divide a path among the parameters: of one segment, or with several of any length."""
    in_segments = [PARAMETER.findall(segment) for segment in path.split("/")]
    kinds = [parameter.partition(":")[2] for parameters in in_segments for parameter in parameters]
    return any(len(parameters) > 1 for parameters in in_segments) or kinds.count("path") > 1


def is_below(path: str, prefix: str) -> bool:
    """Whether a path is a prefix's own or below it: `/static/app.js` is below `/static`, `/statics` is not."""
    return path == prefix or path.startswith(prefix + "/")
