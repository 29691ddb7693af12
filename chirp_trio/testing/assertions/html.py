"""The text of HTML, as a reader sees it."""

from collections.abc import Iterator

from ...markup import Element, parse_html

# Elements that may stand within a word; unknown elements may, too, if their names have a hyphen.
_INLINE = frozenset({
    "a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins", "kbd", "label",
    "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tspan", "tt", "u", "var", "wbr",
})  # fmt: skip
# Elements that browsers do not show. `noscript` is one of them, because pages with htmx need scripts.
_HIDDEN = frozenset({"script", "style", "template", "noscript", "datalist"})


def text_of(html: Element | str) -> str:
    """The text that a reader sees: blocks, cells, items and lines are separated by a space; hidden elements are left out.

    Args:
        html: HTML text, or an element, which may be hidden itself.

    Example:
        >>> text_of("<tr><td>1</td><td>2 <b>kg</b>,<br>net</td><td hidden>3</td></tr>")
        '1 2 kg, net'
    """
    element = parse_html(html) if isinstance(html, str) else html
    return " ".join("".join(_pieces(element)).split())


def _pieces(element: Element) -> Iterator[str]:
    for child in element.children:
        if isinstance(child, str):
            yield child
        elif child.tag not in _HIDDEN and "hidden" not in child.attributes:
            apart = "" if _is_inline(child) else " "
            yield apart
            yield from _pieces(child)
            yield apart


def _is_inline(element: Element) -> bool:
    """Whether browsers show the element within a line of text, with no space around it."""
    return element.tag in _INLINE or (
        "-" in element.tag and element.tag != "hx-partial"
    )  # its contents go elsewhere in the page
