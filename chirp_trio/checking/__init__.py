"""Looks for mistakes in an app without running it: what its pages ask for, against what its routes have to offer.

It reads the routes of an `App`, its templates and its Python files. It calls no handler, opens no socket, and does not enter
the lifespan. What cannot be known, it leaves alone.
"""

from ..errors import ConfigurationError
from ..markup import read_markup
from ..web import App
from .calls import missing, template_calls, templates_of
from .composing import Library
from .finding import Finding
from .project import Project
from .streams import Streams

__all__ = ["Finding", "check_app"]


def check_app(app: App, *, root_path: str = "") -> list[Finding]:
    """What does not fit together in an app.

    Found are: connections of pages to what is no event stream of the app; event names that a page listens for, and that
    nobody sends; templates and blocks that do not exist; templates that do not parse.

    Args:
        app: The app. Its handlers are not called.
        root_path: What a proxy takes away from the beginning of the paths, such as `"/shop"`; default: nothing.

    Returns:
        What was found, in the order of files and lines. Each is `file:line: message` as text.

    Raises:
        ConfigurationError: `app` is something else than an `App`.

    Example:
        >>> app = App()
        >>> check_app(app)
        []
    """
    if not isinstance(app, App):
        kind = type(app)
        raise ConfigurationError(f"app is a {kind.__module__}.{kind.__qualname__}; only a chirp_trio.App can be checked")
    outline = app.outline
    project = Project(outline.functions)
    calls = list(template_calls(project))
    library = Library(outline.templates)
    composed = [library.compose(name) for name in sorted({call.template for call in calls if call.template is not None})]
    pages = [(page, read_markup(page.text)) for page in composed if page is not None]
    streams = Streams(outline, project, root_path)
    found = set(library.findings)
    every = templates_of(app, project)
    if every is not None:
        found.update(missing(calls, every))
    for page, markup in pages:
        found.update(streams.unreachable(page, markup))
    found.update(streams.unheard(pages, all_named=all(call.template is not None for call in calls)))
    return sorted(found)
