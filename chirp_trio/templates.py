"""Templates: the four values that stand for one, and the engine that renders them. The only file that renders with kida."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Never, override

import kida
from kida.lexer import LexerError

from .errors import BlockNotFound, TemplateError, TemplateNotFound
from .wire import Renderable, check_one_line

# What kida raises for a template. What its lexer finds is no error of templates to it.
_BROKEN = (kida.TemplateError, LexerError, UnicodeDecodeError)


class TemplateValue:
    """A template and what to render it with; the base of the four values below. Immutable."""

    __slots__ = ("block", "context", "template")

    template: str
    block: str | None
    context: Mapping[str, object]

    def __init__(self, template: str, block: str | None, context: Mapping[str, object]) -> None:
        name = type(self).__name__
        if not isinstance(template, str) or not template:
            raise TypeError(f"{name}: template is {template!r}; it must be the name of a template, such as 'page.html'")
        if block is not None and (not isinstance(block, str) or not block):
            raise TypeError(f"{name}: block is {block!r}; it must be the name of a block, or None")
        self._set(template=template, block=block, context=context)

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> Never:
        raise AttributeError(f"a {type(self).__name__} cannot be changed; make a new one")

    def __delattr__(self, name: str) -> Never:
        raise AttributeError(f"a {type(self).__name__} cannot be changed; make a new one")

    def __repr__(self) -> str:
        arguments = [repr(self.template)]
        if self.block is not None:
            arguments.append(repr(self.block))
        arguments += [f"{name}={value!r}" for name, value in self.context.items()]
        return f"{type(self).__name__}({', '.join(arguments)})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._values() == other._values()

    __hash__ = None  # type: ignore[assignment]  # a context holds lists and dicts

    def _values(self) -> tuple[object, ...]:
        return self.template, self.block, self.context


class Template(TemplateValue):
    """A whole page from a template.

    Args:
        template: The template's name, relative to the template directory.
        **context: The template's variables.

    Example:
        >>> Template("index.html", title="Home")
        Template('index.html', title='Home')
    """

    __slots__ = ()

    def __init__(self, template: str, /, **context: object) -> None:
        super().__init__(template, None, context)


class Fragment(TemplateValue, Renderable):
    """A piece of a page: one block of a template, or a whole small template.

    Yield it from a source, put it into an `SSEEvent`, or return it from a handler.

    Args:
        template: The template's name, relative to the template directory.
        block: The block to render; default: the whole template.
        event: The event name that it is sent under; default: the stream's own, if it has one.
        target: A CSS selector: where htmx 4 swaps a named fragment; default: wherever `sse-swap` names the event.
        swap: How htmx 4 swaps a named fragment, such as `"beforeend"`; default: `innerHTML`.
        **context: The template's variables. `event`, `target` and `swap` are variables too, where they are given.

    Example:
        >>> Fragment("dashboard.html", "stats_panel", stats={"cpu": 3})
        Fragment('dashboard.html', 'stats_panel', stats={'cpu': 3})
    """

    __slots__ = ("event", "swap", "target")

    target: str | None
    swap: str | None

    def __init__(
        self,
        template: str,
        block: str | None = None,
        /,
        *,
        event: str | None = None,
        target: str | None = None,
        swap: str | None = None,
        **context: object,
    ) -> None:
        options = {"event": event, "target": target, "swap": swap}
        for name, value in options.items():
            check_one_line(f"Fragment: {name}", value)
            if value is not None:
                context[name] = value
        super().__init__(template, block, context)
        self._set(**options)

    @override
    def copied(self, copy: Callable[[object], object]) -> Fragment:
        twin = object.__new__(Fragment)
        names = [name for kind in Fragment.__mro__ for name in getattr(kind, "__slots__", ())]
        twin._set(**{name: getattr(self, name) for name in names})
        twin._set(context={name: copy(value) for name, value in self.context.items()})
        return twin


class Page(TemplateValue):
    """A page that htmx may ask a piece of: the block for a request of htmx's, the whole template for everybody else.

    Args:
        template: The template's name, relative to the template directory.
        block: The block that htmx gets.
        **context: The template's variables.
    """

    __slots__ = ()

    block: str

    def __init__(self, template: str, block: str, /, **context: object) -> None:
        if block is None:
            raise TypeError("Page: block is None; it must name the block that htmx gets. For whole pages there is Template")
        super().__init__(template, block, context)


class Stream(TemplateValue):
    """A whole page, sent in pieces while it is rendered, so that a browser can begin with the first of them.

    It is rendered in a thread: a page that takes long, or waits for a database, holds up nobody else.

    Args:
        template: The template's name, relative to the template directory.
        **context: The template's variables. Iterators among them are consumed in the thread.
    """

    __slots__ = ()

    def __init__(self, template: str, /, **context: object) -> None:
        super().__init__(template, None, context)


class Templates:
    """The templates in a folder, ready to be rendered.

    Args:
        directory: The folder, or several, which are searched in turn. It need not exist before a template is asked for.
        auto_reload: Whether a template that changes on disk is read again; default: no.
    """

    def __init__(self, directory: str | Path | Iterable[str | Path], *, auto_reload: bool = False) -> None:
        folders = [directory] if isinstance(directory, str | Path) else directory
        self._folders = [Path(folder).absolute() for folder in folders]
        # No bytecode cache: it would write into the user's folders. No htmx helpers: they know one generation only.
        self._kida = kida.Environment(
            loader=kida.FileSystemLoader([*self._folders]),
            auto_reload=auto_reload,
            bytecode_cache=False,
            enable_htmx_helpers=False,
        )

    def add_filter(self, name: str, function: Callable[..., Any]) -> None:
        """Make `{{ value | name }}` call `function(value)`. To be done before the first rendering."""
        self._kida.add_filter(name, function)

    def add_global(self, name: str, value: object) -> None:
        """Make `{{ name }}` known to every template. To be done before the first rendering."""
        self._kida.add_global(name, value)

    def render(self, value: TemplateValue, block: str | None = None) -> str:
        """The text of a whole template, or of one of its blocks.

        Raises:
            TemplateNotFound: There is no such template; the message lists those that exist.
            BlockNotFound: The template has no such block; the message lists those that exist.
            TemplateError: It cannot be rendered; the message names template, block, line and cause.
        """
        template = self._find(value.template)
        try:
            return template.render(value.context) if block is None else template.render_block(block, value.context)
        except _BROKEN as error:
            raise self._explain(error, value, block) from error

    def render_stream(self, value: TemplateValue) -> Generator[str]:
        """The text of a whole template, in pieces, each rendered when it is asked for. Raises as `render` does."""
        template = self._find(value.template)
        try:
            yield from _flat(template.render_stream(value.context))
        except _BROKEN as error:
            raise self._explain(error, value, None) from error

    def names(self) -> list[str]:
        """The names of the templates that exist."""
        return sorted(
            {str(path.relative_to(folder)) for folder in self._folders for path in folder.rglob("*") if path.is_file()}
        )

    def source(self, name: str) -> tuple[str, str]:
        """The text of a template, and the file that it is in; raises as `render` does."""
        assert self._kida.loader is not None
        try:
            text, file = self._kida.loader.get_source(name)
        except (kida.TemplateNotFoundError, UnicodeDecodeError) as error:
            raise self._refuse(error, name) from error
        return text, file or name

    def blocks(self, name: str) -> list[str] | None:
        """The blocks of a template, its parents' included; None if they cannot be known, because one of them is broken."""
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
        """An error of kida's as ours: template, block and line first, then the cause, then what exists."""
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
            return TemplateError(f"{where}: {error.name!r} is not defined; variables given: {given}")
        return TemplateError(f"{where}: {_cause(error)}")

    def _place(self, error: BaseException, asked_for: str) -> str:
        """Where in the templates an error is: the template, if it is another one than was asked for, and the line."""
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
    return message.strip().splitlines()[0]
