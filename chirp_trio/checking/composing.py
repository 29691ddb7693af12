"""The markup that templates make. Nothing is rendered: it is read from kida's syntax trees.

A computed value is a hole in the markup.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from kida import TemplateError as KidaError
from kida import nodes
from kida.compiler.partial_eval import eliminate_dead_code
from kida.lexer import Lexer, LexerError
from kida.parser import Parser
from kida.utils.template_keys import resolve_template_name

from ..errors import TemplateError, TemplateNotFound
from ..markup import BEGIN, END, HOLE
from ..templates import Templates
from .finding import Finding, suggest
from .scopes import MOST_BYTES

_MOST_NODES = 200_000
_TOO_DEEP = "something in it is nested too deeply"

type Above = Sequence[tuple[Source, nodes.Block]]  # the blocks that `super()` stands for, the closest first
type Blocks = Mapping[str, Above]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A template that has been parsed."""

    name: str
    file: Path
    text: str
    tree: nodes.Template
    lines: Sequence[int]  # the index at which each begins

    def place_of(self, node: nodes.Node, value: str) -> int:
        """The index in the file of a text of the tree."""
        begins = self.lines[min(node.lineno, len(self.lines)) - 1] + node.col_offset
        return max(self.text.find(value, begins), 0)  # after white space that `-` takes away


@dataclass(frozen=True, slots=True)
class Page:
    """The markup that a template makes.

    Attributes:
        text: The markup.
        pieces: The origin of each piece of it: the piece's index in the text, its template, its index there.
        own: The files of the template itself, and of those that it extends.
        complete: Whether no part can be missing.
    """

    text: str
    pieces: Sequence[tuple[int, Source, int]]
    own: frozenset[Path]
    complete: bool

    def place(self, position: int) -> tuple[Path, int]:
        """The file and the line that an index into the text comes from."""
        begin, source, index = self.pieces[bisect_right(self.pieces, position, key=lambda piece: piece[0]) - 1]
        return source.file, source.text.count("\n", 0, index + position - begin) + 1


class Library:
    """An app's templates, each parsed once.

    Attributes:
        findings: The mistakes in those that were read.
    """

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self._sources: dict[str, Source | None] = {}
        self.findings: set[Finding] = set()

    def find(self, name: str) -> Source | None:
        """The template of this name; None if it does not parse.

        Raises:
            TemplateNotFound: There is no template of this name.
        """
        if name not in self._sources:
            self._sources[name] = self._parse(name)
        return self._sources[name]

    def compose(self, name: str, block: str | None = None) -> Page | None:
        """The markup that a template, or one of its blocks, makes; None if the template cannot be read."""
        try:
            source = self.find(name)
        except TemplateNotFound:
            return None
        if source is None:
            return None
        composer = _Composer(self)
        try:
            composer.template(source, {}, block)
        except RecursionError:
            self._leave_out(source.file, _TOO_DEEP)
            return None
        except _TooMuch:
            self._leave_out(source.file, f"with all that it includes it has more than {_MOST_NODES} parts")
            return None
        return Page("".join(composer.text), composer.pieces, composer.own, composer.complete)

    def needed(self, source: Source, node: nodes.Expr, name: str, *, optional: bool) -> Source | None:
        """The template that another one extends, includes or imports; None if it cannot be read, which may be a finding."""
        try:
            return self.find(resolve_template_name(name, caller=source.name))
        except TemplateNotFound, KidaError:
            if not optional:
                message = f"there is no template {name!r}{suggest(name, self._templates.names())}"
                self.findings.add(Finding(source.file, node.lineno, message))
            return None

    def _parse(self, name: str) -> Source | None:
        try:
            text, file = self._templates.source(name)
        except TemplateNotFound:
            raise
        except TemplateError as error:  # it is no text, and kida does not tell the file
            self.findings.add(Finding(Path(name), 1, str(error)))
            return None
        path = Path(file).absolute()
        if len(text) > MOST_BYTES:
            self._leave_out(path, f"it has more than {MOST_BYTES} characters")
            return None
        try:
            tree = eliminate_dead_code(Parser(list(Lexer(text).tokenize()), name, file, text).parse())
        except (KidaError, LexerError) as error:
            line = getattr(error, "lineno", None) or 1
            cause = (getattr(error, "message", None) or str(error)).strip().splitlines()[0]
            self.findings.add(Finding(path, line, f"this template does not parse: {cause}"))
            return None
        except RecursionError:
            self._leave_out(path, _TOO_DEEP)
            return None
        lines = list(accumulate((len(line) + 1 for line in text.split("\n")), initial=0))
        return Source(name, path, text, tree, lines)

    def _leave_out(self, file: Path, reason: str) -> None:
        self.findings.add(Finding(file, 1, f"this template cannot be read, and is left out: {reason}"))


class _TooMuch(Exception):
    """A page has too many parts, as with ten templates that each include the next one ten times."""


class _Composer:
    """Writes one page."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._length = 0
        self._visited = 0
        self._doing: list[str] = []  # the templates that are being written, for those that include themselves
        self._trying = 0  # how many `try` blocks are around
        self.text: list[str] = []
        self.pieces: list[tuple[int, Source, int]] = []
        self.own: frozenset[Path] = frozenset()
        self.complete = True

    def template(self, source: Source, overrides: Blocks, only: str | None = None) -> None:
        """Write the markup of a template, with these blocks in place of its own; or, with `only`, of that block."""
        if source.name in self._doing:
            return
        self._doing.append(source.name)
        blocks = {name: list(bodies) for name, bodies in overrides.items()}
        chain = self._chain(source)
        if len(self._doing) == 1:
            self.own = frozenset(one.file for one in chain)
        for one in chain:
            for block in _blocks(one.tree.body):
                blocks.setdefault(block.name, []).append((one, block))
        if only is not None:
            for one, block in blocks.get(only, [])[:1]:
                self._node(block, one, blocks, ())
            self._doing.pop()
            return
        for one in chain[:-1]:
            self._definitions(one)
        self._nodes(chain[-1].tree.body, chain[-1], blocks, ())
        self._doing.pop()

    def _chain(self, source: Source) -> list[Source]:
        """The template, the one that it extends, the one that that extends, and so on."""
        chain = [source]
        while extends := [node for node in chain[-1].tree.body if isinstance(node, nodes.Extends)]:
            parent = self._needed(chain[-1], extends[0].template)
            if parent is None or parent in chain:
                break
            chain.append(parent)
        return chain

    def _needed(self, source: Source, name: nodes.Expr, *, optional: bool = False) -> Source | None:
        """The template of this name. If the name is computed, it is None, and the page is not complete."""
        if not isinstance(name, nodes.Const) or not isinstance(name.value, str):
            self.complete = False
            return None
        found = self._library.needed(source, name, name.value, optional=optional or self._trying > 0)
        self.complete = self.complete and (found is not None or optional)
        return found

    def _definitions(self, source: Source) -> None:
        """Write the functions and regions of a template, once: they may be called anywhere on the page."""
        for node in source.tree.body:
            if isinstance(node, nodes.Def | nodes.Region | nodes.Import | nodes.FromImport | nodes.Globals | nodes.Imports):
                self._node(node, source, {}, ())

    def _nodes(self, body: Iterable[nodes.Node], source: Source, blocks: Blocks, above: Above) -> None:
        for node in body:
            self._node(node, source, blocks, above)

    def _node(self, node: nodes.Node, source: Source, blocks: Blocks, above: Above) -> None:
        self._visited += 1
        if self._visited > _MOST_NODES:
            raise _TooMuch
        match node:
            case nodes.Data() | nodes.Raw():
                self._write(node.value, source, source.place_of(node, node.value))
            case nodes.Output(expr=nodes.FuncCall(func=nodes.Name(name="super"))):
                if above:
                    (parent, block), *rest = above
                    self._nodes(block.body, parent, blocks, rest)
            case nodes.Output() | nodes.Trans():
                self._write(HOLE, source, 0)
            case nodes.Block():
                (owner, block), *rest = blocks.get(node.name) or [(source, node)]
                self._nodes(block.body, owner, blocks, rest)
            case nodes.Include():
                self._include(source, node.template, {}, optional=node.ignore_missing)
            case nodes.Embed():
                self._include(source, node.template, {name: [(source, block)] for name, block in node.blocks.items()})
            case nodes.Import() | nodes.FromImport():
                imported = self._needed(source, node.template)
                if imported is not None and imported.name not in self._doing:
                    self._doing.append(imported.name)
                    self._definitions(imported)
                    self._doing.pop()
            case nodes.Try():
                self._trying += 1
                self._nodes([*node.body, *node.fallback], source, blocks, above)
                self._trying -= 1
            case nodes.Set() | nodes.Let() | nodes.Export() | nodes.Expr() | nodes.Extends():
                pass
            case _:  # conditions, loops and functions: their contents may be there any number of times
                self._write(BEGIN, source, 0)
                self._nodes(node.iter_child_nodes(), source, blocks, above)
                self._write(END, source, 0)

    def _include(self, source: Source, name: nodes.Expr, overrides: Blocks, *, optional: bool = False) -> None:
        included = self._needed(source, name, optional=optional)
        if included is not None:
            self.template(included, overrides)

    def _write(self, text: str, source: Source, place: int) -> None:
        self.pieces.append((self._length, source, place))
        self.text.append(text)
        self._length += len(text)


def _blocks(body: Iterable[nodes.Node]) -> Iterable[nodes.Block]:
    """The blocks of a template, including blocks in blocks."""
    for node in body:
        if isinstance(node, nodes.Block):
            yield node
        if not isinstance(node, nodes.Embed):
            yield from _blocks(node.iter_child_nodes())
