"""What a model writes as HTML: a safe part of Markdown, of paragraphs, headings, lists, code, and strong words."""

import re
from collections.abc import Iterator
from html import escape
from itertools import groupby

from chirp_trio import HTML

FENCE = re.compile(r"^```.*?(?:^```[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)  # one that is not closed goes to the end
STARTS = {"ul": re.compile(r"[-*] +"), "ol": re.compile(r"\d{1,9}[.)] +"), "h3": re.compile(r"#{1,6} +")}


def markdown(text: str) -> HTML:
    """The text as HTML. All of it is escaped before anything is made of it, so every tag there is comes from here."""
    return HTML("\n".join(_blocks(escape(text))))


def _blocks(text: str) -> Iterator[str]:
    end = 0
    for fence in FENCE.finditer(text):
        yield from _prose(text[end : fence.start()])
        code = fence[0].partition("\n")[2].removesuffix("```").rstrip()
        yield f"<pre><code>{code}</code></pre>"
        end = fence.end()
    yield from _prose(text[end:])


def _prose(text: str) -> Iterator[str]:
    for kind, group in groupby(text.splitlines(), _kind):
        lines = [_inline(STARTS[kind].sub("", line, count=1) if kind in STARTS else line) for line in group]
        match kind:
            case "ul" | "ol":
                yield f"<{kind}>{''.join(f'<li>{line}</li>' for line in lines)}</{kind}>"
            case "h3":
                yield from (f"<h3>{line}</h3>" for line in lines)
            case "p":
                yield f"<p>{'<br>'.join(lines)}</p>"


def _kind(line: str) -> str:
    """The element that a line belongs to; empty for none."""
    for kind, start in STARTS.items():
        if start.match(line):
            return kind
    return "p" if line.strip() else ""


def _inline(text: str) -> str:
    pieces = re.split(r"`([^`]+)`", text)  # every other one is code
    return "".join(
        f"<code>{piece}</code>" if number % 2 else re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", piece)
        for number, piece in enumerate(pieces)
    )
