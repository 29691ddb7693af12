"""`python -m tests.docs.site`: builds the documentation as a site of its own, and with `serve` shows it.

With `versions` it builds a site for each tag `v...` and one for the checkout, beside one another, with a selector: files for
any host, laid out as mike does it.

Its pages are those of docs/, as they are. What they link outside of it, such as SECURITY.md or an example's source, becomes
a page as well, below `project/`, so that a link which works in the repository works on the site. Below `api/` are the pages
that `tests/docs/api.py` makes of the docstrings.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.docs import api

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
HTML = ROOT / ".site" / "html"
VERSIONS = ROOT / ".site" / "versions"

_LINK = re.compile(r"(?<=\]\()(?P<path>[^)#\s:]+)(?P<anchor>#[^)\s]*)?(?=\))")
_REFERENCE = re.compile(r"^(\[[^\]]+\]: )(?P<path>[^#\s:]+)(?P<anchor>#\S*)?$", re.MULTILINE)
_CODE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_LANGUAGES = {".py": "python", ".html": "html", ".css": "css", ".json": "json", ".toml": "toml", ".yml": "yaml"}


def place(source: Path) -> Path:
    """Where a file of the repository is in the site: its own place below docs/, or a page below `project/`."""
    if source.is_relative_to(DOCS):
        return source.relative_to(DOCS)
    if source == ROOT / "README.md":
        return Path("project/about.md")  # a README.md would be taken for the index of its folder
    inside = Path("project") / source.relative_to(ROOT)
    return inside if inside.suffix in {".md", ".png"} else inside.with_name(f"{inside.name}.md")


def linked(text: str, source: Path) -> Iterator[Path]:
    """The files that a page links, code blocks apart."""
    for part in _CODE.split(text)[::2]:
        for link in [*_LINK.finditer(part), *_REFERENCE.finditer(part)]:
            yield (source.parent / link["path"]).resolve()


def moved(text: str, source: Path) -> str:
    """A page whose links lead from its place in the site to theirs."""

    def link(found: re.Match[str]) -> str:
        target = place((source.parent / found["path"]).resolve())
        before = found[1] if found.re is _REFERENCE else ""
        return before + os.path.relpath(target, place(source).parent) + (found["anchor"] or "")

    parts = _CODE.split(text)
    parts[::2] = [_REFERENCE.sub(link, _LINK.sub(link, part)) for part in parts[::2]]
    return "".join(parts)


def source_page(source: Path) -> str:
    """A page that shows a file which is none."""
    text = source.read_text()
    fence = "````" if "```" in text else "```"
    return f"# {source.relative_to(ROOT)}\n\n{fence}{_LANGUAGES.get(source.suffix, 'text')}\n{text.rstrip()}\n{fence}\n"


def write_pages(folder: Path) -> None:
    """Write every page, and whatever one of them links, into this folder."""
    shutil.rmtree(folder, ignore_errors=True)
    waiting = [path for path in DOCS.rglob("*") if path.is_file()]
    written = set(waiting)
    while waiting:
        source = waiting.pop()
        target = folder / place(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".md":
            text = source.read_text()
            others = {path for path in linked(text, source) if path.is_file()} - written
            written |= others
            waiting += others
            text = moved(text, source)
            target.write_text(api.with_links(text) if source.parent == api.REFERENCE else text)
        elif source.is_relative_to(DOCS) or target.suffix == ".png":
            shutil.copy(source, target)
        else:
            target.write_text(source_page(source))
    api.write_pages(folder / "api")


def build(root: Path = ROOT) -> Path:
    """Build the site in the folder that mkdocs.yml is in, and return where it is; a link that leads nowhere is an error."""
    write_pages(root / ".site" / "pages")
    html = root / ".site" / "html"
    command = [Path(sys.executable).parent / "zensical", "build", "--strict", "--clean"]
    subprocess.run(command, cwd=root, check=True)
    for page in html.rglob("*.html"):
        # Around each table a box that scrolls (site.css) and can be focused, so that the arrow keys reach a wide table's end.
        text = page.read_text().replace("<table>", '<div class="wide" tabindex="0"><table>')
        page.write_text(text.replace("</table>", "</table></div>"))
    return html


def build_versions(tags: Iterable[str], folder: Path) -> None:
    """Build the site of each tag, with what builds it there, and that of the checkout, which is called `dev`.

    Args:
        tags: Git tags like `v1.2.0`, the newest first. The first one is what the root of the folder leads to.
        folder: Where they go: a folder for each, an index, and `versions.json`, which the selector reads.
    """
    shutil.rmtree(folder, ignore_errors=True)
    versions = []
    for tag in [*tags, None]:
        version = tag.removeprefix("v") if tag is not None else "dev"
        with TemporaryDirectory() as checkout:
            if tag is not None:
                archive = subprocess.run(["git", "archive", tag], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
                subprocess.run(["tar", "-x"], cwd=checkout, check=True, input=archive)
            else:
                shutil.copytree(
                    ROOT, checkout, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*", "node_modules", "dist")
                )
            with (Path(checkout) / "mkdocs.yml").open("a") as config:
                config.write("extra: { version: { provider: mike } }\n")
            environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
            subprocess.run([sys.executable, "-m", "tests.docs.site"], cwd=checkout, check=True, env=environment)
            shutil.copytree(Path(checkout) / ".site" / "html", folder / version)
        versions.append({"version": version, "title": version, "aliases": [] if versions else ["latest"]})
    (folder / "versions.json").write_text(json.dumps(versions))
    first = versions[0]["version"]
    (folder / "index.html").write_text(f'<!doctype html><meta http-equiv="refresh" content="0; url={first}/index.html">\n')


def tags() -> list[str]:
    """The tags of releases, the newest first."""
    command = ["git", "tag", "--list", "v*", "--sort=-version:refname"]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.split()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.docs.site", description=__doc__.split("\n")[0])
    parser.add_argument("action", nargs="?", choices=["build", "serve", "versions"], default="build")
    parser.add_argument("--port", type=int, default=8008, help="of 127.0.0.1, for serve (default: %(default)s)")
    arguments = parser.parse_args()
    if arguments.action == "versions":
        build_versions(tags(), VERSIONS)
        print(f"the versions are in {VERSIONS}")
        return
    build()
    if arguments.action == "serve":
        handler = partial(SimpleHTTPRequestHandler, directory=HTML)
        with ThreadingHTTPServer(("127.0.0.1", arguments.port), handler) as server:
            print(f"the documentation is on http://127.0.0.1:{arguments.port} (Ctrl-C stops it)", flush=True)
            with suppress(KeyboardInterrupt):
                server.serve_forever()


if __name__ == "__main__":
    main()
