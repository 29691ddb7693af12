"""What the two generations of htmx say in a request, and how each wants a fragment in an event stream."""

import html
import re
from typing import override
from urllib.parse import unquote

from ..stream.client import is_htmx4_stream
from ..stream.items import Render
from ..templates import Fragment, Templates
from ..topics.published import Rendered
from ..wire import Renderable
from .multi import Headers

_PLAIN = re.compile(r"[^A-Za-z0-9_.:\- ]")


def element_id(headers: Headers, name: str) -> str | None:
    """The id of the element in a header of htmx's: htmx 2 sends the bare id, htmx 4 the tag as well, as `div#panel`."""
    identifier = headers.get(name) or None
    if identifier is None or "hx-source" not in headers:
        return identifier
    return unquote(identifier.partition("#")[2]) or None


class RenderedFragment(Rendered):
    """A fragment that has been rendered, and what htmx shall do with it."""

    __slots__ = ("event", "swap", "target", "text")

    def __init__(self, text: str, event: str | None, target: str | None, swap: str | None) -> None:
        self.text = text
        self.event = event
        self.target = target
        self.swap = swap

    @override
    def dump(self) -> list[str | None]:
        return [self.text, self.event, self.target, self.swap]


class FragmentRenderers:
    """Turns the fragments of event streams into text, for each generation of htmx. One pair for all streams of an app."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        # Kept, because a bound method that is asked for anew is another one for every open stream.
        self._event_source: Render = self._for_event_source
        self._htmx4: Render = self._for_htmx4

    def choose(self, headers: Headers) -> Render:
        """The one for the client that sent these headers."""
        return self._htmx4 if is_htmx4_stream(headers.raw) else self._event_source

    def prepare(self, data: Renderable) -> RenderedFragment:
        """The fragment with the text that it has now."""
        if isinstance(data, RenderedFragment):
            return data
        assert isinstance(data, Fragment)
        return RenderedFragment(self._templates.render(data, data.block), data.event, data.target, data.swap)

    @staticmethod
    def restore(dumped: list[str | None]) -> RenderedFragment:
        """The fragment that has told this of itself."""
        text, event, target, swap = dumped
        return RenderedFragment(text or "", event, target, swap)

    def _for_event_source(self, data: Renderable, event: str | None) -> tuple[str, str | None]:
        return self.prepare(data).text, event

    def _for_htmx4(self, data: Renderable, event: str | None) -> tuple[str, str | None]:
        # htmx 4 swaps unnamed messages and only dispatches named ones, so a named fragment goes out unnamed. What the
        # name was for, the choice of the elements to swap into, the wrapper does.
        fragment = self.prepare(data)
        if not event and fragment.target is None:
            return fragment.text, None
        target = listeners(event or "") if fragment.target is None else fragment.target
        swap = "" if fragment.swap is None else f' hx-swap="{_attribute(fragment.swap)}"'
        return f'<hx-partial hx-target="{_attribute(target)}"{swap}>{fragment.text}</hx-partial>', None


def listeners(event: str) -> str:
    """A CSS selector for the elements whose `sse-swap` names this event, alone or in a comma-separated list.

    Example:
        >>> listeners("news")
        "[sse-swap~='news'],[sse-swap^='news,'],[sse-swap*=',news,'],[sse-swap*=' news,'],[sse-swap$=',news']"
    """
    # As an escape of CSS, whatever could end the string or mean something to htmx's own splitting at commas.
    name = _PLAIN.sub(lambda found: f"\\{ord(found[0]):x} ", event)
    tests = (f"~='{name}'", f"^='{name},'", f"*=',{name},'", f"*=' {name},'", f"$=',{name}'")
    return ",".join(f"[sse-swap{test}]" for test in tests)


def _attribute(value: str) -> str:
    return html.escape(value, quote=False).replace('"', "&quot;")
