"""The pages of the site that are made from the code: each public name with its signature and its docstring.

They are made whenever the site is built, so they cannot be out of date, and nobody has to keep them. What is told here of a
name is what `help()` tells: `inspect` reads the code that runs. Docstrings are Markdown in Google's sections (`Args:`,
`Raises:`, `Example:`). What reads those elsewhere, mkdocstrings, needs MkDocs itself, and reads the files without running
them, in which a name that is imported when it is asked for has neither signature nor docstring.
"""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from tests.docs.declarations import Entry, bases, declaration, types
from tests.public import MODULES, PUBLIC, members

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"

_SECTION = re.compile(r"^(Args|Attributes|Returns|Yields|Raises|Example):\n((?:(?: .*)?(?:\n|\Z))+)", re.MULTILINE)
_ITEM = re.compile(r"^(\*{0,2}[\w.]+): (.*(?:\n(?: .*|$))*)", re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")
_CALL = re.compile(r"([\w.]+)(\(.*\))?")
_HEADING = re.compile(r"^#{2,3} `(?P<name>[\w.]+)`$", re.MULTILINE)
_TITLES = {"Args": "Parameters", "Yields": "Yields", "Attributes": "Attributes", "Returns": "Returns", "Raises": "Raises"}


def _entries() -> Iterator[Entry]:
    described = set()
    for module in MODULES:
        for name in module.__all__:
            if name in described:
                continue
            described.add(name)
            value = PUBLIC[name]
            yield Entry(name, value, module)
            for attribute, member in members(value).items():
                yield Entry(f"{name}.{attribute}", member, module, owner=name)


ENTRIES = {entry.name: entry for entry in _entries()}


def _anchors() -> dict[str, tuple[str, str]]:
    """The page and the anchor of whatever can be linked: entries, modules, and attributes that a class lists."""
    found = {module.__name__: (f"{module.__name__}.md", "") for module in MODULES}
    for entry in ENTRIES.values():
        found[entry.name] = (entry.page, f"#{entry.anchor}")
        for title, body in _SECTION.findall(entry.docstring) if not entry.owner else ():
            for attribute, _ in _ITEM.findall(textwrap.dedent(body)) if title == "Attributes" else ():
                found.setdefault(f"{entry.name}.{attribute}", (entry.page, f"#{entry.anchor}.{attribute}"))
    return found


_ANCHORS = _anchors()


def _explained() -> dict[str, tuple[Path, str]]:
    """For each name that has a heading in docs/reference/ the page, and the heading's anchor."""
    return {
        found["name"]: (page, re.sub(r"[^\w-]", "", found["name"].lower()))
        for page in sorted(REFERENCE.glob("*.md"))
        for found in _HEADING.finditer(page.read_text())
        if found["name"] in ENTRIES
    }


EXPLAINED = _explained()


# -- one entry ------------------------------------------------------------------------------------------------------------


def _target(code: str, entry: Entry) -> str | None:
    """Where a piece of code in an entry's text leads, if it is about another public name."""
    called = _CALL.fullmatch(code)
    if called is None:
        return None
    name = called[1]
    for module in MODULES[1:]:
        name = name.removeprefix(f"{module.__name__}.")
    name = name.removeprefix("chirp_trio.") if name not in _ANCHORS else name
    of_class = f"{entry.owner or entry.name}.{name}"  # `publish()`, where the class is described
    of_value = name[:1].upper() + name[1:] if "." in name else name  # `topic.publish()`
    found = of_class if of_class in ENTRIES else next((each for each in (name, of_value) if each in _ANCHORS), None)
    if found is None or found == entry.name:
        return None
    page, anchor = _ANCHORS[found]
    return (page if page != entry.page else "") + anchor or page


def _linked(text: str, entry: Entry) -> str:
    def link(code: re.Match[str]) -> str:
        target = _target(code[1], entry)
        return f"[`{code[1]}`]({target})" if target is not None else code[0]

    return _CODE.sub(link, text)


def _attributes(anchor: str, label: str = "") -> str:
    """What gives an element its id, and another text in the list of the page's headings."""
    text = f" {{ #{anchor}" + (f" data-toc-label='{label}'" if label else "") + " }"
    return text.replace("__", r"\_\_")  # which would be bold


def _section(title: str, body: str, entry: Entry) -> str:
    body = textwrap.dedent(body).strip("\n")
    if title == "Example":
        return f"**Example**\n\n```pycon\n{body}\n```"
    items = _ITEM.findall(body)
    if title in {"Returns", "Yields"} or not items:
        return f"**{_TITLES[title]}**\n\n{_linked(body, entry)}"
    lines = [f"**{_TITLES[title]}**"]
    for name, text in items:
        term = _linked(f"`{name}`", entry) if title == "Raises" else f"`{name}`"
        if title == "Attributes" and f"{entry.name}.{name}" not in ENTRIES:
            term += _attributes(f"{entry.anchor}.{name}")
        meaning = _linked(textwrap.dedent("    " + text), entry)
        lines.append(f"{term}\n:   {textwrap.indent(meaning, '    ').strip()}")
    return "\n\n".join(lines)


def _docstring(entry: Entry) -> Iterator[str]:
    """The docstring, its sections as lists and blocks."""
    end = 0
    for section in _SECTION.finditer(entry.docstring):
        yield _linked(entry.docstring[end : section.start()].strip(), entry)
        yield _section(section[1], section[2], entry)
        end = section.end()
    yield _linked(entry.docstring[end:].strip(), entry)


def text_of(entry: Entry) -> str:
    """One entry, as Markdown."""
    heading = _attributes(entry.anchor, entry.name.rpartition(".")[2] if entry.owner else "")
    parts = [f"{'###' if entry.owner else '##'} `{entry.name}`{heading}"]
    if entry.name in EXPLAINED:
        page, anchor = EXPLAINED[entry.name]
        title = page.read_text().partition("\n")[0].removeprefix("# ")
        parts.append(f"Explained in [{title}: `{entry.name}`](../reference/{page.name}#{anchor})\n{{ .crossing }}")
    parts.append(f"```python\n{declaration(entry)}\n```")
    if kinds := bases(entry.value):
        parts.append("Derived from " + ", ".join(_linked(f"`{kind}`", entry) for kind in kinds) + ".")
    return "\n\n".join([*parts, *(part for part in _docstring(entry) if part)])


# -- one page -------------------------------------------------------------------------------------------------------------


def page_of(module: ModuleType) -> str:
    """The page of a module: what it is for, its names, and the types in their signatures."""
    name = module.__name__
    here = [entry for entry in ENTRIES.values() if entry.module is module]
    elsewhere = [ENTRIES[other] for other in module.__all__ if ENTRIES[other].module is not module]
    about = (module.__doc__ or "").strip().partition("\n\n")[0]
    parts = [f"# `{name}`", _linked(about, here[0])]
    if elsewhere:
        links = ", ".join(f"[`{entry.name}`]({entry.page}#{entry.anchor})" for entry in elsewhere)
        parts.append(f"It has these as well: {links}.")
    parts += [text_of(entry) for entry in here]
    if aliases := types(here):
        lines = "\n".join(f"type {alias} = {meaning}" for alias, meaning in aliases.items())
        parts.append(f"## Types in these signatures\n\n```python\n{lines}\n```")
    return "\n\n".join(parts) + "\n"


def contents() -> str:
    """The list of all names, for the index of these pages."""
    parts = []
    for module in MODULES:
        names = [entry for entry in ENTRIES.values() if entry.module is module and not entry.owner]
        links = ",\n".join(f"[`{entry.name}`]({entry.page}#{entry.anchor})" for entry in names)
        parts.append(f"## [`{module.__name__}`]({module.__name__}.md)\n\n{links}")
    return "\n\n".join(parts) + "\n"


def with_links(text: str) -> str:
    """A page of docs/reference/ whose headings lead to the entries of their names."""

    def link(heading: re.Match[str]) -> str:
        entry = ENTRIES.get(heading["name"])
        if entry is None:
            return heading[0]
        title = f"Signature and docstring: `{entry.anchor}`"
        return f"{heading[0]}\n\n[{title}](../api/{entry.page}#{entry.anchor})\n{{ .crossing }}"

    return _HEADING.sub(link, text)


def write_pages(folder: Path) -> None:
    """Write the page of each module into this folder, and the list of all names below its index."""
    for module in MODULES:
        (folder / f"{module.__name__}.md").write_text(page_of(module))
    with (folder / "index.md").open("a") as index:
        index.write(f"\n{contents()}")
