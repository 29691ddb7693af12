"""Fragments of event streams, rendered with an app's templates, for each generation of htmx."""

from ..htmx import for_event_source, for_htmx4
from ..stream.client import RawHeaders, is_htmx4_stream
from ..templates import Fragment, Templates
from ..wire import HTML, Render, Renderable


class FragmentRenderers:
    """Turns the fragments of event streams into text, for each generation of htmx. One pair for all streams of an app."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        # Kept, because each access to a bound method makes a new object, which every open stream would hold.
        self._event_source: Render = self._for_event_source
        self._htmx4: Render = self._for_htmx4

    def choose(self, headers: RawHeaders) -> Render:
        """The renderer for the client that sent these headers."""
        return self._htmx4 if is_htmx4_stream(headers) else self._event_source

    def prepare(self, data: Renderable) -> HTML:
        """The fragment, rendered with the values of this moment."""
        if isinstance(data, HTML):
            return data
        assert isinstance(data, Fragment)
        text = self._templates.render(data, data.block)
        return HTML(text, event=data.event, target=data.target, swap=data.swap)

    def _for_event_source(self, data: Renderable, event: str | None) -> tuple[str, str | None]:
        return for_event_source(self.prepare(data), event)

    def _for_htmx4(self, data: Renderable, event: str | None) -> tuple[str, str | None]:
        return for_htmx4(self.prepare(data), event)
