"""What a page's markup asks for: the event streams that it opens, and the events that it listens for.

A pure function of HTML text, for templates as well: what they compute is a hole in it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .htmx import CONNECT_2, CONNECT_4, events_in
from .tree import BEGIN, END, HOLE, Element, parse_html

_CONNECT = (CONNECT_2, CONNECT_4)
_REQUEST = ("hx-get", "hx-post", "hx-put", "hx-patch", "hx-delete")
_SCRIPTS = frozenset({"", "module", "text/javascript", "application/javascript"})

_MARK = re.compile(f"([{BEGIN}{END}])")
_JS_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|(?<!:)//[^\n]*", re.DOTALL)
_EVENT_SOURCE = re.compile(r"""\bnew\s+EventSource\(\s*(["'`])([^"'`\\$\n]*)\1\s*[,)]""")


@dataclass(frozen=True, slots=True)
class Connection:
    """A place that asks a URL for events.

    Attributes:
        url: The URL, as it is written.
        attribute: What asks: the attribute's name, or `new EventSource`.
        position: Where that stands, as an index into the text.
    """

    url: str
    attribute: str
    position: int


@dataclass(frozen=True, slots=True)
class Listener:
    """An element that waits for an event.

    Attributes:
        event: The event's name.
        attribute: The name of the attribute that names it.
        position: Where that stands, as an index into the text.
        connection: The closest connection around it, its own element's included; None if there is none.
    """

    event: str
    attribute: str
    position: int
    connection: Connection | None


@dataclass(frozen=True, slots=True)
class Markup:
    """What a text asks for.

    Attributes:
        connections: The event streams that it opens.
        requests: Where else htmx sends requests to. htmx 4 takes an event stream for an answer.
        listeners: The events that it listens for.
    """

    connections: Sequence[Connection]
    requests: Sequence[Connection]
    listeners: Sequence[Listener]


def read_markup(text: str) -> Markup:
    """What the HTML asks for. Never raises: HTML has no errors.

    Example:
        >>> markup = read_markup('<main sse-connect="/live"><p sse-swap="news, weather"></p></main>')
        >>> markup.connections
        [Connection(url='/live', attribute='sse-connect', position=6)]
        >>> [(listener.event, listener.connection.url) for listener in markup.listeners]
        [('news', '/live'), ('weather', '/live')]
    """
    connections: list[Connection] = []
    requests: list[Connection] = []
    listeners: list[Listener] = []
    own: dict[Element, list[Connection] | None] = {}  # what an element's attributes connect to; None if nobody knows
    for element in parse_html(text).descendants():
        written = [(name, _plain(name), _settle(value)) for name, value in element.written]
        found = [Connection(url, name, _place(element, name)) for name, plain, url in written if plain in _CONNECT and url]
        # A template may compute the attributes, and so the connection.
        own[element] = None if any(HOLE in name for name, _, _ in written) else found
        connections += found
        requests += [Connection(url, name, _place(element, name)) for name, plain, url in written if plain in _REQUEST]
        for name, plain, value in written:
            events = [event for event in events_in(plain, value) if HOLE not in event]  # what is computed is left out
            if events:
                around = _around(element, own)
                listeners += [Listener(event, name, _place(element, name), around) for event in events]
        if element.tag == "script" and element.attributes.get("type", "") in _SCRIPTS:
            connections += _opened_by(element)
    return Markup(connections, requests, listeners)


def _around(element: Element, own: dict[Element, list[Connection] | None]) -> Connection | None:
    """The closest connection of an element or around it, if there is one for certain."""
    for one in element.lineage():
        found = own[one]
        if found is None:
            return None
        if found:
            return found[0]
    return None


def _opened_by(script: Element) -> Iterator[Connection]:
    """The connections that a script opens."""
    text = "".join(map(str, script.children))
    # As long as before, so that positions stay what they are.
    text = _JS_COMMENT.sub(lambda comment: " " * len(comment[0]), text)
    begin = script.position + len(script.source)
    for found in _EVENT_SOURCE.finditer(text):
        yield Connection(_settle(found[2]), "new EventSource", begin + found.start())


def _place(element: Element, attribute: str) -> int:
    """Where an attribute of an element stands: a tag may have many lines."""
    found = re.search(rf"(?<![\w:-]){re.escape(attribute)}\s*=", element.source, re.IGNORECASE)
    return element.position + (found.start() if found else 0)


def _settle(value: str) -> str:
    """An attribute's value, with a hole in place of all that may be there or not."""
    settled: list[str] = []
    depth = 0
    for part in _MARK.split(value):
        if part == BEGIN:
            depth += 1
        elif part == END:
            depth -= 1
            if depth == 0:
                settled.append(HOLE)
        elif depth == 0:
            settled.append(part)
        if depth < 0:
            break
    return "".join(settled) if depth == 0 else HOLE


def _plain(name: str) -> str:
    return name.removeprefix("data-")
