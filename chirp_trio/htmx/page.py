"""A page as htmx reads it: the event streams that it opens, and the events that it listens for.

A function of HTML text. The text may be that of a template: what the template computes is a hole in it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..markup import BEGIN, END, HOLE, Element, parse_html
from .attributes import CONNECT_2, CONNECT_4, events_in, trigger_names

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
        element: The element with the attribute, or the script.
    """

    url: str
    attribute: str
    position: int
    element: Element = field(repr=False, compare=False)

    @property
    def is_for_htmx2(self) -> bool:
        """Whether htmx 2 opens it as well: htmx 4 takes the attributes of both."""
        return self.element.get(CONNECT_2) is not None

    @property
    def has_extension(self) -> bool:
        """Whether htmx 2 has been told to load the extension here."""
        names = (name for element in self.element.lineage() for name in (element.get("hx-ext") or "").split(","))
        return "sse" in {name.strip() for name in names}


@dataclass(frozen=True, slots=True)
class Listener:
    """An element that waits for an event.

    Attributes:
        event: The event's name.
        attribute: The attribute that names it, as it is written.
        position: Where that stands, as an index into the text.
        element: The element.
        connection: The closest connection around it, or of the element itself; None if there is none.
    """

    event: str
    attribute: str
    position: int
    element: Element = field(repr=False, compare=False)
    connection: Connection | None

    @property
    def kind(self) -> str:
        """The attribute, without `data-`."""
        return self.attribute.removeprefix("data-")

    def __str__(self) -> str:
        return f"{self.kind} of {self.element}, line {self.element.line}"


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a page asks for.

    Attributes:
        root: The page, as a tree.
        connections: The event streams that its attributes open.
        event_sources: The event streams that its scripts open, where that is written out.
        requests: The other URLs that htmx sends requests to. htmx 4 takes an event stream for an answer.
        listeners: The events that it listens for.
    """

    root: Element
    connections: Sequence[Connection]
    event_sources: Sequence[Connection]
    requests: Sequence[Connection]
    listeners: Sequence[Listener]

    def listeners_of(self, connection: Connection, kind: str) -> list[Listener]:
        """The listeners of one kind for which this is the closest connection."""
        return [
            listener
            for listener in self.listeners
            if listener.kind == kind and listener.connection is not None and listener.connection.element is connection.element
        ]

    def dispatched_events(self) -> set[str]:
        """The events that `hx-trigger` and `hx-on` listen for, wherever these events come from."""
        found = set()
        for element in self.root.descendants():
            found.update(trigger_names(element.get("hx-trigger") or ""))
            for name in element.attributes:
                _, is_handler, event = name.removeprefix("data-").partition("hx-on:")
                if is_handler:
                    found.add(event)
        return found

    def scripts(self) -> str:
        """The text of the scripts that are written in the page itself."""
        return "\n".join(_text(element) for element in self.root.descendants() if element.tag == "script")


def read_page(text: str) -> Wiring:
    """What a page, or a piece of one, asks for. Never raises: HTML has no errors.

    Example:
        >>> wiring = read_page('<main sse-connect="/live"><p sse-swap="news, weather"></p></main>')
        >>> wiring.connections
        [Connection(url='/live', attribute='sse-connect', position=6)]
        >>> [(listener.event, listener.connection.url) for listener in wiring.listeners]
        [('news', '/live'), ('weather', '/live')]
    """
    root = parse_html(text)
    connections: list[Connection] = []
    event_sources: list[Connection] = []
    requests: list[Connection] = []
    listeners: list[Listener] = []
    own: dict[Element, list[Connection] | None] = {}  # what an element's attributes connect to; None if that is not known
    for element in root.descendants():
        written = [(name, name.removeprefix("data-"), _settle(value)) for name, value in _attributes(element)]
        found = _asked(element, written, (CONNECT_2, CONNECT_4))
        # A template may compute the attributes, and so the connection.
        own[element] = None if any(HOLE in name for name, _, _ in written) else found
        connections += found
        requests += _asked(element, written, _REQUEST)
        for name, plain, value in written:
            events = [event for event in events_in(plain, value) if HOLE not in event]  # what is computed is left out
            if events:
                place, around = _place(element, name), _around(element, own)
                listeners += [Listener(event, name, place, element, around) for event in events]
        if element.tag == "script" and element.attributes.get("type", "") in _SCRIPTS:
            event_sources += _opened_by(element)
    return Wiring(root, connections, event_sources, requests, listeners)


def _attributes(element: Element) -> Sequence[tuple[str, str]]:
    """The attributes that htmx sees: the first of two with the same name, and `data-…` only where the plain name is missing.

    Where a template decides which of them are there, all are returned.
    """
    if BEGIN in element.source or HOLE in element.source:
        return element.written
    there = element.attributes
    return [(name, value) for name, value in there.items() if not name.startswith("data-") or name[5:] not in there]


def _asked(element: Element, written: Sequence[tuple[str, str, str]], names: Sequence[str]) -> list[Connection]:
    return [Connection(url, name, _place(element, name), element) for name, plain, url in written if plain in names and url]


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
    # As long as before, so that positions stay what they are.
    text = _JS_COMMENT.sub(lambda comment: " " * len(comment[0]), _text(script))
    begin = script.position + len(script.source)
    for found in _EVENT_SOURCE.finditer(text):
        yield Connection(_settle(found[2]), "new EventSource", begin + found.start(), script)


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


def _text(script: Element) -> str:
    return "".join(map(str, script.children))
