"""Python files, and the names that are bound in them. Reads syntax trees, and runs nothing."""

import ast
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MOST_BYTES = 2 * 1024 * 1024  # of a file that is read
_TOO_DEEP = "something in it is nested too deeply"

type Function = ast.FunctionDef | ast.AsyncFunctionDef
type Bindings = dict[str, list[ast.AST]]


@dataclass(slots=True, eq=False)
class Scope:
    """A module or a function, and the names that are bound in it.

    Attributes:
        outer: The scope around it; None for a module.
        names: For each name all its bindings: a value that is assigned, a loop, an import, a function.
    """

    outer: Scope | None = None
    names: Bindings = field(default_factory=dict)

    def find(self, name: str) -> tuple[Scope, list[ast.AST]] | None:
        """The scope that a name belongs to, and its bindings there; None if this module does not bind it."""
        return next(((scope, scope.names[name]) for scope in self.outwards() if name in scope.names), None)

    def bind(self, name: str, by: ast.AST) -> None:
        """Note a binding."""
        self.names.setdefault(name, []).append(by)

    def outwards(self) -> Iterator[Scope]:
        """The scope, the one around it, and so on to the module's."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer


class Unreadable(Exception):
    """A file that cannot be read.

    Args:
        path: The file.
        reason: Why it cannot be read.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(reason)
        self.path = path


class SourceFile:
    """A Python file.

    Attributes:
        path: The path of the file.
        tree: Its syntax tree.
        scope: The names of the module.
        calls: Every call in the file, with its scope.
        functions: Every function, by its name and its first line, with the scope in which it is defined.
        inner: The scope of each function's body.
    """

    def __init__(self, path: Path) -> None:
        """Read a file.

        Raises:
            SyntaxError: The file is no Python of this version.
            Unreadable: The file cannot be read, or is too large or too deeply nested.
        """
        self.path = path
        self.tree = _parse(path)
        self.scope = Scope()
        self.calls: list[tuple[ast.Call, Scope]] = []
        self.functions: dict[tuple[str, int], tuple[Function, Scope]] = {}
        self.inner: dict[ast.AST, Scope] = {}
        try:
            for statement in self.tree.body:
                self._visit(statement, self.scope)
        except RecursionError as error:
            raise Unreadable(path, _TOO_DEEP) from error

    def _visit(self, node: ast.AST, scope: Scope) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                scope.bind(node.name, node)
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                self.functions[node.name, first] = node, scope
                self._enter(node, scope)
            case ast.Lambda():
                self._enter(node, scope)
            case ast.Global() | ast.Nonlocal():  # other functions may bind it
                for outer in scope.outwards():
                    for name in node.names:
                        outer.bind(name, node)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)) if node.value is not None:
                scope.bind(name, node.value)
                self._visit(node.value, scope)
            case ast.For(target=ast.Name(id=name)) | ast.AsyncFor(target=ast.Name(id=name)):
                scope.bind(name, node)
                for child in (node.iter, *node.body, *node.orelse):
                    self._visit(child, scope)
            case _:
                for name in _bound_by(node):
                    scope.bind(name, node)
                if isinstance(node, ast.Call):
                    self.calls.append((node, scope))
                for child in ast.iter_child_nodes(node):
                    self._visit(child, scope)

    def _enter(self, node: Function | ast.Lambda, scope: Scope) -> None:
        inner = self.inner[node] = Scope(scope)
        for child in ast.iter_child_nodes(node):
            self._visit(child, inner)


def _parse(path: Path) -> ast.Module:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # such as a pipe, whose reading may never end
            raise Unreadable(path, "it is no regular file")
        if status.st_size > MOST_BYTES:
            raise Unreadable(path, f"it has more than {MOST_BYTES} bytes")
        return ast.parse(path.read_bytes(), str(path))
    except SyntaxError as error:
        if any(kind in str(error) for kind in ("unicode error", "unknown encoding", "Non-UTF-8")):
            raise Unreadable(path, "it is no text in the encoding that it names, or in UTF-8") from error
        raise
    except (RecursionError, MemoryError) as error:
        raise Unreadable(path, _TOO_DEEP) from error
    except OSError as error:
        raise Unreadable(path, error.strerror or str(error)) from error


def _bound_by(node: ast.AST) -> Iterator[str]:
    """The names that a node itself binds, without those of its children."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import() | ast.ImportFrom():
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)) | ast.TypeAlias(name=ast.Name(id=name)):
            yield name
        case _:
            return


def own_nodes(function: Function) -> Iterator[ast.AST]:
    """The nodes of a function's body, without those in functions and classes that are defined in it."""
    waiting: list[ast.AST] = list(reversed(function.body))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting += reversed(list(ast.iter_child_nodes(node)))
