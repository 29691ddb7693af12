"""What events look like on the standard output: a line of JSON, plain text, or text in colour."""

import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from ..wire import Comment, SSEEvent

if TYPE_CHECKING:
    from rich.console import Console

type Form = Callable[[SSEEvent[str] | Comment], str]

# What a terminal would take for a command, or would show in another order than it came: controls, line and paragraph
# separators, and what sets the direction of writing. The tab and the line feed may stay.
_COMMANDS = [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029]
_DIRECTIONS = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_HARMLESS = {code: chr(code).encode("unicode_escape").decode() for code in _COMMANDS + _DIRECTIONS if chr(code) not in "\t\n"}

_MOST_COLOURED = 10_000  # characters of data: colours are for reading, and take long


def neutral(text: str) -> str:
    r"""The text, with whatever could command a terminal shown as an escape that commands nothing.

    >>> neutral("\x1b[2Jgone")
    '\\x1b[2Jgone'
    """
    return text.translate(_HARMLESS)


def choose_form(file: TextIO, *, as_json: bool, raw: bool = False) -> Form:
    """How events are shown in a file: in colour where it is a terminal, and `NO_COLOR` (no-color.org) does not forbid it.

    What could command a terminal is shown as an escape wherever it goes, for a pipe may end in a terminal; unless it is to be
    raw.
    """
    if as_json:
        return as_json_line
    if raw:
        return as_text
    from rich.console import Console

    console = Console(file=file, highlight=False)
    if console.is_terminal and not console.is_dumb_terminal and not os.environ.get("NO_COLOR"):
        return lambda item: in_colour(console, item)
    return lambda item: neutral(as_text(item))


def as_json_line(item: SSEEvent[str] | Comment) -> str:
    r"""An object on one line, in ASCII, so that no encoding and no terminal can spoil it.

    >>> as_json_line(SSEEvent("caf\u00e9\n", id="7"))
    '{"event": "message", "id": "7", "data": "caf\\u00e9\\n", "retry": null}'
    """
    if isinstance(item, Comment):
        return json.dumps({"comment": item.text})
    return json.dumps({"event": _type(item), "id": item.id, "data": item.data, "retry": item.retry})


def as_text(item: SSEEvent[str] | Comment) -> str:
    r"""Type, id and data; what is below the first line of data is indented.

    >>> as_text(SSEEvent("one\ntwo", event="post", id="7"))
    'post #7: one\n  two'
    """
    head, id, data = _parts(item)
    return f"{head}{id}: {data}"


def in_colour(console: Console, item: SSEEvent[str] | Comment) -> str:
    """The same text, with the marks that make this terminal show it in colour."""
    from rich.highlighter import JSONHighlighter
    from rich.text import Text

    head, id, data = (neutral(part) for part in _parts(item))
    shown = Text(data)
    if isinstance(item, Comment):
        shown.stylize("dim")
    elif data[:1] in {"{", "["} and len(data) <= _MOST_COLOURED:
        shown = JSONHighlighter()(shown)
    with console.capture() as capture:
        console.print(Text.assemble((head, "bold cyan"), (id, "dim"), ": ", shown), soft_wrap=True, end="")
    return capture.get()


def _type(event: SSEEvent[str]) -> str:
    return event.event or "message"  # as browsers call it


def _parts(item: SSEEvent[str] | Comment) -> tuple[str, str, str]:
    """Type, id and data; a comment has nothing but the last."""
    if isinstance(item, Comment):
        return "", "", item.text
    id = "" if item.id is None else f" #{item.id}"
    return _type(item), id, str(item.data).replace("\n", "\n  ")
