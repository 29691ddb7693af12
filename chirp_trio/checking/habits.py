"""Habits that raise nothing in an async function, and are wrong there: they block every stream, or send no event."""

import ast
import re
from collections.abc import Iterator

from .finding import Finding
from .module import MISSING, Module
from .project import Project
from .scopes import Scope, own_nodes

_IN_A_THREAD = "it stops every stream for as long as it takes: await trio.to_thread.run_sync(...) of it"
# Functions that wait for something outside of the process, by module and name.
_BLOCKING = {
    ("time", "sleep"): "it stops every stream for as long as it takes: await trio.sleep(...)",
    **dict.fromkeys([("subprocess", name) for name in ("run", "call", "check_call", "check_output", "getoutput")],
                    "it stops every stream for as long as it takes: await trio.run_process(...)"),
    ("posix", "system"): "it stops every stream for as long as it takes: await trio.run_process(...)",
    ("builtins", "input"): _IN_A_THREAD,
    ("urllib.request", "urlopen"): "it stops every stream for as long as it takes: httpx.AsyncClient has the same for trio",
    **dict.fromkeys([(module, name) for module in ("requests.api", "httpx", "httpx._api")
                     for name in ("get", "post", "put", "patch", "delete", "head", "options", "request", "stream")],
                    "it stops every stream for as long as it takes: httpx.AsyncClient has the same for trio"),
}  # fmt: skip
_WIRE = re.compile(r"(data|event|id|retry):.*\n\n\Z", re.DOTALL)
_FIELDS = {"data", "event", "id", "retry", "comment"}


def habits(project: Project) -> Iterator[Finding]:
    """What is found in the async functions of an app's modules."""
    for module in project.modules:
        for function, _ in module.source.functions.values():
            if not isinstance(function, ast.AsyncFunctionDef):
                continue
            scope = module.source.inner[function]
            for node in own_nodes(function):
                message = _message(node, module, scope)
                if message is not None:
                    yield Finding(module.source.path, node.lineno, message)  # type: ignore[attr-defined]


def _message(node: ast.AST, module: Module, scope: Scope) -> str | None:
    match node:
        case ast.Call():
            return _blocking(node, module, scope)
        case ast.Yield(value=ast.Constant(value=str(text) | bytes(text))) if _WIRE.match(_text(text)):
            return _is_wire(text)
        case ast.Yield(value=ast.JoinedStr(values=[ast.Constant(value=str(first)), *_, ast.Constant(value=str(last))])):
            return _is_wire(first) if _WIRE.match(first.rstrip("\n") + "\n\n") and last.endswith("\n\n") else None
        case ast.Yield(value=ast.Dict(keys=keys)):
            names = {key.value for key in keys if isinstance(key, ast.Constant)}
            if len(names) == len(keys) and {"data", "event"} <= names <= _FIELDS:
                return (
                    "a dict is sent as JSON, 'event' and 'data' with it; an event of that name is SSEEvent(data, event=...)"
                )
    return None


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _is_wire(text: str | bytes) -> str:
    return f"{_text(text)[:12]!r}... is sent as the data of an event; yield the data alone, or SSEEvent(data, event=...)"


def _blocking(call: ast.Call, module: Module, scope: Scope) -> str | None:
    found = module.value(call.func, scope)
    if found is MISSING:
        return None
    where = getattr(found, "__module__", None), getattr(found, "__name__", None)
    return f"{ast.unparse(call.func)}() blocks: {_BLOCKING[where]}" if where in _BLOCKING else None
