"""What a client sees of an error: its status and a sentence; in debug mode, the traceback as well."""

import html
import json
import traceback

from ..errors import HTTPError, phrase
from .multi import Headers
from .response import HTML, JSON, Response

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  :root {{ color-scheme: light dark }}
  body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: {width}; margin: 12vh auto; padding: 0 1.25rem }}
  h1 {{ font-size: 1.5rem }}
  pre {{ overflow-x: auto; padding: 1rem; background: color-mix(in srgb, currentcolor 8%, transparent) }}
</style>
<h1>{title}</h1>
<p>{detail}</p>
{more}"""


def error_response(error: Exception, headers: Headers, *, is_fragment: bool, debug: bool) -> Response:
    """The response to a request that ended with this error.

    An `HTTPError` shows its detail. Anything else shows nothing of itself but in debug mode. A browser gets a page, htmx an
    element (`class="chirp-error"`), and who accepts JSON and no HTML an object.
    """
    status = error.status if isinstance(error, HTTPError) else 500
    detail = error.detail if isinstance(error, HTTPError) else "The server could not answer this request."
    further = error.headers if isinstance(error, HTTPError) else ()
    shown = debug and not isinstance(error, HTTPError)
    if shown:
        detail = f"{type(error).__name__}: {error}"
    trace = "".join(traceback.format_exception(error)) if shown else None

    accept = headers.get("accept", "")
    if "application/json" in accept and "text/html" not in accept:
        told = {"status": status, "error": detail} | ({"traceback": trace} if trace else {})
        return Response(json.dumps(told), status, further, JSON)
    more = f"<pre>{html.escape(trace)}</pre>\n" if trace else ""
    if is_fragment:
        body = f'<div class="chirp-error" data-status="{status}" role="alert">{html.escape(detail)}{more}</div>'
    else:
        title = f"{status} {phrase(status)}"
        body = _PAGE.format(
            title=html.escape(title), detail=html.escape(detail), more=more, width="70rem" if more else "34rem"
        )
    # A traceback may hold anything, even what UTF-8 cannot carry.
    return Response(body.encode("utf-8", "backslashreplace"), status, further, HTML)
