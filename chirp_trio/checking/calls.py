"""The templates and blocks that an app's Python files name: `Template("page.html")`, `Fragment("page.html", "block")`."""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from ..errors import TemplateError, TemplateNotFound
from ..templates import Fragment, Page, Stream, Template, Templates
from ..web import App, outline_of
from .finding import Finding, suggest
from .project import Project


@dataclass(frozen=True, slots=True)
class Call:
    """A call that names a template.

    Attributes:
        file: The Python file.
        line: The line in it.
        template: The template's name; None if it is computed.
        block: The block's name; None if there is none, or if it is computed.
        whole: Whether the whole template is rendered, and not only one of its blocks.
    """

    file: Path
    line: int
    template: str | None
    block: str | None
    whole: bool


def template_calls(project: Project) -> Iterator[Call]:
    """Every call of `Template`, `Page`, `Stream` and `Fragment` in the modules."""
    for module in project.modules:
        for call, scope in module.source.calls:
            kind = module.value(call.func, scope)
            if kind not in (Template, Page, Stream, Fragment):
                continue
            positional = call.args if not any(isinstance(argument, ast.Starred) for argument in call.args) else []
            templates = (module.texts(positional[0], scope) if positional else None) or {None}
            second = positional[1] if len(positional) > 1 and kind in (Page, Fragment) else None
            blocks = module.texts(second, scope)
            whole = kind is not Fragment or (blocks is not None and None in blocks)
            for template, block in product(templates, blocks or {None}):
                yield Call(module.source.path, call.lineno, template, block, whole)


def missing(calls: Iterable[Call], every: Sequence[Templates]) -> Iterator[Finding]:
    """A finding for each call that names a template or a block that does not exist.

    Args:
        calls: The calls.
        every: The templates of each app that the calls may be for.
    """
    for call in calls:
        if call.template is None:
            continue
        places = [templates for templates in every if _has(templates, call.template)]
        if not places:
            known = [name for templates in every for name in templates.names()]
            message = f"there is no template {call.template!r}{suggest(call.template, known)}"
            yield Finding(call.file, call.line, message)
        elif call.block is not None:
            blocks = [templates.blocks(call.template) for templates in places]
            if all(names is not None and call.block not in names for names in blocks):
                known = [name for names in blocks if names is not None for name in names]
                end = suggest(call.block, known) or f"; its blocks: {', '.join(map(repr, sorted(known))) or 'none'}"
                yield Finding(call.file, call.line, f"template {call.template!r} has no block {call.block!r}{end}")


def apps_of(app: App, project: Project) -> list[App] | None:
    """The app, and all others that the calls may be for; None if there may be more than can be found."""
    seen = [value for module in project.modules for value in vars(module.module).values() if isinstance(value, App)]
    apps = list(dict.fromkeys([app, *seen]))
    for one in apps:  # it grows meanwhile
        apps += [other for _, other in outline_of(one).mounts if isinstance(other, App) and other not in apps]
    made = sum(module.value(call.func, scope) is App for module in project.modules for call, scope in module.source.calls)
    return apps if made <= len(apps) else None


def _has(templates: Templates, name: str) -> bool:
    try:
        templates.source(name)
    except TemplateNotFound:
        return False
    except TemplateError:
        pass  # the file exists, but is no text
    return True
