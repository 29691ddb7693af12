"""The faults: what a slip of the hand would make of a source, found in its syntax tree."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_COMPARISONS = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
_OPERATORS = {ast.Add: "-", ast.Sub: "+", ast.Mult: "+", ast.BitAnd: "|", ast.BitOr: "&", ast.FloorDiv: "*", ast.Mod: "*"}
# Calls that change nothing but what is logged.
_LOGGING = {"debug", "info", "warning", "error", "exception"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A source with one fault.

    Attributes:
        path: The file, from the root of the repository.
        line: Where the fault is.
        was, becomes: The text that is changed, and what it becomes.
        start, end: Where that text is, in characters from the beginning of the file.
    """

    path: Path
    line: int
    was: str
    becomes: str
    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: `{' '.join(self.was.split())}` becomes `{self.becomes}`"

    def apply(self, source: str) -> str:
        """The source with the fault."""
        return source[: self.start] + self.becomes + source[self.end :]


def mutants_of(path: Path, source: str) -> list[Mutant]:
    """Every fault that a source may be given, in the order of its lines."""
    finder = _Finder(path, source)
    finder.visit(ast.parse(source))
    return sorted(finder.found, key=lambda mutant: (mutant.start, mutant.becomes))


class _Finder(ast.NodeVisitor):
    def __init__(self, path: Path, source: str) -> None:
        self.found: list[Mutant] = []
        self._path = path
        self._source = source
        self._lines = [0]  # where each begins
        for line in source.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    def _at(self, line: int, column: int) -> int:
        begins = self._lines[line - 1]
        text = self._source[begins : self._lines[line]]
        return begins + len(text.encode()[:column].decode())

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._at(node.lineno, node.col_offset), self._at(node.end_lineno, node.end_col_offset)

    def _add(self, node: ast.expr | ast.stmt, becomes: str, span: tuple[int, int] | None = None) -> None:
        start, end = span or self._span(node)
        line = self._source.count("\n", 0, start) + 1
        self.found.append(Mutant(self._path, line, self._source[start:end], becomes, start, end))

    def _add_operator(self, node: ast.expr | ast.stmt, left: ast.expr, right: ast.expr, was: str, becomes: str) -> None:
        """Change what stands between two operands."""
        start, end = self._span(left)[1], self._span(right)[0]
        between = self._source[start:end]
        if between.count(was) == 1:
            at = start + between.index(was)
            self._add(node, becomes, (at, at + len(was)))

    def visit_Compare(self, node: ast.Compare) -> None:
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            start, end = self._span(left)[1], self._span(right)[0]
            between = self._source[start:end]
            was = between.strip(" ()\n")
            if between.count(was) == 1:
                at = start + between.index(was)
                self._add(node, _COMPARISONS[type(operator)], (at, at + len(was)))
            left = right
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        was, becomes = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._add_operator(node, left, right, was, becomes)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        signs = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.BitAnd: "&", ast.BitOr: "|", ast.FloorDiv: "//", ast.Mod: "%"}
        is_text = any(isinstance(side, ast.JoinedStr | ast.Constant) and _is_text(side) for side in (node.left, node.right))
        if type(node.op) in _OPERATORS and not is_text:
            self._add_operator(node, node.left, node.right, signs[type(node.op)], _OPERATORS[type(node.op)])
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._add(node, f"({ast.get_source_segment(self._source, node.operand)})")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._add(node, str(not node.value))
        elif isinstance(node.value, int | float):
            self._add(node, str(node.value + 1))

    def visit_If(self, node: ast.If) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        if not isinstance(node.test, ast.Constant):
            self._negate(node.test)
        self.generic_visit(node)

    def _negate(self, test: ast.expr) -> None:
        if isinstance(test, ast.Name | ast.Attribute | ast.Call):
            self._add(test, f"not {ast.get_source_segment(self._source, test)}")

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
            self._add(node.value, "None")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        call = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(call, ast.Constant):
            return  # a docstring
        if isinstance(call, ast.Call):
            if isinstance(call.func, ast.Attribute) and call.func.attr in _LOGGING:
                return
            self._add(node, "pass")
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if any(isinstance(target, ast.Name) and target.id.startswith("__") for target in node.targets):
            return
        if any(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets):
            self._add(node, "pass")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._add(node, "pass")
        self.generic_visit(node)

    def visit_Delete(self, node: ast.Delete) -> None:
        self._add(node, "pass")

    def visit_Break(self, node: ast.Break) -> None:
        self._add(node, "continue")

    def visit_Continue(self, node: ast.Continue) -> None:
        self._add(node, "pass")

    def visit_Raise(self, node: ast.Raise) -> None:
        """The text of an error is left alone; that there is one is not."""
        self._add(node, "pass")

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_arguments(self, node: ast.arguments) -> None:
        for default in [*node.defaults, *node.kw_defaults]:
            if default is not None:
                self.visit(default)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._visit_function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._visit_function(node)

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if any("overload" in ast.unparse(decorator) for decorator in node.decorator_list):
            return
        self.visit(node.args)
        for statement in node.body:
            self.visit(statement)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        if any("Protocol" in ast.unparse(base) for base in node.bases):
            return
        for statement in node.body:
            self.visit(statement)

    def visit_TypeAlias(self, node: ast.TypeAlias) -> None:
        """A type is not run."""


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def all_mutants(root: Path, rooms: list[str]) -> Iterator[Mutant]:
    """Every fault of every file of some rooms of the package."""
    for room in rooms:
        for path in sorted((root / "chirp_trio" / room).rglob("*.py")):
            yield from mutants_of(path.relative_to(root), path.read_text())
