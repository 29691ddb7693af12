"""HTML as a tree, for asking what is in it: where elements begin and end, as browsers see it.

The standard library's tokenizer, and of WHATWG HTML, section 13.2.6 "Tree construction", what decides which element is in
which. Left out is what only moves text about: formatting elements that cross blocks stay one in the other, what stands
between the rows of a table stays there, and nothing is added that was not written, such as a `tbody`.

Why no library: messages name the line of an attribute, and a template may write an attribute twice, in two branches. Of the
57 pages of tests/nasty_html.py, justhtml 3.16 reads 55 as a browser does, but gives no position to rows and cells of tables
(38 of all 153 elements), and keeps one of two attributes with the same name. html5lib 1.1 reads 53, tinyhtml5 2.1 reads 52,
lxml 6.1 reads 44, and Beautiful Soup 4.15 with html.parser 27. The nodes of selectolax 1.0 have no positions.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from itertools import accumulate
from typing import override

# Marks in the text of a template: a computed value; the beginning and the end of text that may be there any number of times.
HOLE, BEGIN, END = "\U000f0000", "\U000f0001", "\U000f0002"
_DEEPEST = 512  # nested elements; deeper ones become siblings, as in Chromium
_MARKS = str.maketrans("", "", BEGIN + END)

_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
)
_CELLS = frozenset({"td", "th"})
_ROWS = _CELLS | {"tr", "caption", "colgroup"}
_SECTIONS = _ROWS | {"thead", "tbody", "tfoot"}
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
# Elements that end an open paragraph.
_BLOCKS = _HEADINGS | {
    "address", "article", "aside", "blockquote", "center", "details", "dialog", "dd", "dir", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "footer", "form", "header", "hgroup", "hr", "li", "listing", "main", "menu", "nav", "ol", "p",
    "plaintext", "pre", "search", "section", "summary", "table", "ul",
}  # fmt: skip
# Elements that keep tags inside of them from ending elements outside: "special" and "scope" in the standard.
_SCOPE = frozenset({"applet", "caption", "marquee", "object", "table", "td", "template", "th"})
_SPECIAL = _BLOCKS | _SCOPE | _SECTIONS | {"body", "button", "head", "html", "iframe", "select", "textarea"}

# For each tag, the elements that it ends, and the elements that keep it from ending what is outside of them.
_ITEM_KEEPERS = _SPECIAL - {"address", "div", "p"}
_ENDED_BY = {
    "li": (frozenset({"li"}), _ITEM_KEEPERS),
    "dt": (frozenset({"dt", "dd"}), _ITEM_KEEPERS),
    "dd": (frozenset({"dt", "dd"}), _ITEM_KEEPERS),
    "option": (frozenset({"option"}), _SPECIAL),
    "optgroup": (frozenset({"option", "optgroup"}), _SPECIAL),
    "a": (frozenset({"a"}), _SCOPE),
    "button": (frozenset({"button"}), _SCOPE),
    **dict.fromkeys(_CELLS, (_CELLS, frozenset({"table", "template"}))),
    "tr": (_ROWS, frozenset({"table", "template"})),
    **dict.fromkeys(("caption", "colgroup", "thead", "tbody", "tfoot"), (_SECTIONS, frozenset({"table", "template"}))),
}


class Element:
    """An element, and what it holds: elements and text.

    Args:
        tag: Its name, in lower case.
        attributes: Its attributes, with names in lower case. If one is written twice, the first counts.
        parent: The element that holds it.
        line: Where its tag stands in the text, counted from 1.
        position: The same, as an index into the text.
        source: The tag as it is written.
        written: Its attributes as they are written, including repeated ones.
    """

    def __init__(
        self,
        tag: str,
        attributes: dict[str, str],
        parent: Element | None,
        *,
        line: int = 0,
        position: int = 0,
        source: str = "",
        written: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.tag = tag
        self.attributes = attributes
        self.parent = parent
        self.line = line
        self.position = position
        self.source = source
        self.written = written
        self.children: list[Element | str] = []

    def get(self, name: str) -> str | None:
        """The value of an attribute of htmx, with or without `data-` before its name."""
        return self.attributes.get(name, self.attributes.get(f"data-{name}"))

    def lineage(self) -> Iterator[Element]:
        """The element, its parent, its parent's parent."""
        element: Element | None = self
        while element is not None and element.tag:
            yield element
            element = element.parent

    def descendants(self) -> Iterator[Element]:
        """The elements in it, in the order of the text."""
        waiting = self.children[::-1]
        while waiting:
            child = waiting.pop()
            if isinstance(child, Element):
                yield child
                waiting += reversed(child.children)

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
    builder = _Builder(text)
    builder.feed(text)
    builder.close()
    return builder.root


class _Builder(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        lengths = (len(line) + 1 for line in text.split("\n"))
        self._lines = list(accumulate(lengths, initial=0))  # where each of them begins
        self.root = Element("", {}, None)
        self._open = self.root
        self._depth = 0
        self._tags: Counter[str] = Counter()  # of the elements that are open

    @override
    def handle_decl(self, decl: str) -> None:  # the parser calls this for doctypes only
        self.root.attributes["doctype"] = decl

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        tag = tag.translate(_MARKS)
        if tag in _BLOCKS:
            self._end(frozenset({"p"}), _SCOPE | {"button"})
        if tag in _HEADINGS and self._open.tag in _HEADINGS:
            self._leave(self._open)
        if tag in _ENDED_BY:
            self._end(*_ENDED_BY[tag])
        written = [(name.translate(_MARKS), value or "") for name, value in attrs]
        line, column = self.getpos()
        element = Element(
            tag,
            dict(reversed(list(dict(reversed(written)).items()))),
            self._open,
            line=line,
            position=self._lines[line - 1] + column,
            source=self.get_starttag_text() or "",
            written=written,
        )
        self._open.children.append(element)
        if tag not in _VOID and self._depth < _DEEPEST:
            self._open = element
            self._depth += 1
            self._tags[tag] += 1

    @override
    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if self._open.tag in self.CDATA_CONTENT_ELEMENTS:
            self.set_cdata_mode(self._open.tag)  # in HTML, the slash of `<div/>` has no meaning
        elif self._tags["svg"] or self._tags["math"]:
            self.handle_endtag(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        tag = tag.translate(_MARKS)
        if not self._tags[tag]:
            return
        if tag in _SECTIONS:
            keepers = frozenset({"table", "template"})
        elif tag == "table":
            keepers = frozenset({"template"})
        elif tag == "li":
            keepers = _SCOPE | {"ol", "ul"}
        elif tag == "p":
            keepers = _SCOPE | {"button"}
        else:
            keepers = _SCOPE if tag in _SPECIAL else _SPECIAL
        for element in self._open.lineage():
            if element.tag == tag:
                self._leave(element)
            elif element.tag not in keepers:
                continue
            return

    @override
    def handle_data(self, data: str) -> None:
        self._open.children.append(data)

    def _end(self, tags: frozenset[str], keepers: frozenset[str]) -> None:
        """End the outermost element with one of these tags that is open inside the innermost of these keepers."""
        if not any(self._tags[tag] for tag in tags):
            return
        found = None
        for element in self._open.lineage():
            if element.tag in tags:
                found = element
            elif element.tag in keepers:
                break
        if found is not None:
            self._leave(found)

    def _leave(self, element: Element) -> None:
        assert element.parent is not None
        for left in self._open.lineage():
            self._depth -= 1
            self._tags[left.tag] -= 1
            if left is element:
                break
        self._open = element.parent
