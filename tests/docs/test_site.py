"""The documentation becomes a site: no link of it is broken, every page stands in its navigation, nothing is fetched."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.docs import api, site
from tests.docs.runner import ROOT

API = {f"api/{module.__name__}.md" for module in api.MODULES}
NAVIGATION = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]


def in_navigation():
    for entry in NAVIGATION:
        for pages in entry.values():
            yield from [pages] if isinstance(pages, str) else pages


def test_every_page_stands_in_the_navigation_once():
    pages = {path.relative_to(site.DOCS).as_posix() for path in site.DOCS.rglob("*.md")}
    pages |= {f"project/{name}.md" for name in ("about", "CHANGELOG", "CONTRIBUTING", "SECURITY")} | API
    assert sorted(in_navigation()) == sorted(pages)


def test_the_home_page_links_every_page():
    links = set(re.findall(r"\]\(([^)#]+)", (site.DOCS / "index.md").read_text()))
    places = {site.place((site.DOCS / link).resolve()).as_posix() for link in links}
    assert set(in_navigation()) - places == {"index.md"} | API  # whose index is among them


def test_the_build_makes_a_page_of_each(built):
    missing = [page for page in in_navigation() if not (built / page).with_suffix(".html").is_file()]
    assert missing == []


def test_a_name_leads_from_where_it_is_explained_to_its_docstring_and_back(built):
    page = (built / "reference" / "topics.html").read_text()
    assert 'href="../api/chirp_trio.html#chirp_trio.Topic.publish"' in page
    page = (built / "api" / "chirp_trio.html").read_text()
    assert 'id="chirp_trio.Topic.publish"' in page
    assert 'href="../reference/topics.html#topicpublish"' in page


def test_the_search_knows_every_public_name_by_its_whole_name(built):
    found = {item["location"]: item["title"] for item in json.loads((built / "search.json").read_text())["items"]}
    for entry in api.ENTRIES.values():
        assert found[f"api/{entry.module.__name__}.html#{entry.anchor}"] == f"<code>{entry.name}</code>"


# How a release builds its site, and how it is built now; each says of which it is.
RELEASE = """
from pathlib import Path

Path(".site/html").mkdir(parents=True)
Path(".site/html/index.html").write_text("The site of {version}, by " + Path("mkdocs.yml").read_text())
"""
NOW = """
import subprocess
from pathlib import Path

Path("pages").mkdir()
Path("pages/index.md").write_text("# The site of now")
subprocess.run(["zensical", "build"], check=True)
"""


@pytest.fixture
def versioned(tmp_path, monkeypatch):
    """A repository that has two releases and is further by now; each of the three builds its site in a way of its own."""
    repository = tmp_path / "repository"
    (repository / "tests" / "docs").mkdir(parents=True)
    config = (ROOT / "mkdocs.yml").read_text().partition("nav:")[0].replace("docs_dir: .site/pages", "docs_dir: pages")
    (repository / "mkdocs.yml").write_text(config)

    def git(*words):
        names = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *names, *words], cwd=repository, check=True, stdout=subprocess.DEVNULL)

    git("init", "--quiet")
    built_by = repository / "tests" / "docs" / "site.py"
    for version in ("v0.9", "v0.10"):
        built_by.write_text(RELEASE.format(version=version))
        git("add", ".")
        git("commit", "--quiet", "--message", version)
        git("tag", version)
    built_by.write_text(NOW)
    monkeypatch.setattr(site, "ROOT", repository)


def test_the_versions_stand_beside_one_another_and_the_root_leads_to_the_newest(versioned, tmp_path):
    folder = tmp_path / "versions"
    site.build_versions(site.tags(), folder)

    versions = json.loads((folder / "versions.json").read_text())
    assert [(version["version"], version["aliases"]) for version in versions] == [
        ("0.10", ["latest"]),
        ("0.9", []),
        ("dev", []),
    ]
    assert "url=0.10/index.html" in (folder / "index.html").read_text()
    for name, built_by in (("0.10", "v0.10"), ("0.9", "v0.9"), ("dev", "now")):
        page = (folder / name / "index.html").read_text()
        assert f"The site of {built_by}" in page
        assert re.search(r'"?provider"?: ?"?mike', page)  # of a configuration, or of what zensical has made of it


def test_a_page_fetches_nothing_from_another_host(built):
    for page in built.rglob("*.html"):
        fetched = re.findall(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"?(https?:[^\s\">]+)", page.read_text())
        fetched += re.findall(
            r"<link\b(?=[^>]*\brel=\"?(?:stylesheet|preconnect|icon))[^>]*href=\"?(https?:[^\s\">]+)", page.read_text()
        )
        assert fetched == [], page


def test_a_link_out_of_the_documentation_leads_to_a_page_of_the_site():
    source = site.DOCS / "how-to" / "use-htmx.md"
    text = site.moved("[a](../../examples/chat/chat.py) [b](deploy.md#tls) [c](https://htmx.org)", source)
    assert text == "[a](../project/examples/chat/chat.py.md) [b](deploy.md#tls) [c](https://htmx.org)"


def test_code_is_left_as_it_is():
    text = "```python\nprint('[a](../../LICENSE)')\n```\n"
    assert site.moved(text, site.DOCS / "how-to" / "use-htmx.md") == text


def test_a_link_that_leads_nowhere_fails_the_build(tmp_path, monkeypatch):
    (tmp_path / ".site" / "pages").mkdir(parents=True)
    (tmp_path / "mkdocs.yml").write_text(Path(ROOT / "mkdocs.yml").read_text().partition("nav:")[0])
    monkeypatch.setattr(
        site, "write_pages", lambda folder: (tmp_path / ".site/pages/index.md").write_text("# A\n\n[x](no.md)\n")
    )
    with pytest.raises(subprocess.CalledProcessError):
        site.build(tmp_path)
