"""What the package says of itself to installers: systems and extras, and where it is."""

import re
import shutil
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from hatchling.metadata.core import ProjectMetadata
from hatchling.metadata.spec import construct_metadata_file_2_4
from hatchling.plugin.manager import PluginManager

from chirp_trio import App, ConfigurationError, serve
from chirp_trio.server import run

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def test_the_extra_all_has_all_extras():
    [everything] = EXTRAS["all"]
    assert set(everything.removeprefix("chirp-trio[").removesuffix("]").split(",")) == set(EXTRAS) - {"all"}


def test_the_systems_are_those_on_which_the_server_runs():
    systems = {one for one in PROJECT["classifiers"] if one.startswith("Operating System")}
    assert systems == {"Operating System :: POSIX :: Linux", "Operating System :: MacOS"}


def test_run_on_windows_says_where_it_runs(monkeypatch):
    monkeypatch.setattr(sys.modules["chirp_trio.server.serve"], "os", SimpleNamespace(name="nt"))
    with pytest.raises(ConfigurationError, match=r"runs on Linux and macOS, and this is Windows: run it in WSL"):
        run(App())


async def test_serve_on_windows_says_where_it_runs(monkeypatch):
    monkeypatch.setattr(sys.modules["chirp_trio.server.serve"], "os", SimpleNamespace(name="nt"))
    with pytest.raises(ConfigurationError, match=r"runs on Linux and macOS, and this is Windows: run it in WSL"):
        await serve(App())


# -- addresses -------------------------------------------------------------------------------------------------------------

SOMEWHERE = "https://forge.example/who/what"
RELATIVE = re.compile(r"\]\((?![a-z]+:|#)")


@pytest.fixture
def metadata(monkeypatch):
    """Gives what a package says of itself, built in a folder with these addresses."""

    def build(folder=ROOT, repository="", documentation=""):
        monkeypatch.setenv("RELEASE_REPOSITORY", repository)
        monkeypatch.setenv("RELEASE_DOCUMENTATION", documentation)
        return ProjectMetadata(str(folder), PluginManager())

    return build


def test_without_an_address_there_are_no_urls_and_the_links_stay_relative(metadata):
    core = metadata().core
    assert core.urls == {}
    assert core.readme == (ROOT / "README.md").read_text()
    assert core.dynamic == []


@pytest.mark.parametrize("repository", [SOMEWHERE, f"{SOMEWHERE}/"])
def test_the_address_gives_urls_and_absolute_links(metadata, repository):
    core = metadata(repository=repository).core
    assert core.urls == {
        "Source": SOMEWHERE,
        "Changelog": f"{SOMEWHERE}/blob/HEAD/CHANGELOG.md",
        "Issues": f"{SOMEWHERE}/issues",
    }
    assert f"]({SOMEWHERE}/blob/v{PROJECT['version']}/docs/index.md)" in core.readme
    assert f"]({SOMEWHERE}/raw/v{PROJECT['version']}/docs/demo.png)" in core.readme
    assert not RELATIVE.search(core.readme)
    assert RELATIVE.sub("](x", (ROOT / "README.md").read_text()).count("](x") == core.readme.count(f"]({SOMEWHERE}/")
    assert core.readme_content_type == "text/markdown"


def test_the_documentation_is_a_url_of_its_own(metadata):
    assert metadata(documentation="https://docs.example").core.urls == {"Documentation": "https://docs.example"}
    assert list(metadata(repository=SOMEWHERE, documentation="https://docs.example").core.urls) == [
        *("Documentation", "Source", "Changelog", "Issues")
    ]


def test_the_same_address_gives_the_same_bytes_and_the_sdist_needs_none(metadata, tmp_path):
    made = construct_metadata_file_2_4(metadata(repository=SOMEWHERE))
    assert construct_metadata_file_2_4(metadata(repository=SOMEWHERE)) == made
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "PKG-INFO").write_text(made)
    assert construct_metadata_file_2_4(metadata(tmp_path)) == made


@pytest.mark.parametrize(
    "address", ["github.com/who/what", "http://forge.example/who/what", "git@forge.example:who/what", f"{SOMEWHERE}?x", "x"]
)
@pytest.mark.parametrize("variable", ["repository", "documentation"])
def test_an_address_that_is_none_is_refused(metadata, variable, address):
    with pytest.raises(ValueError, match=f"RELEASE_{variable.upper()} is .*; it must be like https://github.com/owner/name"):
        assert metadata(**{variable: address}).core


def test_links_in_code_to_elsewhere_and_within_the_page_stay_as_they_are(metadata, tmp_path):
    for name in ("pyproject.toml", "hatch_build.py"):
        shutil.copy(ROOT / name, tmp_path)
    kept = "[a](https://x.example/docs/y.md) [b](#here) [c](mailto:x@y.example)\n```md\n[d](docs/y.md)\n```\n"
    (tmp_path / "README.md").write_text(f"{kept}[e](./docs/y.md#z) [f](LICENSE)")
    at = f"{SOMEWHERE}/blob/v{PROJECT['version']}"
    assert metadata(tmp_path, repository=SOMEWHERE).core.readme == f"{kept}[e]({at}/docs/y.md#z) [f]({at}/LICENSE)"


def test_a_pushed_tag_is_released_and_only_what_publishes_may_do_so():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "publish.yml").read_text())
    jobs = workflow["jobs"]
    assert workflow[True] == {"push": {"tags": ["v*"]}}  # what YAML makes of "on"
    [release] = [step for step in jobs["build"]["steps"] if step.get("run") == 'make release TAG="$GITHUB_REF_NAME"']
    assert release["env"]["RELEASE_REPOSITORY"] == "${{ github.server_url }}/${{ github.repository }}"
    assert [jobs[name].get("needs") for name in jobs] == [None, "build", "pypi"]
    assert workflow["permissions"] == {"contents": "read"}
    assert {name: job["permissions"] for name, job in jobs.items() if "permissions" in job} == {
        "pypi": {"id-token": "write"},
        "github": {"contents": "write"},
    }
