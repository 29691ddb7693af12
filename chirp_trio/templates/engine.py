"""The engine that renders templates: kida, which is imported when the first template is asked for."""

import html
import inspect
import json
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from types import BuiltinFunctionType
from typing import Any, override

import kida
from kida.lexer import LexerError, tokenize

from ..errors import BlockNotFound, TemplateError, TemplateNotFound
from .habits import cure
from .values import TemplateValue

# Characters that could end a script or a quoted attribute, as JSON escapes. They can occur only inside of its strings.
_JSON_IN_HTML = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&'"})

# The errors that kida raises for a template. Those of its lexer have another base class.
_BROKEN = (kida.TemplateError, LexerError, UnicodeDecodeError)


class Engine:
    """kida, set up for an app's templates.

    Args:
        folders: Where the templates are; the folders are searched in turn.
        auto_reload: Whether a template that changes on disk is read again.
    """

    def __init__(self, folders: Sequence[Path], *, auto_reload: bool) -> None:
        self._folders = folders
        # No bytecode cache: it would write into the user's folders. No htmx helpers: they know one generation only.
        self._kida = kida.Environment(
            loader=_Loader([*folders]),
            auto_reload=auto_reload,
            bytecode_cache=False,
            enable_htmx_helpers=False,
        )
        self._kida.add_filter("tojson", _to_json)
        for name, value in self._kida.globals.items():
            if isinstance(value, BuiltinFunctionType):
                self._kida.add_global(name, _quickly_described(value))

    def add_filter(self, name: str, function: Callable[..., Any]) -> None:
        """See `Templates`, and for the other methods too."""
        self._kida.add_filter(name, function)

    def add_global(self, name: str, value: object) -> None:
        self._kida.add_global(name, value)

    def render(self, value: TemplateValue, block: str | None = None) -> str:
        template = self._find(value.template)
        try:
            return template.render(value.context) if block is None else template.render_block(block, value.context)
        except _BROKEN as error:
            raise self._explain(error, value, block) from error

    def render_stream(self, value: TemplateValue) -> Generator[str]:
        template = self._find(value.template)
        try:
            yield from _flat(template.render_stream(value.context))
        except _BROKEN as error:
            raise self._explain(error, value, None) from error

    def names(self) -> list[str]:
        return sorted(
            {str(path.relative_to(folder)) for folder in self._folders for path in folder.rglob("*") if path.is_file()}
        )

    def source(self, name: str) -> tuple[str, str]:
        assert self._kida.loader is not None
        try:
            text, file = self._kida.loader.get_source(name)
        except (kida.TemplateNotFoundError, UnicodeDecodeError) as error:
            raise self._refuse(error, name) from error
        return text, file or name

    def text_of(self, name: str) -> str:
        text, _ = self.source(name)
        try:
            return "".join(token.value for token in tokenize(text) if token.type is kida.TokenType.DATA)
        except LexerError as error:
            raise self._refuse(error, name) from error

    def blocks(self, name: str) -> list[str] | None:
        try:
            return self._find(name).list_blocks()
        except (TemplateError, *_BROKEN):
            return None

    def _find(self, name: str) -> kida.Template:
        try:
            return self._kida.get_template(name)
        except (kida.TemplateNotFoundError, kida.TemplateSyntaxError, LexerError, UnicodeDecodeError) as error:
            raise self._refuse(error, name) from error

    def _refuse(self, error: Exception, name: str) -> TemplateError:
        if isinstance(error, kida.TemplateNotFoundError):
            return TemplateNotFound(f"there is no template {name!r}{self._existing()}")
        return TemplateError(f"template {name!r}{self._place(error, name)}: {_cause(error)}")

    def _existing(self) -> str:
        folders = ", ".join(
            str(folder) if folder.is_dir() else f"{folder} (which does not exist)" for folder in self._folders
        )
        names = self.names()
        shown = ", ".join(map(repr, names[:20])) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
        return f" in {folders}; there are: {shown or 'none'}"

    def _explain(self, error: Exception, value: TemplateValue, block: str | None) -> TemplateError:
        """Our error for an error of kida: template, block and line first, then the cause, then the existing names."""
        if isinstance(error, kida.TemplateNotFoundError):
            return TemplateNotFound(f"template {value.template!r}: {_cause(error)}{self._existing()}")
        if block is not None:
            blocks = self.blocks(value.template)
            if blocks is not None and block not in blocks:
                exist = ", ".join(map(repr, blocks)) or "none"
                return BlockNotFound(f"template {value.template!r} has no block {block!r}; its blocks: {exist}")
        where = f"template {value.template!r}" + (f", block {block!r}" if block is not None else "")
        where += self._place(error, value.template)
        if isinstance(error, kida.UndefinedError):
            given = ", ".join(map(repr, value.context)) or "none"
            return TemplateError(
                f"{where}: {error.name!r} is not defined; variables given: {given}{cure(error, '', value.context)}"
            )
        return TemplateError(f"{where}: {_cause(error)}")

    def _place(self, error: BaseException, asked_for: str) -> str:
        """The place of an error: the template, if it is not the one that was rendered, and the line."""
        culprit = getattr(error, "template", None) or getattr(error, "template_name", None)
        if isinstance(error, kida.TemplateSyntaxError) and error.filename:
            culprit = next(
                (
                    str(Path(error.filename).relative_to(folder))
                    for folder in self._folders
                    if folder in Path(error.filename).parents
                ),
                None,
            )
        place = "" if culprit in (None, asked_for, "<template>") else f", in {culprit!r}"
        return place + (f", line {line}" if (line := getattr(error, "lineno", None)) else "")


class _Loader(kida.FileSystemLoader):
    """Loads templates without the line break at the end of the file, as Jinja does: editors add it."""

    @override
    def get_source(self, name: str) -> tuple[str, str]:
        text, file = super().get_source(name)
        return text.removesuffix("\n"), file


def _quickly_described(builtin: Callable[..., Any]) -> Callable[..., Any]:
    """A built-in function as a global of templates, whose parameters are known at once.

    Each time that a template imports another, kida asks for those of all globals, and Python parses them anew for what is
    built in: more work than all else that rendering a fragment takes.
    """

    def call(*arguments: object, **options: object) -> object:
        return builtin(*arguments, **options)

    call.__signature__ = inspect.Signature()  # type: ignore[attr-defined]
    return call


def _to_json(value: object, indent: int | None = None, *, attr: bool = False) -> kida.Markup:
    """The filter `tojson` as kida has it, but that its JSON ends neither a script nor an attribute in single quotes.

    JSON has double quotes of its own, so an attribute in these needs `attr=True`, which is kida's way.
    """
    text = json.dumps(value, indent=indent, default=str)
    return kida.Markup(html.escape(text) if attr else text.translate(_JSON_IN_HTML))


def _flat(chunks: Iterable[object]) -> Iterator[str]:
    # kida hands out a nested block as the generator of its chunks.
    for chunk in chunks:
        if isinstance(chunk, str):
            yield chunk
        elif chunk is not None:
            assert isinstance(chunk, Iterable)
            yield from _flat(chunk)


def _cause(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"it is not {error.encoding}: {error.reason} at byte {error.start}"
    message = getattr(error, "message", None) or str(error)
    first = message.strip().splitlines()[0]
    return first + cure(error, first)
