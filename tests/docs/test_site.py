"""The documentation becomes a site: no link of it is broken, every page stands in its navigation, nothing is fetched."""

import json
import re
import subprocess
import sys
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


@pytest.fixture(scope="module")
def built():
    """The site, built strictly: a broken link would have been an error."""
    subprocess.run([sys.executable, "-m", "tests.docs.site"], cwd=ROOT, check=True)
    return site.HTML


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


def test_the_versions_stand_beside_one_another_and_the_root_leads_to_the_newest(tmp_path):
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    site.build_versions([commit], tmp_path / "versions")

    names = [version["version"] for version in json.loads((tmp_path / "versions" / "versions.json").read_text())]
    assert names == [commit, "dev"]
    assert f"url={commit}/index.html" in (tmp_path / "versions" / "index.html").read_text()
    for name in names:
        page = (tmp_path / "versions" / name / "how-to" / "deploy.html").read_text()
        assert '"provider":"mike"' in page.replace(" ", "")


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
