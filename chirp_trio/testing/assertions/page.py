"""What a page does with event streams: where it opens them, and what it listens for, as each generation of htmx reads it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from .html import Element

CONNECT_2, CONNECT_4 = "sse-connect", "hx-sse:connect"

_BRACKETS = re.compile(r"\[[^\]]*\]")


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
            for name in (element.get("sse-swap") or "").split(","):
                if name.strip():
                    yield Listener(name.strip(), "sse-swap", element)

    def triggers(self) -> Iterator[Listener]:
        """The names in `hx-trigger="sse:…"`, which is for htmx 2 alone."""
        for element in self._around():
            for name in trigger_names(element):
                if name.startswith("sse:"):
                    yield Listener(name[4:], "hx-trigger", element)

    def closers(self, *attributes: str) -> Iterator[Listener]:
        """The event at which it closes."""
        for attribute in attributes:
            if name := self.element.get(attribute):
                yield Listener(name, attribute, self.element)

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


def connection_of(element: Element) -> Element | None:
    """The closest element, itself included, that opens a stream."""
    return next((one for one in element.lineage() if one.get(CONNECT_2) or one.get(CONNECT_4)), None)


def strays(root: Element) -> Iterator[Listener]:
    """Elements that listen for events of a stream, and are in no element that opens one."""
    for element in root.descendants():
        if connection_of(element) is None:
            if name := element.get("sse-swap"):
                yield Listener(name, "sse-swap", element)
            for name in trigger_names(element):
                if name.startswith("sse:"):
                    yield Listener(name[4:], "hx-trigger", element)


def trigger_names(element: Element) -> list[str]:
    """The events in an element's `hx-trigger`, without their filters and modifiers."""
    specifications = _BRACKETS.sub("", element.get("hx-trigger") or "").split(",")
    return [words[0] for specification in specifications if (words := specification.split())]


def document_events(root: Element) -> set[str]:
    """The events that `hx-trigger` and `hx-on` listen for, wherever they come from."""
    found = set()
    for element in root.descendants():
        found.update(trigger_names(element))
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
