"""HTML as data: text that is marked as markup, so that it is not confused with text that looks like markup."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ..errors import ConfigurationError
from .renderable import Renderable, html_text
from .text import check_one_line, check_text


@runtime_checkable
class SupportsHTML(Protocol):
    """Objects with an `__html__` method: markupsafe's `Markup`, elements of htpy, anything that Jinja does not escape."""

    def __html__(self) -> str:
        """The HTML."""


@dataclass(frozen=True, slots=True, init=False)
class HTML(Renderable):
    """HTML that has been rendered already, by Jinja, by htpy, or by your own code.

    Return it from a handler, yield it from a source, put it into an `SSEEvent`, or publish it to a topic. It reaches both
    generations of htmx as a `Fragment` does. Objects with a method `__html__`, such as markupsafe's `Markup`, may stand for
    themselves in all these places, and are taken for an `HTML` without options.

    It is sent unchanged, so anything in it that came from users must have been escaped.

    Args:
        markup: The HTML: text, or an object with `__html__`.
        event: The event name that it is sent under; default: the stream's own, if it has one.
        target: A CSS selector: where htmx 4 swaps it; default: wherever `sse-swap` names the event.
        swap: How htmx 4 swaps it, such as `"beforeend"`; default: `innerHTML`.

    Raises:
        TypeError: `markup` is neither, or another argument is not text.
        ValueError: `event`, `target` or `swap` is more than one line, text cannot be carried by UTF-8, or `swap` is nearly
            one of htmx's ways, and none.

    Example:
        >>> HTML("<li>tea</li>", event="item", swap="beforeend").markup
        '<li>tea</li>'
    """

    markup: str
    event: str | None
    target: str | None
    swap: str | None

    def __init__(
        self,
        markup: str | SupportsHTML,
        *,
        event: str | None = None,
        target: str | None = None,
        swap: str | None = None,
    ) -> None:
        text = html_text(markup)
        if text is None:
            if not isinstance(markup, str):
                kind = type(markup).__name__
                raise TypeError(f"HTML: markup is of type {kind}; it must be text, or an object with a method __html__")
            text = markup
        check_text("HTML: markup", text)
        object.__setattr__(self, "markup", text)
        for name, value in (("event", event), ("target", target), ("swap", swap)):
            check_one_line(f"HTML: {name}", value)
            object.__setattr__(self, name, value)
        check_swap("HTML: swap", swap)

    def __html__(self) -> str:
        """The HTML, for templates that it is put into."""
        return self.markup

    __str__ = __html__


# Both generations' ways to swap; extensions of htmx have others.
SWAPS = (
    "innerHTML", "outerHTML", "innerMorph", "outerMorph", "outerSync", "textContent", "beforebegin", "afterbegin",
    "beforeend", "afterend", "before", "after", "prepend", "append", "delete", "none",
)  # fmt: skip


def check_swap(name: str, swap: str | None) -> None:
    """Raise `ConfigurationError` for a misspelled swap style, which htmx would ignore without a word.

    A word that resembles none of htmx's swap styles is accepted, since extensions add their own. Modifiers may follow, as in
    `"beforeend scroll:bottom"`.
    """
    way = "innerHTML" if swap is None else swap.partition(" ")[0]
    if way in SWAPS:
        return
    from difflib import get_close_matches

    if meant := get_close_matches(way.lower(), _SWAPS_BY_SMALL_LETTERS, 1, 0.8):
        raise ConfigurationError(
            f"{name} is {swap!r}; did you mean {_SWAPS_BY_SMALL_LETTERS[meant[0]]!r}? htmx knows {', '.join(SWAPS)}"
        )


_SWAPS_BY_SMALL_LETTERS = {swap.lower(): swap for swap in SWAPS}


def as_html(value: object) -> HTML | None:
    """The value as an `HTML`, if it is one or stands for one; otherwise None."""
    if isinstance(value, HTML):
        return value
    text = html_text(value)
    return HTML(text) if text is not None else None
