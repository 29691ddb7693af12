"""The forms of events on standard output: a line of JSON, plain text, or text in colour."""

import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from ..wire import Comment, SSEEvent

if TYPE_CHECKING:
    from rich.console import Console

type Form = Callable[[SSEEvent[str] | Comment], str]

# Characters that a terminal takes for a command, or that change the order in which it shows text: controls, line and
# paragraph separators, and marks for the direction of writing. Tab and line feed are allowed.
_COMMANDS = [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029]
_DIRECTIONS = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_HARMLESS = {code: chr(code).encode("unicode_escape").decode() for code in _COMMANDS + _DIRECTIONS if chr(code) not in "\t\n"}

_MOST_COLOURED = 10_000  # characters of data: colours are for reading, and take long


def neutral(text: str) -> str:
    r"""The text, with each character that could command a terminal replaced by a harmless escape.

    >>> neutral("\x1b[2Jgone")
    '\\x1b[2Jgone'
    """
    return text.translate(_HARMLESS)


def choose_form(file: TextIO, *, as_json: bool, raw: bool = False) -> Form:
    """The form of events for a file: in colour if it is a terminal, and `NO_COLOR` (no-color.org) is not set.

    Unless it is `raw`, characters that could command a terminal are escaped in any file: a pipe may end in a terminal.
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
    r"""A JSON object on one line, in ASCII, which is safe in any encoding and any terminal.

    >>> as_json_line(SSEEvent("caf\u00e9\n", id="7"))
    '{"event": "message", "id": "7", "data": "caf\\u00e9\\n", "retry": null}'
    """
    if isinstance(item, Comment):
        return json.dumps({"comment": item.text})
    return json.dumps({"event": _type(item), "id": item.id, "data": item.data, "retry": item.retry})


def as_text(item: SSEEvent[str] | Comment) -> str:
    r"""Type, id and data; further lines of data are indented.

    >>> as_text(SSEEvent("one\ntwo", event="post", id="7"))
    'post #7: one\n  two'
    """
    head, id, data = _parts(item)
    return f"{head}{id}: {data}"


def in_colour(console: Console, item: SSEEvent[str] | Comment) -> str:
    """The same text, with the codes for colour in this terminal."""
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
    return event.event or "message"  # the type that browsers give it


def _parts(item: SSEEvent[str] | Comment) -> tuple[str, str, str]:
    """Type, id and data; a comment has only the last."""
    if isinstance(item, Comment):
        return "", "", item.text
    id = "" if item.id is None else f" #{item.id}"
    return _type(item), id, str(item.data).replace("\n", "\n  ")
