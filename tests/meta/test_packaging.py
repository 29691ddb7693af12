"""What the package says of itself to installers: systems and extras; and what a release has to be."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

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


# -- the linter, which knows kida from inside -----------------------------------------------------------

MOVED = "import sys; sys.modules['kida.compiler.partial_eval'] = None; "
HINT = "pip install 'chirp-trio[check]'"


def command(tmp_path, before, *arguments):
    (tmp_path / "site_app.py").write_text("from chirp_trio import App\napp = App()")
    code = f"{before}from chirp_trio.cli import main; sys.exit(main({list(arguments)!r}))"
    return subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)


def test_a_kida_that_moves_its_modules_breaks_no_other_command(tmp_path):
    assert command(tmp_path, MOVED, "run", "site_app:nothing").stderr.startswith("chirp-trio: 'site_app' has no app")
    assert "Usage: chirp-trio tail" in command(tmp_path, MOVED, "tail", "--help").stdout


def test_the_check_says_in_a_sentence_which_extra_it_needs(tmp_path):
    result = command(tmp_path, MOVED, "check", "site_app:app")
    assert result.returncode == 2
    assert result.stderr.startswith(
        "chirp-trio: chirp_trio.checking needs packages that are not installed, or other versions"
    )
    assert result.stderr.endswith(f"{HINT}\n")
    assert len(result.stderr.splitlines()) == 1


def test_serving_loads_no_linter(tmp_path):
    before = "import sys, atexit; atexit.register(lambda: print([n for n in sys.modules if 'chirp_trio.checking' in n])); "
    assert command(tmp_path, before, "run", "site_app:nothing").stdout == "[]\n"
    assert "'chirp_trio.checking.app'" in command(tmp_path, before, "check", "site_app:app").stdout


# -- a release -----------------------------------------------------------------------------------------------------------


def release(folder, tag):
    """What the release of that tag would be refused for."""
    return subprocess.run([folder / ".ci" / "release", tag], capture_output=True, text=True, check=False).stderr


def test_a_tag_that_is_not_that_of_the_version_is_refused():
    assert release(ROOT, "v0.0.7") == f"release: the tag v0.0.7 is not that of the version, v{PROJECT['version']}\n"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ("## {version} - unreleased", "CHANGELOG.md calls {version} unreleased: put the date there"),
        ("## 0.0.7 - 2026-01-31", "CHANGELOG.md says nothing of {version}"),
    ],
)
def test_a_version_without_its_date_in_the_changes_is_refused(tmp_path, changes, why):
    version = PROJECT["version"]
    for name in (".venv", "pyproject.toml", "README.md"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    (tmp_path / "CHANGELOG.md").write_text(changes.format(version=version) + "\n")
    assert release(tmp_path, f"v{version}") == f"release: {why.format(version=version)}\n"


def test_a_pushed_tag_is_released_and_only_what_publishes_may_do_so():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "publish.yml").read_text())
    jobs = workflow["jobs"]
    assert workflow[True] == {"push": {"tags": ["v*"]}}  # what YAML makes of "on"
    assert 'make release TAG="$GITHUB_REF_NAME"' in [step.get("run") for step in jobs["build"]["steps"]]
    assert [jobs[name].get("needs") for name in jobs] == [None, "build", "pypi"]
    assert workflow["permissions"] == {"contents": "read"}
    assert {name: job["permissions"] for name, job in jobs.items() if "permissions" in job} == {
        "pypi": {"id-token": "write"},
        "github": {"contents": "write"},
    }
