"""What a page's markup asks for: the event streams that it opens, and the events that it listens for.

A pure function of HTML text. The attributes are those that the `sse` extensions of both generations of htmx read.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import accumulate

# In the text of a template: something that is computed; the begin and the end of what may be there, once, often or never.
HOLE, BEGIN, END = "\U000f0000", "\U000f0001", "\U000f0002"

_CONNECT = ("sse-connect", "hx-sse:connect")
_CLOSE = ("sse-close", "hx-sse:close")
_REQUEST = ("hx-get", "hx-post", "hx-put", "hx-patch", "hx-delete")
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())  # noqa: SIM905
_SCRIPTS = frozenset({"", "module", "text/javascript", "application/javascript"})

_MARKS = str.maketrans("", "", BEGIN + END)
_INNERMOST = re.compile(f"{BEGIN}[^{BEGIN}{END}]*{END}")
_EVENT_TRIGGER = re.compile(r"(?:^|,)\s*sse:([^\s,\[]+)")
_JS_COMMENT = re.compile(r"/\*.*?\*/|(?<!:)//[^\n]*", re.DOTALL)
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
    reader = _Reader(text)
    reader.feed(text)
    reader.close()
    return Markup(reader.connections, reader.requests, reader.listeners)


class _Reader(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self._lines = list(
            accumulate((len(line) for line in text.split("\n")), lambda end, length: end + length + 1, initial=0)
        )
        # The elements that are open: the tag, and what its own attributes connect to. None for an element whose attributes
        # a template computes: nobody knows whether it connects.
        self._open: list[tuple[str, Sequence[Connection] | None]] = []
        self._script: list[str] | None = None
        self._script_begins = 0
        self.connections: list[Connection] = []
        self.requests: list[Connection] = []
        self.listeners: list[Listener] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        tag = tag.translate(_MARKS)
        written = [(name.translate(_MARKS), _settle(value or "")) for name, value in attrs]
        own = [self._connection(name, url) for name, url in written if _plain(name) in _CONNECT and url]
        self.connections += own
        self.requests += [self._connection(name, url) for name, url in written if _plain(name) in _REQUEST]
        self._open.append((tag, None if any(HOLE in name for name, _ in written) else own))
        around = self._around()
        for name, value in written:
            for event in _events(_plain(name), value):
                self.listeners.append(Listener(event, name, self._place(name), around))
        if tag in _VOID:
            self._open.pop()
        if tag == "script" and dict(written).get("type", "") in _SCRIPTS:
            self._script, self._script_begins = [], self._offset() + len(self.get_starttag_text() or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        tag = tag.translate(_MARKS)
        if tag == "script":
            self._finish_script()
        if any(tag == other for other, _ in self._open):
            while self._open.pop()[0] != tag:  # what is inside, and has no end tag of its own
                pass

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self._script.append(data)

    def _finish_script(self) -> None:
        script, self._script = "".join(self._script or ()), None
        # As long as before, so that positions stay what they are.
        script = _JS_COMMENT.sub(lambda comment: " " * len(comment[0]), script)
        for found in _EVENT_SOURCE.finditer(script):
            self.connections.append(Connection(_settle(found[2]), "new EventSource", self._script_begins + found.start()))

    def _connection(self, attribute: str, url: str) -> Connection:
        return Connection(url, attribute, self._place(attribute))

    def _around(self) -> Connection | None:
        for _, own in reversed(self._open):
            if own is None:
                return None
            if own:
                return own[0]
        return None

    def _offset(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def _place(self, attribute: str) -> int:
        """Where an attribute of the tag that is being read stands: a tag may have many lines."""
        found = re.search(rf"(?<![\w:-]){re.escape(attribute)}\s*=", self.get_starttag_text() or "", re.IGNORECASE)
        return self._offset() + (found.start() if found else 0)


def _settle(value: str) -> str:
    """An attribute's value, with a hole in place of all that may be there or not."""
    while (settled := _INNERMOST.sub(HOLE, value)) != value:
        value = settled
    return HOLE if BEGIN in value or END in value else value


def _plain(name: str) -> str:
    return name.removeprefix("data-")


def _events(attribute: str, value: str) -> Iterator[str]:
    """The names that an attribute listens for. What is computed is left out."""
    names: Iterable[str] = ()
    if attribute == "sse-swap":
        names = (name.strip() for name in value.split(","))
    elif attribute == "hx-trigger":
        names = (found[1] for found in _EVENT_TRIGGER.finditer(value))
    elif attribute in _CLOSE:
        names = (value,)
    return (name for name in names if name and HOLE not in name)
