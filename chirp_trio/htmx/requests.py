"""The headers of requests: what each kind of client sends when it asks for an event stream, and what htmx says in them."""

from collections.abc import Mapping
from typing import Literal, get_args
from urllib.parse import unquote

type RequestType = Literal["eventsource", "htmx4"]


def stream_headers(request_type: RequestType, page: str) -> Mapping[str, str]:
    """What a client of this kind sends when it asks for a stream.

    Args:
        request_type: `"eventsource"`: a browser's `EventSource` (WHATWG HTML, 9.2.2), which htmx 2 uses as well.
            `"htmx4"`: `fetch`, as htmx 4 calls it for an element with `hx-sse:connect`.
        page: The URL of the page that asks.

    Raises:
        ValueError: There is no such kind.
    """
    match request_type:
        case "eventsource":
            # `fetch` sends both for the cache mode "no-store"; old caches know only `Pragma` (WHATWG Fetch, 4.5).
            return {"Accept": "text/event-stream", "Cache-Control": "no-cache", "Pragma": "no-cache"}
        case "htmx4":
            return {
                "Accept": "text/html, text/event-stream",
                "HX-Request": "true",
                "HX-Request-Type": "partial",
                "HX-Source": "div",  # of an element: its tag, and # and its id, if it has one
                "HX-Target": "div",
                "HX-Current-URL": page,
            }
    allowed = " or ".join(map(repr, get_args(RequestType.__value__)))
    raise ValueError(f"request_type is {request_type!r}; it must be {allowed}")


def element_id(headers: Mapping[str, str], name: str) -> str | None:
    """The id of the element that a header of htmx's names; None if it names none.

    htmx 2 sends the id alone, htmx 4 the tag as well, such as `div#panel`.
    """
    identifier = headers.get(name) or None
    if identifier is None or "hx-source" not in headers:
        return identifier
    return unquote(identifier.partition("#")[2]) or None
