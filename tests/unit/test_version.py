"""The version, in Python and on the command line."""

import importlib.metadata
import runpy

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
