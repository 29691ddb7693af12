"""What htmx means, in both of its generations: its requests, how each wants HTML in a stream, and what a page says to it.

`page.py` reads pages, for `chirp-trio check` and for `assert_sse_wired()`. It is not imported here, because serving an app
needs no reader of HTML.
"""

from .dialects import attribute, for_event_source, for_htmx4, listeners
from .requests import RequestType, element_id, stream_headers

__all__ = ["RequestType", "attribute", "element_id", "for_event_source", "for_htmx4", "listeners", "stream_headers"]
