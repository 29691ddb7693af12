"""How each generation of htmx wants HTML in an event stream."""

import html
import re

from ..wire import HTML, Renderable

_PLAIN = re.compile(r"[^A-Za-z0-9_.:\- ]")


def for_event_source(data: Renderable, event: str | None) -> tuple[str, str | None]:
    """HTML for `EventSource`, that is, for htmx 2: the text as it is, and the name that it is sent under."""
    return _ready(data).__html__(), event


def for_htmx4(data: Renderable, event: str | None) -> tuple[str, str | None]:
    """HTML for htmx 4: the text, and no name.

    htmx 4 swaps messages without a name, and only dispatches those with one. So named HTML is sent without its name, in a
    wrapper that names the elements to swap into.
    """
    ready = _ready(data)
    if not event and ready.target is None:
        return ready.__html__(), None
    target = listeners(event or "") if ready.target is None else ready.target
    swap = "" if ready.swap is None else f' hx-swap="{attribute(ready.swap)}"'
    return f'<hx-partial hx-target="{attribute(target)}"{swap}>{ready.__html__()}</hx-partial>', None


def listeners(event: str) -> str:
    """A CSS selector for the elements whose `sse-swap` names this event, alone or in a comma-separated list.

    Example:
        >>> listeners("news")
        "[sse-swap~='news'],[sse-swap^='news,'],[sse-swap*=',news,'],[sse-swap*=' news,'],[sse-swap$=',news']"
    """
    # Characters that would end the string, or at which htmx would split, are written as CSS escapes.
    name = _PLAIN.sub(lambda found: f"\\{ord(found[0]):x} ", event)
    tests = (f"~='{name}'", f"^='{name},'", f"*=',{name},'", f"*=' {name},'", f"$=',{name}'")
    return ",".join(f"[sse-swap{test}]" for test in tests)


def attribute(value: str) -> str:
    """A text as the value of an attribute, between double quotes."""
    return html.escape(value, quote=False).replace('"', "&quot;")


def _ready(data: Renderable) -> HTML:
    if not isinstance(data, HTML):
        raise TypeError(f"a {type(data).__name__} cannot be sent before it is rendered, which takes an App with templates")
    return data
