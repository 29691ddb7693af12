"""`chirp-trio routes`: list the routes of an app."""

import inspect
import os

import click

from ..errors import ConfigurationError
from ..logs import harmless
from .options import Command, app_argument, env_file_option


@click.command(cls=Command, help="List the routes of an app: methods, path, and what answers it.", short_help="List routes.")
@app_argument
@env_file_option
def command(app: str | None) -> int:
    """List the routes of an app."""
    from ..web import App, outline_of
    from ..web.handlers import handler_name
    from .find import find
    from .load import article

    found, name = find(app, is_checked=False)
    if not isinstance(found, App):
        raise ConfigurationError(f"{name} is {article(found)}; only the routes of a chirp_trio.App can be listed")
    outline = outline_of(found)
    rows = [
        (" ".join(sorted(route.methods - {"HEAD"})), route.path, f"{handler_name(route.handler)}{_place(route.handler)}")
        for route in outline.routes
    ]
    rows += [("(all)", f"{prefix}/...", f"the app {type(mounted).__name__}") for prefix, mounted in outline.mounts]
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    for methods, path, handler in rows:
        print(harmless(f"{methods:<{widths[0]}}  {path:<{widths[1]}}  {handler}"))
    if not rows:
        print("no routes")
    return 0


def _place(handler: object) -> str:
    code = getattr(inspect.unwrap(handler) if callable(handler) else handler, "__code__", None)
    return f" ({os.path.relpath(code.co_filename)}:{code.co_firstlineno})" if code is not None else ""
