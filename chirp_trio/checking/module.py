"""A module of the app, and the objects that the names in its source stand for. Nothing is run."""

import ast
import builtins
import enum
import importlib.util
import sys
from collections.abc import Iterable
from types import ModuleType

from .scopes import Scope, SourceFile

MISSING = object()  # the value is not known


class Module:
    """A module that has been imported, and its source."""

    def __init__(self, module: ModuleType, source: SourceFile) -> None:
        self.module = module
        self.source = source

    def value(self, node: ast.expr, scope: Scope) -> object:
        """The class, module or function that an expression always stands for; `MISSING` if that cannot be known."""
        match node:
            case ast.Name(id=name):
                found = scope.find(name)
                if found is None or found[0] is self.source.scope:
                    return vars(self.module).get(name, getattr(builtins, name, MISSING))
                if len(found[1]) == 1 and isinstance(found[1][0], ast.ImportFrom):
                    return self._imported(found[1][0], name)
                return MISSING
            case ast.Attribute(value=owner, attr=name):
                whose = self.value(owner, scope)
                if isinstance(whose, ModuleType):
                    return vars(whose).get(name, MISSING)
                return getattr(whose, name, MISSING) if isinstance(whose, enum.EnumType | enum.Enum) else MISSING
            case _:
                return MISSING

    def texts(self, node: ast.expr | None, scope: Scope) -> frozenset[str | None] | None:
        """The texts that an expression may be, with None among them if it may be None; None if that cannot be known."""
        match node:
            case None | ast.Constant(value=None):
                return frozenset({None})
            case ast.Constant(value=str(text)):
                return frozenset({text})
            case ast.IfExp(body=ast.Constant(), orelse=ast.Constant()):
                return self._all([node.body, node.orelse], scope)
            case ast.Name(id=name):
                return self._texts_of_name(node, name, scope)
            case ast.Attribute():
                value = self.value(node, scope)
                return frozenset({str(value)}) if isinstance(value, str) else None
            case _:
                return None

    def local(self, node: ast.expr, scope: Scope) -> ast.AST | None:
        """The expression or function that a local variable is always bound to; None if there are several, or it is global."""
        if not isinstance(node, ast.Name):
            return None
        found = scope.find(node.id)
        if found is None or found[0] is self.source.scope or len(found[1]) != 1:
            return None
        [binding] = found[1]
        return None if isinstance(binding, ast.Name) else binding

    def _texts_of_name(self, node: ast.Name, name: str, scope: Scope) -> frozenset[str | None] | None:
        found = scope.find(name)
        if found is None:
            return None
        owner, bindings = found
        if len(bindings) != 1:
            return None
        match bindings[0]:
            case ast.For(iter=ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements)):
                return self._all(elements, owner)
            case ast.ImportFrom():
                value = self.value(node, scope)
                return frozenset({str(value)}) if isinstance(value, str) else None
            case ast.Constant() | ast.IfExp() | ast.Attribute() as assigned:
                return self.texts(assigned, owner)
            case _:
                return None

    def _all(self, nodes: Iterable[ast.expr], scope: Scope) -> frozenset[str | None] | None:
        every = [self.texts(node, scope) for node in nodes]
        known = [texts for texts in every if texts is not None]
        return frozenset().union(*known) if len(known) == len(every) else None

    def _imported(self, node: ast.ImportFrom, name: str) -> object:
        module = sys.modules.get(absolute_name(node, self.module))
        original = next((alias.name for alias in node.names if (alias.asname or alias.name) == name), name)
        return vars(module).get(original, MISSING) if module is not None else MISSING


def absolute_name(node: ast.ImportFrom, importer: ModuleType) -> str:
    """The absolute name of the module that an import names; empty if there is none."""
    name = "." * node.level + (node.module or "")
    try:
        return importlib.util.resolve_name(name, importer.__package__ or importer.__name__)
    except ImportError:
        return ""
