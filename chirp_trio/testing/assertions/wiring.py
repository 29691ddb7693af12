"""`assert_sse_wired`: whether a page and its event stream fit together, for either generation of htmx."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from types import NoneType
from typing import Literal
from urllib.parse import urlsplit

import httpx

from ...arguments import check_type
from ...htmx.page import Connection, Listener, Wiring, read_page
from ...markup import Element, parse_html
from ...wire import SSEEvent
from ..result import SSEResult
from ..sse import SSEStream
from .closing import ERROR
from .fragments import html_of
from .messages import cut, did_you_mean
from .selectors import Selector, UnknownSelector

_OURS = "chirp:"  # the beginning of the names of the library's own events
_MESSAGE = "message"  # the name that browsers give to an event without one
_PARTIAL = "hx-partial"
_WAITING = ("sse-swap", "hx-trigger")  # the attributes that name events, except those that close a stream

# The first words of targets that are no CSS selectors, but htmx's own.
_OF_HTMX = frozenset({
    "body", "closest", "document", "find", "findAll", "global", "host", "next", "nextElementSibling", "previous",
    "previousElementSibling", "root", "this", "window",
})  # fmt: skip


def assert_sse_wired(
    page: httpx.Response | str,
    stream: SSEResult | SSEStream | Iterable[SSEEvent],
    *,
    htmx: Literal[2, 4] | None = None,
    connect: str | None = None,
    ignore: Collection[str] = (),
    strict: bool = True,
) -> None:
    """Assert that a page listens for what a stream sends, and that the stream sends what the page listens for.

    With htmx 2, a page listens for names of events: in `sse-swap`, in `hx-trigger="sse:…"` and in `sse-close`. With htmx 4,
    fragments have targets, which must be in the page, and events with names are dispatched in it.

    Args:
        page: The page, as a response or as text.
        stream: What the stream has sent: the result of `client.sse()`, a stream of `client.stream_sse()`, or events.
        htmx: The generation of htmx that has asked for the stream, 2 or 4; default: 4 if a fragment came in an
            `<hx-partial>`, or the page has `hx-sse:connect` only; otherwise 2.
        connect: The URL of the stream in the page, with or without its query; needed if the page opens several.
        ignore: Names of events that this test ignores: the page may listen for them in vain, and they may come although the
            page does not listen. `chirp:error` is an error unless it is one of them; default: none.
        strict: Whether it fails for events for which the page does not listen; default True. A script that has an event's
            name as a string counts as a listener. A `chirp:gap` may come or not.

    Raises:
        AssertionError: Page and stream do not fit, the stream told of an error, or the page is a response with a status from
            400 on. The message has a line for each problem.

    Example:
        >>> page = '<main hx-ext="sse" sse-connect="/live"><p sse-swap="news"></p></main>'
        >>> assert_sse_wired(page, [SSEEvent("Rain", event="news")])
    """
    check_type("htmx", htmx, (int, NoneType), "2, 4 or None")
    check_type("connect", connect, (str, NoneType), "a URL, or None")
    check_type("strict", strict, bool, "True or False")
    check_type("ignore", ignore, Iterable, "names of events")
    if htmx not in {None, 2, 4}:
        raise ValueError(f"htmx is {htmx!r}; it must be 2, 4 or None")
    wiring = read_page(html_of("page", page))
    events = _events(stream)
    connection = _choose(wiring, connect)
    if htmx is None:
        is_htmx4 = not connection.is_for_htmx2 or any(f"<{_PARTIAL}" in str(event.data) for event in events)
        htmx = 4 if is_htmx4 else 2
    # Only a stream that was completed must have sent the event at which the page closes it.
    is_complete = isinstance(stream, SSEResult) and stream.ended == "completed"
    check = _Htmx2 if htmx == 2 else _Htmx4
    problems = [
        f"the stream told of an error, in event {number} of {len(events)}: {cut(str(event.data))}; the log has more of it"
        for number, event in enumerate(events, 1)
        if event.event == ERROR and ERROR not in ignore
    ]
    problems += check(wiring, connection, events, {*ignore}, is_complete=is_complete).problems(strict=strict)
    if problems:
        lines = "".join(f"\n- {problem}" for problem in problems)
        raise AssertionError(f"the page and the stream of {connection.url} do not fit together for htmx {htmx}:{lines}")


def _events(stream: object) -> Sequence[SSEEvent]:
    if isinstance(stream, SSEResult | SSEStream):
        if stream.ended == "refused":
            text = f": {cut(stream.text)}" if isinstance(stream, SSEResult) else ""
            raise AssertionError(f"the response was no event stream: status {stream.status}{text}")
        return stream.events
    events = list(stream) if isinstance(stream, Iterable) and not isinstance(stream, str) else None
    if events is None or not all(isinstance(event, SSEEvent) for event in events):
        raise TypeError(f"stream is {cut(repr(stream))}; it must be an SSEResult, an SSEStream, or several SSEEvents")
    return events


def _choose(wiring: Wiring, connect: str | None) -> Connection:
    found = wiring.connections
    if not found:
        raise AssertionError("the page opens no event stream: no element has sse-connect or hx-sse:connect, with a URL")
    urls = dict.fromkeys(connection.url for connection in found)
    if connect is None:
        if len(urls) > 1:
            raise AssertionError(
                f"the page opens several event streams, {', '.join(map(repr, urls))}: connect must say which of them it is"
            )
        return found[0]
    for connection in found:
        if connect in {connection.url, urlsplit(connection.url).path}:
            return connection
    raise AssertionError(
        f"the page opens no event stream {connect!r}; those that it opens: {', '.join(map(repr, urls))}"
        + did_you_mean(connect, urls)
    )


class _Check(ABC):
    """The check of a page and a stream; there is a subclass for each generation of htmx."""

    def __init__(
        self, wiring: Wiring, connection: Connection, events: Sequence[SSEEvent], ignored: set[str], *, is_complete: bool
    ) -> None:
        self.wiring = wiring
        self.connection = connection
        self.events = events
        self.ignored = ignored
        self.is_complete = is_complete
        self.sent = Counter(event.event or _MESSAGE for event in events)

    @abstractmethod
    def problems(self, *, strict: bool) -> Iterator[str]:
        """A sentence for each problem; with `strict`, also for events for which the page does not listen."""

    def is_ignored(self, name: str) -> bool:
        return name in self.ignored or name.startswith(_OURS)

    def missing(self, listeners: Iterable[Listener]) -> Iterator[str]:
        """A sentence for each event that the page listens for, and that has not come."""
        for listener in listeners:
            if listener.event not in self.sent and not self.is_ignored(listener.event):
                yield self.describe_missing(listener, f"the stream sent {self.told_sent()}", self.sent)

    def listeners(self, kind: str) -> list[Listener]:
        return self.wiring.listeners_of(self.connection, kind)

    def closers(self, *kinds: str) -> list[Listener]:
        """The events at which the connection closes: only its own element may name them."""
        listeners = (listener for kind in kinds for listener in self.listeners(kind))
        return [listener for listener in listeners if listener.element is self.connection.element]

    def describe_missing(self, listener: Listener, instead: str, existing: Iterable[str]) -> str:
        return f"the page waits for {listener.event!r} ({listener}), and {instead}{did_you_mean(listener.event, existing)}"

    def told_sent(self) -> str:
        return cut(", ".join(f"{name!r} ({count})" for name, count in self.sent.items())) or "no event at all"

    def unheard(self, heard: set[str], where: str) -> Iterator[str]:
        """A sentence for each event that has come, and for which the page does not listen."""
        written = self.wiring.scripts()
        for name, count in self.sent.items():
            if name in heard or self.is_ignored(name) or any(f"{quote}{name}{quote}" in written for quote in "'\"`"):
                continue
            yield f"the stream sent {name!r} ({count}), and nobody listens: {where}{did_you_mean(name, heard)}"


class _Htmx2(_Check):
    """Events have names, and elements around a connection, or in it, listen for them."""

    def problems(self, *, strict: bool) -> Iterator[str]:
        connection = self.connection
        if not connection.is_for_htmx2:
            yield f"htmx 2 does not know hx-sse:connect, in {connection.element}; it wants sse-connect"
        elif not connection.has_extension:
            yield f'{connection.element} has no hx-ext="sse", and is in no element that has, so htmx 2 leaves it alone'
        for stray in self.wiring.listeners:
            if stray.connection is None and stray.kind in _WAITING:
                yield f"the page waits for {stray.event!r} ({stray}) outside of every element that opens a stream"
        listeners = [listener for kind in _WAITING for listener in self.listeners(kind)]
        closers = self.closers("sse-close")
        yield from self.missing([*listeners, *closers] if self.is_complete else listeners)
        if strict:
            heard = {listener.event for listener in (*listeners, *closers)}
            where = f"the page waits for {', '.join(map(repr, sorted(heard))) or 'no event at all'}"
            if _MESSAGE in self.sent:
                where += ", and what has no name is 'message' there"
            yield from self.unheard(heard, where)


class _Htmx4(_Check):
    """Fragments have targets; one without goes into the connection's element. An event with a name is dispatched there."""

    def problems(self, *, strict: bool) -> Iterator[str]:
        targets: dict[str, int] = {}  # each with the number of the first event that goes there
        for number, event in enumerate(self.events, 1):
            for target in _targets(event):
                targets.setdefault(target, number)
        selectors, unknown = [], False
        for target, number in targets.items():
            selector = _selector(target)
            if selector is None:
                unknown = True
                continue
            selectors.append(selector)
            if not selector.find_all(self.wiring.root):
                yield f"event {number} goes to {_shown(target)!r}, and nothing in the page is that{self._hint(target)}"
        if not unknown:
            for swap in self.listeners("sse-swap"):
                if not (self.is_ignored(swap.event) or _is_target(swap, selectors) or self._is_default(swap)):
                    places = cut(", ".join(repr(_shown(target)) for target in targets)) or "nothing"
                    yield self.describe_missing(swap, f"no fragment goes there; those that came go to {places}", ())
        closers = self.closers("hx-sse:close", "sse-close")
        if self.is_complete:
            yield from self.missing(closers)
        if strict:
            heard = {_MESSAGE, *(closer.event for closer in closers)} | self.wiring.dispatched_events()
            yield from self.unheard(heard, "htmx 4 dispatches what has a name, and swaps only fragments")

    def _is_default(self, swap: Listener) -> bool:
        """Whether fragments without a name and a target go here, and one has come."""
        is_there = swap.element is self.connection.element and swap.event == _MESSAGE
        return is_there and any(not event.event and not _targets(event) for event in self.events)

    def _hint(self, target: str) -> str:
        ids = [f"#{element.attributes['id']}" for element in self.wiring.root.descendants() if "id" in element.attributes]
        names = [f"[sse-swap~='{swap.event}']" for swap in self.listeners("sse-swap")]
        return did_you_mean(_shown(target), [*ids, *names])


def _targets(event: SSEEvent) -> list[str]:
    """The targets of the fragments in an event."""
    if event.event or f"<{_PARTIAL}" not in str(event.data):
        return []
    partials = [element for element in parse_html(str(event.data)).descendants() if element.tag == _PARTIAL]
    targets = [partial.get("hx-target") or f"#{partial.attributes.get('id', '')}" for partial in partials]
    return [target for target in targets if target.strip() not in {"", "#"}]


def _selector(target: str) -> Selector | None:
    """The target as a selector; None if it is none, but htmx's own language."""
    if target.split()[0] in _OF_HTMX:
        return None
    try:
        return Selector(target)
    except UnknownSelector:
        return None


def _shown(target: str) -> str:
    """A target for a message. Of the long selector for the listeners of an event, the first part is enough."""
    return target.partition(",")[0] if target.startswith("[sse-swap~=") else target


def _is_target(swap: Listener, selectors: Iterable[Selector]) -> bool:
    """Whether a fragment goes to this element, if it listened for this event only."""
    attributes = {**swap.element.attributes, "sse-swap": swap.event}
    alone = Element(swap.element.tag, attributes, swap.element.parent)
    return any(selector.matches(alone) for selector in selectors)
