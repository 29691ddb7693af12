"""Pieces of a page that htmx swaps out of band, marked in a way that both generations understand."""

import re
from html.parser import HTMLParser
from typing import override

from ..htmx import attribute
from ..wire import HTML

_ID = re.compile(r"#?([A-Za-z_][\w-]*)")
# Elements without an end tag (WHATWG HTML, 13.1.2).
_VOID = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])


def out_of_band(piece: HTML, block: str | None) -> str:
    """The markup of a piece that htmx swaps out of band.

    Args:
        piece: The piece; its `target` and `swap` say where and how.
        block: The id of the element that it belongs to, where there is no target.
    """
    target = block if piece.target is None else piece.target
    assert target is not None
    found = _ID.fullmatch(target)
    if found is None:
        return f'<div hx-swap-oob="{attribute(f"{piece.swap or 'outerHTML'}:{target}")}">{piece.markup}</div>'
    swap = attribute(piece.swap or "true")
    root = _sole_root(piece.markup)
    if root is not None and "hx-swap-oob" in root.attributes:
        return piece.markup
    if root is not None and root.attributes.get("id") == found[1] and piece.swap is None:
        # It is the element itself: another one around it would make two with the same id.
        return f'{piece.markup[: root.name_end]} hx-swap-oob="{swap}"{piece.markup[root.name_end :]}'
    return f'<div id="{found[1]}" hx-swap-oob="{swap}">{piece.markup}</div>'


class _Root(HTMLParser):
    """Finds out whether markup consists of a single element."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: dict[str, str | None] = {}
        self.name_end = 0  # where the name in its tag ends, as an index
        self.roots = 0
        self._open: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self._open:
            self.roots += 1
            if self.roots == 1:
                line, column = self.getpos()
                before = self.rawdata.split("\n")[: line - 1]
                self.name_end = sum(len(text) + 1 for text in before) + column + 1 + len(tag)
                self.attributes = dict(attrs)
        if tag not in _VOID:
            self._open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        while tag in self._open and self._open.pop() != tag:
            pass

    @override
    def handle_data(self, data: str) -> None:
        if not self._open and data.strip():
            self.roots += 2  # text beside an element


def _sole_root(markup: str) -> _Root | None:
    root = _Root()
    root.feed(markup)
    root.close()
    return root if root.roots == 1 else None
