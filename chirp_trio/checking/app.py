"""`check_app`: all checks of one app."""

from collections.abc import Iterable, Iterator

from ..arguments import check_type
from ..htmx.page import read_page
from ..web import App, outline_of
from .calls import Call, apps_of, missing, template_calls
from .composing import Library, Page
from .finding import Finding
from .habits import habits
from .project import Project
from .streams import Streams


def check_app(app: App, *, root_path: str = "", elsewhere: Iterable[str] = ()) -> list[Finding]:
    """Look for mistakes in an app.

    It finds pages that connect to a URL which is no event stream of the app; names of events that a page listens for, and
    that are never sent to it; templates and blocks that do not exist; templates that do not parse; files that cannot be read;
    calls in async functions that block all streams; events that are made by hand, and are sent as something else.

    Args:
        app: The app. Its handlers are not called.
        root_path: The prefix that a proxy takes away from paths, such as `"/shop"`; default: none.
        elsewhere: Paths that another service answers, with all paths below them; default: none.

    Returns:
        The findings, sorted by file and line. The text of each is `file:line: message`.

    Raises:
        TypeError: `app` is no `App`, or `elsewhere` is a single text.

    Example:
        >>> app = App()
        >>> check_app(app)
        []
    """
    if not isinstance(app, App):
        kind = type(app)
        raise TypeError(f"app is a {kind.__module__}.{kind.__qualname__}; only a chirp_trio.App can be checked")
    check_type("root_path", root_path, str, "a path such as '/shop', or ''")
    if isinstance(elsewhere, str) or not isinstance(elsewhere, Iterable):
        raise TypeError(f"elsewhere is {elsewhere!r}; it must be a list of paths, such as ['/news']")
    outline = outline_of(app)
    project = Project(outline.functions)
    calls = list(template_calls(project))
    library = Library(outline.templates)
    pages = [(page, read_page(page.text)) for page in _pages(library, calls)]
    found = {*library.findings, *habits(project)}
    apps = apps_of(app, project)
    if apps is not None:
        outlines = [outline_of(one) for one in apps]
        streams = Streams(outlines, project, root_path.rstrip("/"), [path.rstrip("/") for path in elsewhere])
        found.update(missing(calls, [one.templates for one in outlines]))
        for page, wiring in pages:
            found.update(streams.unreachable(page, wiring))
        found.update(streams.unheard(pages, all_named=all(call.template is not None for call in calls)))
    return sorted(found | project.findings)


def _pages(library: Library, calls: Iterable[Call]) -> Iterator[Page]:
    """The pages that the app renders: whole templates, and blocks of templates that are never rendered as a whole."""
    whole = {call.template for call in calls if call.whole}
    blocks = {(call.template, call.block) for call in calls if call.template not in whole and call.block is not None}
    for template, block in [*((name, None) for name in whole), *blocks]:
        page = library.compose(template, block) if template is not None else None
        if page is not None:
            yield page
