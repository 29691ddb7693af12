"""The Python files of an app: the modules of its handlers, and the app's own modules that these import."""

import ast
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from .finding import Finding
from .module import Module, absolute_name
from .scopes import Function, Scope, SourceFile, Unreadable

_PACKAGE = Path(__file__).parents[1]
_INSTALLED = {"site-packages", "dist-packages"}
_MOST_FILES = 1000


class Project:
    """An app's own Python files.

    Args:
        functions: The app's handlers, hooks and other functions.

    Attributes:
        modules: The modules that have been imported.
        folders: The folders of these modules; every file below them is the app's own.
        findings: A finding for each file that cannot be read.
    """

    def __init__(self, functions: Iterable[Callable[..., Any]]) -> None:
        found = [module for function in functions if (module := _module_of(function)) is not None]
        self.folders = _outermost(_folder_of(module) for module in found)
        self.modules: list[Module] = []
        self.findings: set[Finding] = set()
        unread: set[Path] = set()
        self._by_path: dict[Path, Module] = {}
        while found:
            module = found.pop()
            path = _path_of(module)
            if path is None or path in self._by_path or path in unread or not self.owns(path):
                continue
            try:
                source = SourceFile(path)
            except Unreadable as error:
                self._leave_out(error)
                unread.add(path)
                continue
            self._by_path[path] = added = Module(module, source)
            self.modules.append(added)
            found += [other for name in imported(added.source.tree, module) if (other := sys.modules.get(name)) is not None]

    def owns(self, path: Path) -> bool:
        """Whether a file is the app's own."""
        if path.is_relative_to(_PACKAGE) and not path.is_relative_to(_PACKAGE / "examples"):
            return False
        return any(
            path.is_relative_to(folder) and not _INSTALLED & set(path.relative_to(folder).parts) for folder in self.folders
        )

    def locate(self, function: FunctionType) -> tuple[Function, Scope, Module] | None:
        """The source of a function; None if it is not the app's own."""
        code = function.__code__
        module = self._by_path.get(Path(code.co_filename).resolve())
        found = module.source.functions.get((code.co_name, code.co_firstlineno)) if module is not None else None
        return (found[0], module.source.inner[found[0]], module) if module is not None and found is not None else None

    def files(self) -> list[SourceFile] | None:
        """Every Python file in the folders, imported or not; None if there are too many, or one cannot be read."""
        sources: list[SourceFile] = []
        try:
            for path in self._paths():
                sources.append(self._by_path[path].source if path in self._by_path else SourceFile(path))
                if len(sources) > _MOST_FILES:
                    return None
        except SyntaxError, ValueError, OSError:
            return None
        except Unreadable as error:
            self._leave_out(error)
            return None
        return sources

    def _leave_out(self, error: Unreadable) -> None:
        self.findings.add(Finding(error.path, 1, f"this file cannot be read, and is left out: {error}"))

    def _paths(self) -> Iterator[Path]:
        for folder in self.folders:
            for below, names, files in folder.walk():
                names[:] = [name for name in names if not name.startswith(".") and not (below / name / "pyvenv.cfg").exists()]
                yield from (below / name for name in files if name.endswith(".py") and self.owns(below / name))


def imported(tree: ast.Module, module: ModuleType) -> Iterator[str]:
    """The names of all modules that a module may import, at any place."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            name = absolute_name(node, module)
            yield name
            yield from (f"{name}.{alias.name}" for alias in node.names)


def _module_of(function: Callable[..., Any]) -> ModuleType | None:
    function = inspect.unwrap(function)
    while hasattr(function, "func"):  # functools.partial
        function = function.func
    name = getattr(function, "__module__", None) or type(function).__module__
    module = sys.modules.get(name)
    return module if module is not None and _path_of(module) is not None else None


def _path_of(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if file is not None and file.endswith(".py") else None


def _folder_of(module: ModuleType) -> Path:
    """The folder that a module is imported from; for an installed package, the package's own folder."""
    path, names = _path_of(module), module.__name__.split(".")
    assert path is not None
    depth = len(names) if path.name == "__init__.py" else len(names) - 1
    folder = path.parents[min(depth, len(path.parents) - 1)]
    return folder / names[0] if folder.name in _INSTALLED else folder


def _outermost(folders: Iterable[Path]) -> list[Path]:
    every = set(folders)
    return sorted(folder for folder in every if not any(other in folder.parents for other in every))
