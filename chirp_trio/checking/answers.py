"""The kind of a handler's response, as its source tells: an event stream, something else, or unknown."""

import ast
import inspect
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from types import FunctionType
from typing import Any

from ..stream import EventStream
from ..templates import Fragment, Page, Stream, Template
from .module import Module
from .project import Project
from .scopes import Scope, own_nodes

# Types that are certainly no event stream. A Response may be one, by its content-type, and a Redirect may lead to one.
_OTHERS = {str, bytes, dict, list, types.NoneType, Template, Page, Stream, Fragment}


class Kind(Enum):
    """The kind of a handler's response."""

    STREAM = auto()
    OTHER = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of a handler's response.

    Attributes:
        kind: Whether it is an event stream.
        streams: The calls of `EventStream` that it may come from, each with its scope and module.
        complete: Whether it can come from no other call.
    """

    kind: Kind
    streams: Sequence[tuple[ast.Call, Scope, Module]] = ()
    complete: bool = False


def answer_of(handler: Callable[..., Any], project: Project) -> Answer:
    """What the annotation of a handler, or its source, tells of its response."""
    if not isinstance(handler, FunctionType) or hasattr(handler, "__wrapped__"):
        return Answer(Kind.UNKNOWN)  # a decorator may change the response
    annotated = _annotated(handler)
    if annotated is Kind.OTHER:
        return Answer(Kind.OTHER)
    located = project.locate(handler)
    if located is None or inspect.isgeneratorfunction(handler):
        return Answer(annotated)
    node, scope, module = located
    streams: list[tuple[ast.Call, Scope, Module]] = []
    others = unknown = 0
    for statement in own_nodes(node):
        if not isinstance(statement, ast.Return):
            continue
        kind, call = _returned(statement.value, scope, module)
        if kind is Kind.STREAM and call is not None:
            streams.append((call, scope, module))
        others += kind is Kind.OTHER
        unknown += kind is Kind.UNKNOWN
    if streams:
        return Answer(Kind.STREAM, streams, complete=not unknown)
    if unknown or annotated is Kind.STREAM:
        return Answer(annotated)
    return Answer(Kind.OTHER)


def _returned(value: ast.expr | None, scope: Scope, module: Module) -> tuple[Kind, ast.Call | None]:
    local = module.local(value, scope) if value is not None else None
    match local if isinstance(local, ast.expr) else value:
        case None | ast.Constant() | ast.JoinedStr() | ast.Dict() | ast.List() | ast.DictComp() | ast.ListComp():
            return Kind.OTHER, None
        case ast.Call() as call:
            made = module.value(call.func, scope)
            if is_event_stream(made):
                return Kind.STREAM, call
            return (Kind.OTHER, None) if isinstance(made, type) and made in _OTHERS else (Kind.UNKNOWN, None)
        case _:
            return Kind.UNKNOWN, None


def is_event_stream(value: object) -> bool:
    """Whether this is the library's class `EventStream`, and not a user's."""
    return isinstance(value, type) and issubclass(value, EventStream) and value.__module__.startswith("chirp_trio.")


def _annotated(handler: FunctionType) -> Kind:
    try:
        annotation = typing.get_type_hints(handler).get("return", Any)
    except Exception:  # any error of the user's annotation; it may use names that only type checkers import
        return Kind.UNKNOWN
    members = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    if any(is_event_stream(member) for member in members):
        return Kind.STREAM
    plain = [typing.get_origin(member) or member for member in members]
    return Kind.OTHER if all(isinstance(member, type) and member in _OTHERS for member in plain) else Kind.UNKNOWN
