"""All names that any event of an app can have. This is for streams whose events are made elsewhere in the app, as by topics.

An event gets its name where it is made. If every name is written there as a text, then a name that is no text in any of the
app's Python files is never sent. If one name is computed, or events may come from outside of the app, nothing is known.
"""

import ast
import sys
from collections.abc import Iterable
from pathlib import Path

from ..stream import EventStream
from ..templates import Fragment
from ..topics import Topic
from ..wire import SSEEvent
from .project import Project
from .scopes import Scope, SourceFile

_NAMING = {"event", "event_type"}
# The classes that give an event its name, with the place of that argument; None: it is a keyword only.
_MAKERS = {"SSEEvent": 1, "EventStream": 1, "Fragment": None}
_TOPIC_OPTIONS = {"name", "history", "history_bytes", "max_age"}

# The public names that bring no events from outside. A `Decoder` does, for example.
_HARMLESS = frozenset(
    """App AppConfig BlockNotFound ChirpError ClientDisconnected Comment ConfigurationError Ending EventStream EventTooLarge
    Fragment HTTPError LifespanError LiveStreams Page Presence Published Redirect Request Response SSEEvent ServerConfig
    Stream StreamSnapshot Subscription Template TemplateError TemplateNotFound Topic WrongRuntimeError
    StoreError merge merge_cursors serve stream_lifespan""".split()  # noqa: SIM905
)
_BYSTANDERS = frozenset({"checking", "errors", "metrics", "testing"})


def names_anywhere(project: Project) -> frozenset[str] | None:
    """All texts in the app's Python files; None if its events may have other names."""
    files = project.files()
    if files is None or any(_comes_from_outside(file.tree, project) for file in files):
        return None
    constants = _constants(files)
    if any(_hides_names(file, constants) for file in files):
        return None
    return frozenset(
        node.value
        for file in files
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _constants(files: Iterable[SourceFile]) -> set[str]:
    """The names that are bound to a text, and to nothing else, in the modules and classes of these files."""
    bindings: dict[str, list[ast.AST]] = {}
    for file in files:
        for name, by in file.scope.names.items():
            bindings.setdefault(name, []).extend(one for one in by if not isinstance(one, ast.Import | ast.ImportFrom))
    return {
        name
        for name, by in bindings.items()
        if by and all(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in by)
    }


def _hides_names(file: SourceFile, constants: set[str]) -> bool:
    """Whether an event's name is computed in this file, or may be."""
    makers = _makers(file.tree)
    for call, scope in file.calls:
        maker = makers.get(_last(call.func) or "")
        named = [keyword.value for keyword in call.keywords if keyword.arg in _NAMING]
        if maker is not None:
            place = _MAKERS[maker]
            if any(isinstance(argument, ast.Starred) for argument in call.args):
                return True
            if not named and any(keyword.arg is None for keyword in call.keywords):
                return True
            named += call.args[place : place + 1] if place is not None else []
        if not all(_is_written_out(node, scope, constants) for node in named):
            return True
        if _last(call.func) in {"Topic", "topic"} and not {keyword.arg for keyword in call.keywords} <= _TOPIC_OPTIONS:
            return True  # others may publish to this topic
    harmless = _harmless_places(file.tree)
    for node in ast.walk(file.tree):
        match node:
            case ast.Dict():  # it may become keyword arguments
                for key, value in zip(node.keys, node.values, strict=True):
                    is_name = isinstance(key, ast.Constant) and key.value in _NAMING
                    if is_name and not _is_written_out(value, file.scope, constants):
                        return True
            case ast.Name() | ast.Attribute() if makers.get(_last(node) or "") == "SSEEvent" and node not in harmless:
                return True  # the class is passed on, or extended, so events may be made elsewhere
            case _:
                pass
    return False


def _is_written_out(node: ast.expr, scope: Scope, constants: set[str]) -> bool:
    match node:
        case ast.Constant():
            return True
        case ast.IfExp():
            return _is_written_out(node.body, scope, constants) and _is_written_out(node.orelse, scope, constants)
        case ast.Attribute(attr=name):
            return name in constants
        case ast.Name(id=name):
            found = scope.find(name)
            match found[1] if found is not None else []:
                case [ast.ImportFrom(names=aliases)]:
                    return any((alias.asname or alias.name) == name and alias.name in constants for alias in aliases)
                case [ast.For(iter=ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements))]:
                    return all(isinstance(element, ast.Constant) for element in elements)
                case [ast.Constant()]:
                    return True
                case _:
                    return False
        case _:
            return False


def _makers(tree: ast.Module) -> dict[str, str]:
    """The names of `SSEEvent` and the like in a file, which may import them under other names."""
    return {name: name for name in _MAKERS} | {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name in _MAKERS
    }


def _harmless_places(tree: ast.Module) -> set[ast.AST]:
    """The nodes in which a class is called, or used as a type."""
    roots: list[ast.AST | None] = []
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="isinstance"), args=[_, kinds]):
                roots += [node.func, kinds]
            case ast.Call():
                roots.append(node.func)
            case ast.arg() | ast.AnnAssign():
                roots.append(node.annotation)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                roots.append(node.returns)
            case ast.TypeAlias():
                roots.append(node.value)
            case ast.Subscript():
                roots.append(node.slice)
            case ast.MatchClass():
                roots.append(node.cls)
            case _:
                pass
    return {inner for root in roots if root is not None for inner in ast.walk(root)}


def _comes_from_outside(tree: ast.Module, project: Project) -> bool:
    """Whether a file uses a public name that brings events from outside, or a package that makes events."""
    names = {"chirp_trio"}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module), level=0) if module.split(".")[0] == "chirp_trio":
                used = set(module.split(".")[1:]) & _BYSTANDERS or {alias.name for alias in node.names}
                if not used <= _HARMLESS | _BYSTANDERS:
                    return True
            case ast.ImportFrom(module=str(module), level=0) if _makes_events(module, project):
                return True
            case ast.Import():
                names |= {alias.asname or "" for alias in node.names if alias.name == "chirp_trio"}
                if any(_makes_events(alias.name, project) for alias in node.names):
                    return True
            case _:
                pass
    return any(
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in names
        and node.attr not in _HARMLESS | _BYSTANDERS
        for node in ast.walk(tree)
    )


def _makes_events(name: str, project: Project) -> bool:
    """Whether an installed package uses our classes of events."""
    top = name.partition(".")[0]
    if top == "chirp_trio" or top in sys.stdlib_module_names:
        return False
    classes = {id(kind) for kind in (SSEEvent, EventStream, Fragment, Topic)}
    return any(
        (key == top or key.startswith(top + "."))
        and not classes.isdisjoint(map(id, vars(module).values()))
        and not project.owns(Path(getattr(module, "__file__", None) or "").absolute())
        for key, module in list(sys.modules.items())
    )


def _last(node: ast.expr) -> str | None:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None
