"""What a page does with event streams: where it opens them, and what it listens for, as each generation of htmx reads it."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from ...markup import CONNECT_2, CONNECT_4, Element, connection_of, events_in, trigger_names


@dataclass(frozen=True, slots=True)
class Listener:
    """An element that listens for an event.

    Attributes:
        event: The event's name.
        attribute: Which attribute names it.
        element: The element.
    """

    event: str
    attribute: str
    element: Element

    def __str__(self) -> str:
        return f"{self.attribute} of {self.element}, line {self.element.line}"


@dataclass(frozen=True, slots=True)
class Connection:
    """An element of a page that opens an event stream.

    Attributes:
        element: The element.
        url: Where the stream is.
        root: The page.
    """

    element: Element
    url: str
    root: Element

    @property
    def is_for_htmx2(self) -> bool:
        """Whether htmx 2 opens it as well: htmx 4 takes the attributes of both."""
        return self.element.get(CONNECT_2) is not None

    @property
    def has_extension(self) -> bool:
        """Whether htmx 2 has been told to load the extension here."""
        names = (name for element in self.element.lineage() for name in (element.get("hx-ext") or "").split(","))
        return "sse" in {name.strip() for name in names}

    def swaps(self) -> Iterator[Listener]:
        """The names in `sse-swap`."""
        for element in self._around():
            yield from _listeners(element, "sse-swap")

    def triggers(self) -> Iterator[Listener]:
        """The names in `hx-trigger="sse:…"`, which is for htmx 2 alone."""
        for element in self._around():
            yield from _listeners(element, "hx-trigger")

    def closers(self, *attributes: str) -> Iterator[Listener]:
        """The event at which it closes."""
        for attribute in attributes:
            yield from _listeners(self.element, attribute)

    def _around(self) -> Iterator[Element]:
        """The elements whose closest connection this is."""
        for element in self.root.descendants():
            if connection_of(element) is self.element:
                yield element


def connections(root: Element) -> list[Connection]:
    """The connections that a page opens."""
    found = []
    for element in root.descendants():
        url = element.get(CONNECT_2) or element.get(CONNECT_4)
        if url:
            found.append(Connection(element, url, root))
    return found


def strays(root: Element) -> Iterator[Listener]:
    """Elements that listen for events of a stream, and are in no element that opens one."""
    for element in root.descendants():
        if connection_of(element) is None:
            yield from _listeners(element, "sse-swap")
            yield from _listeners(element, "hx-trigger")


def _listeners(element: Element, attribute: str) -> Iterator[Listener]:
    return (Listener(name, attribute, element) for name in events_in(attribute, element.get(attribute) or ""))


def document_events(root: Element) -> set[str]:
    """The events that `hx-trigger` and `hx-on` listen for, wherever they come from."""
    found = set()
    for element in root.descendants():
        found.update(trigger_names(element.get("hx-trigger") or ""))
        for name in element.attributes:
            _, is_handler, event = name.removeprefix("data-").partition("hx-on:")
            if is_handler:
                found.add(event)
    return found


def scripts(root: Element) -> str:
    """The scripts that are written in the page itself."""
    return "\n".join("".join(map(str, element.children)) for element in root.descendants() if element.tag == "script")


def is_same_url(wanted: str, url: str) -> bool:
    """Whether this is the URL that is meant: as it is written, or without its query."""
    return wanted == url or wanted == urlsplit(url).path
