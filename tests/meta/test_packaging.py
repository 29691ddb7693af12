"""What the package says of itself to installers: systems and extras."""

import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from chirp_trio import App, ConfigurationError, serve
from chirp_trio.server import run

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
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
    assert result.stderr.startswith("chirp-trio: chirp_trio.checking needs what is not installed, or another version of it")
    assert result.stderr.endswith(f"{HINT}\n")
    assert len(result.stderr.splitlines()) == 1


def test_serving_loads_no_linter(tmp_path):
    before = "import sys, atexit; atexit.register(lambda: print([n for n in sys.modules if 'chirp_trio.checking' in n])); "
    assert command(tmp_path, before, "run", "site_app:nothing").stdout == "[]\n"
    assert "'chirp_trio.checking.app'" in command(tmp_path, before, "check", "site_app:app").stdout
