"""The names of the events that one stream sends, if its source is a function that yields events.

A name is known if it is written as a text, as in `yield Fragment(..., event="cpu")`. If an item comes from elsewhere, nothing
is known.
"""

import ast
from types import FunctionType

from ..templates import Fragment
from ..wire import Comment, SSEEvent
from .module import Module
from .project import Project
from .scopes import Function, Scope, own_nodes

type Names = frozenset[str | None]  # None for events without a name


def emitted_by(stream: ast.Call, scope: Scope, module: Module, project: Project) -> frozenset[str] | None:
    """The names of the events of `EventStream(...)`; None if they cannot be known."""
    event_type = _argument(stream, 1, "event_type")
    own = module.texts(event_type, scope)
    source = _argument(stream, 0, "generator")
    if own is None or source is None or not _is_plain(stream):
        return None
    located = _locate(source, scope, module, project)
    if located is None:
        return None
    names = _yielded(*located)
    if names is None:
        return None
    if None in names:
        names |= own
    return frozenset(name for name in names if name is not None)


def _locate(source: ast.expr, scope: Scope, module: Module, project: Project) -> tuple[Function, Scope, Module] | None:
    """The function that is a stream's source, or returns it."""
    local = module.local(source, scope)
    if isinstance(local, ast.expr):
        source = local
    if isinstance(source, ast.Call):
        source = source.func
    definition = module.local(source, scope)
    if isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef):
        return definition, module.source.inner[definition], module
    function = module.value(source, scope)
    return project.locate(function) if isinstance(function, FunctionType) else None


def _yielded(function: Function, scope: Scope, module: Module) -> Names | None:
    if not isinstance(function, ast.AsyncFunctionDef) or not all(map(_keeps_events, function.decorator_list)):
        return None
    yields = [node for node in own_nodes(function) if isinstance(node, ast.Yield)]
    every = [_names_of(node.value, scope, module) for node in yields]
    known = [names for names in every if names is not None]
    return frozenset().union(*known) if yields and len(known) == len(every) else None


def _keeps_events(decorator: ast.expr) -> bool:
    """Whether a decorator leaves the yielded items unchanged, as `trio.as_safe_channel` does."""
    return isinstance(decorator, ast.Name | ast.Attribute) and ast.unparse(decorator).endswith("as_safe_channel")


def _names_of(item: ast.expr | None, scope: Scope, module: Module) -> Names | None:
    """The names that the event of an item may have."""
    if item is not None and isinstance(local := module.local(item, scope), ast.expr):
        item = local
    match item:
        case None | ast.Constant() | ast.JoinedStr() | ast.Dict() | ast.List() | ast.DictComp() | ast.ListComp():
            return frozenset({None})
        case ast.IfExp():
            first, second = (_names_of(one, scope, module) for one in (item.body, item.orelse))
            return first | second if first is not None and second is not None else None
        case ast.Call():
            return _names_of_call(item, scope, module)
        case _:
            return None


def _names_of_call(call: ast.Call, scope: Scope, module: Module) -> Names | None:
    made = module.value(call.func, scope)
    if made is Comment:
        return frozenset()
    if made is Fragment:
        event = _argument(call, None, "event")
        return module.texts(event, scope) if event is not None or _is_plain(call) else None
    if made is SSEEvent and _is_plain(call):
        names = module.texts(_argument(call, 1, "event"), scope)
        data = _argument(call, 0, "data")
        if names is None or None not in names:
            return names
        inner = _names_of(data, scope, module)  # the fragment's own name, if it is one
        return names | inner if inner is not None else None
    return None


def _argument(call: ast.Call, place: int | None, name: str) -> ast.expr | None:
    if place is not None and len(call.args) > place:
        return call.args[place]
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _is_plain(call: ast.Call) -> bool:
    """Whether a call has neither `*` nor `**`."""
    return not any(isinstance(argument, ast.Starred) for argument in call.args) and all(
        keyword.arg is not None for keyword in call.keywords
    )
