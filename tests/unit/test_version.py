"""The version, in Python and on the command line."""

import importlib.metadata
import runpy
import subprocess
import sys

import pytest

import chirp_trio
from chirp_trio import cli, version


def test_the_version_is_that_of_the_installed_package():
    assert chirp_trio.__version__ == importlib.metadata.version("chirp-trio")


def test_what_is_not_installed_can_be_imported_and_has_no_known_version(monkeypatch):
    def version_of(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version_of)
    assert runpy.run_path(version.__file__)["__version__"] == "unknown"


def test_the_command_line_tells_the_version(capsys):
    with pytest.raises(SystemExit) as exit:
        cli.main(["--version"])
    assert exit.value.code == 0
    assert capsys.readouterr().out == f"chirp-trio {chirp_trio.__version__}\n"


@pytest.mark.parametrize("module", ["chirp_trio", "chirp_trio.cli"])
def test_the_package_can_be_run_as_the_command_line(module):
    done = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"chirp-trio {chirp_trio.__version__}\n"


def test_the_exit_code_of_a_run_package_is_that_of_its_command(tmp_path):
    command = [sys.executable, "-m", "chirp_trio", "check", "nowhere:app"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("chirp-trio: ")
