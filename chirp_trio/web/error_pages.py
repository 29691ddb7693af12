"""Error pages: the status, a sentence, and a reference to the log; in debug mode, all of the error."""

import html
import json
from collections.abc import Sequence

from ..errors import HTTPError, phrase
from .request import Request
from .response import HTML, JSON, Response
from .routing import Route

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  :root {{ color-scheme: light dark; --faint: color-mix(in srgb, currentcolor 8%, transparent) }}
  body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: {width}; margin: {top} auto; padding: 0 1.25rem;
    overflow-wrap: anywhere }}
  h1 {{ font-size: 1.5rem }}
  h2 {{ font-size: 1.1rem; margin: 2rem 0 .5rem }}
  pre {{ overflow-x: auto; padding: .75rem 1rem; margin: .25rem 0 1rem; border-radius: .4rem; background: var(--faint);
    font-size: .85rem; overflow-wrap: normal }}
  mark {{ display: block; margin: 0 -1rem; padding: 0 1rem; color: inherit;
    background: color-mix(in srgb, #e5484d 28%, transparent) }}
  summary {{ cursor: pointer }}
  table {{ border-collapse: collapse; width: 100% }}
  th, td {{ text-align: left; vertical-align: top; font-weight: normal; padding: .2rem 1rem .2rem 0;
    border-top: 1px solid var(--faint) }}
  th {{ width: 9rem }}
  th, .reference {{ opacity: .75 }}
</style>
<h1>{title}</h1>
<p>{detail}</p>
{more}"""


def error_response(error: Exception, request: Request, *, reference: str | None, routes: Sequence[Route] | None) -> Response:
    """The response to a request that ended with this error.

    An `HTTPError` shows its detail. Anything else shows nothing of itself but in debug mode. A browser gets a page, htmx an
    element (`class="chirp-error"`), and who accepts JSON and no HTML an object.

    Args:
        error: The error.
        request: The request.
        reference: What finds the error in the log; None where it is not there.
        routes: The app's routes, where the client may be shown everything: debug mode.
    """
    status = error.status if isinstance(error, HTTPError) else 500
    detail = error.detail if isinstance(error, HTTPError) else "The server could not answer this request."
    further = error.headers if isinstance(error, HTTPError) else ()
    trace, more = None, ""
    if routes is not None:
        from . import debug_page  # it needs what nothing else does

        more = debug_page.details(error, request, routes)
        if not isinstance(error, HTTPError):
            detail, trace = debug_page.describe(error), debug_page.traceback_of(error)
    title = f"{status} {phrase(status)}"

    accept = request.headers.get("accept", "")
    if "application/json" in accept and "text/html" not in accept:
        told = {"status": status, "error": detail}
        told |= {"reference": reference} if reference is not None else {}
        told |= {"traceback": trace} if trace is not None else {}
        return Response(json.dumps(told), status, further, JSON)
    told_reference = f'<p class="reference">Reference: {reference}</p>\n' if reference is not None else ""
    if request.is_fragment:
        more = f"<pre>{html.escape(trace)}</pre>\n" if trace is not None else ""
        body = (
            f'<div class="chirp-error" data-status="{status}" role="alert">{html.escape(detail)}{told_reference}{more}</div>'
        )
    else:
        body = _PAGE.format(
            title=html.escape(title),
            detail=html.escape(detail),
            more=told_reference + more,
            width="70rem" if more else "34rem",
            top="4vh" if more else "12vh",
        )
    # A traceback may hold anything, even what UTF-8 cannot carry.
    return Response(body.encode("utf-8", "backslashreplace"), status, further, HTML)
