"""HTML as a tree, for asking what is in it. As forgiving as a browser, and no more exact than a test needs."""

from collections.abc import Iterator
from html.parser import HTMLParser

_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
)

# Which open elements end where another one begins, because their own end tags may be left out.
_CELLS = frozenset({"td", "th"})
_ROWS = _CELLS | {"tr"}
_ENDED_BY = {
    "li": frozenset({"li"}),
    "dt": frozenset({"dt", "dd"}),
    "dd": frozenset({"dt", "dd"}),
    "option": frozenset({"option"}),
    "td": _CELLS,
    "th": _CELLS,
    "tr": _ROWS,
    "thead": _ROWS | {"thead", "tbody", "tfoot"},
    "tbody": _ROWS | {"thead", "tbody", "tfoot"},
    "tfoot": _ROWS | {"thead", "tbody", "tfoot"},
}
# What a paragraph cannot hold, and so ends it.
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "details", "div", "dl", "fieldset", "footer", "form", "h1", "h2", "h3", "h4",
    "h5", "h6", "header", "hr", "main", "nav", "ol", "p", "pre", "section", "table", "ul",
})  # fmt: skip

# What browsers show within a word, if need be; unknown elements, too, if their names have a hyphen.
_INLINE = frozenset({
    "a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins", "kbd", "label",
    "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tspan", "tt", "u", "var", "wbr",
})  # fmt: skip
# What they do not show, as `hidden` keeps them from showing what is in an element. Pages of htmx need scripts anyway.
_HIDDEN = frozenset({"script", "style", "template", "noscript", "datalist"})


class Element:
    """An element, and what it holds: elements and text.

    Args:
        tag: Its name, in lower case.
        attributes: Its attributes, names in lower case.
        parent: What it is in.
        line: Where its tag stands in the text, counted from 1.
    """

    def __init__(self, tag: str, attributes: dict[str, str], parent: Element | None, line: int = 0) -> None:
        self.tag = tag
        self.attributes = attributes
        self.parent = parent
        self.line = line
        self.children: list[Element | str] = []

    def get(self, name: str) -> str | None:
        """An attribute of htmx's, which may be written with `data-` before it."""
        return self.attributes.get(name, self.attributes.get(f"data-{name}"))

    def lineage(self) -> Iterator[Element]:
        """The element, its parent, its parent's parent."""
        element: Element | None = self
        while element is not None and element.tag:
            yield element
            element = element.parent

    def descendants(self) -> Iterator[Element]:
        """The elements in it, in the order of the text."""
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child.descendants()

    def text(self) -> str:
        """What a reader sees of it: blocks, cells, items and lines apart, white space collapsed, without what is hidden.

        The element itself is looked into, hidden or not.
        """
        return " ".join("".join(self._pieces()).split())

    def _pieces(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            elif not child._is_hidden:
                apart = "" if child._is_inline else " "
                yield apart
                yield from child._pieces()
                yield apart

    @property
    def _is_hidden(self) -> bool:
        return self.tag in _HIDDEN or "hidden" in self.attributes

    @property
    def _is_inline(self) -> bool:
        """Whether browsers show it within a line of text, right beside what stands before it and after it."""
        return self.tag in _INLINE or ("-" in self.tag and self.tag != "hx-partial")  # whose parts go to several places

    def __str__(self) -> str:
        written = "".join(f' {name}="{value}"' if value else f" {name}" for name, value in self.attributes.items())
        return f"<{self.tag}{written}>"


def parse_html(text: str) -> Element:
    """The tree of a page, or of a piece of one. Never raises: HTML has no errors.

    Returns:
        A root without a tag, which holds the elements and the text of the outermost level. Its attribute `doctype` is there
        if the text has one.

    Example:
        >>> [str(element) for element in parse_html('<ul><li class="new">tea<li>biscuits</ul>').descendants()]
        ['<ul>', '<li class="new">', '<li>']
    """
    builder = _Builder()
    builder.feed(text)
    builder.close()
    return builder.root


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {}, None)
        self._open = self.root

    def handle_decl(self, decl: str) -> None:  # only doctypes are told this way
        self.root.attributes["doctype"] = decl

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        ended = _ENDED_BY.get(tag, frozenset())
        while self._open.tag in ended or (self._open.tag == "p" and tag in _BLOCKS):
            assert self._open.parent is not None
            self._open = self._open.parent
        # Of an attribute that is there twice, the first counts.
        attributes = {name: value or "" for name, value in reversed(attrs)}
        element = Element(tag, dict(reversed(attributes.items())), self._open, self.getpos()[0])
        self._open.children.append(element)
        if tag not in _VOID:
            self._open = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID and any(element.tag == "svg" for element in self._open.lineage()):
            self.handle_endtag(tag)  # in HTML itself, the slash of `<div/>` says nothing

    def handle_endtag(self, tag: str) -> None:
        for element in self._open.lineage():
            if element.tag == tag:
                assert element.parent is not None
                self._open = element.parent
                return

    def handle_data(self, data: str) -> None:
        self._open.children.append(data)
