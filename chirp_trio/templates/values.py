"""The values that stand for a template, or for several of them. Immutable."""

from collections.abc import Callable, Mapping
from typing import Never, override

from ..wire import HTML, NoData, Renderable, check_one_line, check_swap


class TemplateValue(NoData):
    """A template and what to render it with; the base of most values below. Immutable."""

    __slots__ = ("context", "template")

    _instead = "a handler returns it; what a source yields, and a topic publishes, is a Fragment"

    template: str
    context: Mapping[str, object]

    def __init__(self, template: str, context: Mapping[str, object]) -> None:
        if not isinstance(template, str) or not template:
            kind = type(self).__name__
            raise TypeError(f"{kind}: template is {template!r}; it must be the name of a template, such as 'page.html'")
        self._set(template=template, context=context)

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> Never:
        raise AttributeError(f"a {type(self).__name__} cannot be changed; make a new one")

    def __delattr__(self, name: str) -> Never:
        raise AttributeError(f"a {type(self).__name__} cannot be changed; make a new one")

    def __repr__(self) -> str:
        arguments = [*map(repr, self._place()), *(f"{name}={value!r}" for name, value in self.context.items())]
        return f"{type(self).__name__}({', '.join(arguments)})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and (self._place(), self.context) == (other._place(), other.context)

    __hash__ = None  # type: ignore[assignment]  # a context holds lists and dicts

    def _place(self) -> tuple[str, ...]:
        """The template, and its block if there is one."""
        return (self.template,)


class BlockValue(TemplateValue):
    """A template, or one of its blocks, and what to render it with."""

    __slots__ = ("block",)

    block: str | None

    def __init__(self, template: str, block: str | None, context: Mapping[str, object]) -> None:
        super().__init__(template, context)
        if block is not None and (not isinstance(block, str) or not block):
            raise TypeError(f"{type(self).__name__}: block is {block!r}; it must be the name of a block, or None")
        self._set(block=block)

    @override
    def _place(self) -> tuple[str, ...]:
        return (self.template,) if self.block is None else (self.template, self.block)


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
        super().__init__(template, context)


class Fragment(BlockValue, Renderable):
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
        check_swap("Fragment: swap", swap)
        super().__init__(template, block, context)
        self._set(**options)

    @override
    def _copied(self, copy: Callable[[object], object]) -> Fragment:
        twin = object.__new__(Fragment)
        names = [name for kind in Fragment.__mro__ for name in getattr(kind, "__slots__", ())]
        twin._set(**{name: getattr(self, name) for name in names})
        twin._set(context={name: copy(value) for name, value in self.context.items()})
        return twin


class Page(BlockValue):
    """A page of which htmx may request one block: htmx gets that block, all other clients the whole template.

    Args:
        template: The template's name, relative to the template directory.
        block: The block that htmx gets.
        **context: The template's variables.

    Example:
        >>> Page("inbox.html", "messages", messages=["hello"])
        Page('inbox.html', 'messages', messages=['hello'])
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

    Example:
        >>> Stream("report.html", rows=[1, 2])
        Stream('report.html', rows=[1, 2])
    """

    __slots__ = ()

    def __init__(self, template: str, /, **context: object) -> None:
        super().__init__(template, context)


class ValidationError(BlockValue):
    """The answer to a form with invalid input: a block of a template, with status 422. Return it; it is not an exception.

    Args:
        template: The template's name, relative to the template directory.
        block: The block to render.
        retarget: A CSS selector: where htmx swaps it, by the header `HX-Retarget`; default: where the request said.
        **context: The template's variables.

    Example:
        >>> ValidationError("signup.html", "form", errors={"name": "is missing"})
        ValidationError('signup.html', 'form', errors={'name': 'is missing'})
    """

    __slots__ = ("retarget",)

    block: str
    retarget: str | None

    def __init__(self, template: str, block: str, /, *, retarget: str | None = None, **context: object) -> None:
        if block is None:
            raise TypeError("ValidationError: block is None; it must name a block of the template")
        check_one_line("ValidationError: retarget", retarget)
        super().__init__(template, block, context)
        self._set(retarget=retarget)


class OOB:
    """A response together with other pieces of the same page, which htmx swaps into their own places ("out of band").

    A piece replaces the element that has its block's name as id, or its `target`: an id, or a CSS selector such as
    `"#cart"`. With a `swap`, such as `"innerHTML"` or `"beforeend"`, it is swapped in that way instead.

    A request for a whole page, where `main` is a `Page` or a `Template` and htmx wants no fragment, gets `main` alone.

    Args:
        main: What htmx swaps as it does any response: a `Fragment`, `Page`, `Template` or `HTML`.
        *fragments: The other pieces: `Fragment`s, or `HTML` with a target.

    Raises:
        TypeError: Something else.
        ValueError: A piece has neither a block nor a target.

    Example:
        >>> OOB(Fragment("cart.html", "items"), Fragment("page.html", "count", n=3))
        OOB(Fragment('cart.html', 'items'), Fragment('page.html', 'count', n=3))
    """

    __slots__ = ("fragments", "main")

    main: Fragment | Page | Template | HTML
    fragments: tuple[Fragment | HTML, ...]

    def __init__(self, main: Fragment | Page | Template | HTML, /, *fragments: Fragment | HTML) -> None:
        if not isinstance(main, Fragment | Page | Template | HTML):
            raise TypeError(f"OOB: main is {main!r}; it must be a Fragment, Page, Template or HTML")
        for fragment in fragments:
            if not isinstance(fragment, Fragment | HTML):
                raise TypeError(f"OOB: {fragment!r} is no piece of a page; it must be a Fragment or HTML")
            if fragment.target is None and (isinstance(fragment, HTML) or fragment.block is None):
                raise ValueError(f"OOB: {fragment!r} has no block and no target; give it a target, such as target='#cart'")
        object.__setattr__(self, "main", main)
        object.__setattr__(self, "fragments", fragments)

    def __setattr__(self, name: str, value: object) -> Never:
        raise AttributeError("an OOB cannot be changed; make a new one")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OOB) and (self.main, self.fragments) == (other.main, other.fragments)

    __hash__ = None  # type: ignore[assignment]  # a context holds lists and dicts

    def __repr__(self) -> str:
        return f"OOB({', '.join(map(repr, (self.main, *self.fragments)))})"
