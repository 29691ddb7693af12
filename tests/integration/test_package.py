"""The package run as a program, and a release made of it, each in a process of its own."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import chirp_trio
from tests import forking

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("module", ["chirp_trio", "chirp_trio.cli"])
def test_the_package_can_be_run_as_the_command_line(module, tmp_path):
    with (tmp_path / "output").open("w+") as output:
        command = [sys.executable, "-m", module, "--version"]
        process = forking.servers.start(command, cwd=tmp_path, env=os.environ, output=output.fileno())
        assert process.wait(100) == 0
        output.seek(0)
        assert output.read() == f"chirp-trio {chirp_trio.__version__}\n"


def test_the_exit_code_of_a_run_package_is_that_of_its_command(tmp_path):
    command = [sys.executable, "-m", "chirp_trio", "check", "nowhere:app"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("chirp-trio: ")


# -- a release -----------------------------------------------------------------------------------------------------------


def release(folder, tag):
    """What the release of that tag would be refused for."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RELEASE_")}
    command = [folder / ".ci" / "release", tag]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stderr


def test_a_tag_that_is_not_that_of_the_version_is_refused():
    assert release(ROOT, "v0.0.7") == f"release: the tag v0.0.7 is not that of the version, v{PROJECT['version']}\n"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ("## {version} - unreleased", "CHANGELOG.md calls {version} unreleased: put the date there"),
        ("## 0.0.7 - 2026-01-31", "CHANGELOG.md says nothing of {version}"),
        ("## {version} - 2026-01-31", "RELEASE_REPOSITORY is not set: a release needs the address of its repository"),
    ],
)
def test_a_version_without_its_date_or_its_address_is_refused(tmp_path, changes, why):
    version = PROJECT["version"]
    for name in (".venv", "pyproject.toml", "hatch_build.py", "README.md"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    (tmp_path / "CHANGELOG.md").write_text(changes.format(version=version) + "\n")
    assert release(tmp_path, f"v{version}") == f"release: {why.format(version=version)}\n"
