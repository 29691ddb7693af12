"""What a reader sees of HTML."""

from collections.abc import Iterator

from ...markup import Element, parse_html

# What browsers show within a word, if need be; unknown elements, too, if their names have a hyphen.
_INLINE = frozenset({
    "a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins", "kbd", "label",
    "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tspan", "tt", "u", "var", "wbr",
})  # fmt: skip
# What they do not show, as `hidden` keeps them from showing what is in an element. Pages of htmx need scripts anyway.
_HIDDEN = frozenset({"script", "style", "template", "noscript", "datalist"})


def text_of(html: Element | str) -> str:
    """What a reader sees: blocks, cells, items and lines apart, white space collapsed, without what is hidden.

    Args:
        html: HTML text, or an element, which is looked into, hidden or not.

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
    """Whether browsers show it within a line of text, right beside what stands before it and after it."""
    return element.tag in _INLINE or ("-" in element.tag and element.tag != "hx-partial")  # whose parts go to several places
