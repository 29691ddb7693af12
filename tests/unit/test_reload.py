"""Which files a reloader looks at, and how often."""

import os

import pytest

from chirp_trio.server import reload
from chirp_trio.server.reload import WATCHED, Files


@pytest.fixture
def folder(tmp_path):
    for name in ["app.py", "templates/page.html", "package/module.py", "package/data.txt", "style.css"]:
        write(tmp_path / name)
    return tmp_path


def write(path, ago=1000.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("text")
    for one in (path, *path.parents[:2]):
        moment = one.stat().st_mtime - ago
        os.utime(one, (moment, moment))


def seen(folder, *patterns):
    return {os.path.relpath(path, folder) for path, _ in Files([folder], [*WATCHED, *patterns]).look()}


def test_python_files_and_templates_matter(folder):
    assert seen(folder) == {"app.py", "templates/page.html", "package/module.py"}


def test_so_do_files_that_were_asked_for(folder):
    assert seen(folder, "*.css", "da?a.*") == {
        "app.py", "templates/page.html", "package/module.py", "style.css", "package/data.txt",
    }  # fmt: skip


@pytest.mark.parametrize("name", [".venv", ".git", "node_modules", "__pycache__", "site-packages", "venv"])
def test_what_is_not_the_apps_own_does_not(folder, name):
    write(folder / name / "below" / "other.py")
    write(folder / name / "pyvenv.cfg" if name == "venv" else folder / name / "any")
    assert seen(folder) == {"app.py", "templates/page.html", "package/module.py"}


def test_folders_that_lead_back_or_are_nowhere_end_nothing(folder):
    (folder / "again").symlink_to(folder, target_is_directory=True)
    (folder / "nowhere.py").symlink_to(folder / "nothing")
    assert seen(folder) == {"app.py", "templates/page.html", "package/module.py"}
    assert Files([folder / "nothing"], WATCHED).look() == set()


@pytest.mark.parametrize("ago", [0.0, 1000.0], ids=["just now", "long ago"])
def test_what_changes_comes_and_goes_is_seen(folder, ago):
    files = Files([folder], WATCHED)
    before = files.look()
    assert files.look() == before

    write(folder / "new.py", ago)
    assert {path for path, _ in files.look() ^ before} == {str(folder / "new.py")}
    os.utime(folder / "new.py", (5, 5))
    (folder / "package" / "module.py").unlink()
    os.utime(folder / "package", (7, 7))
    assert {os.path.relpath(path, folder) for path, _ in files.look() ^ before} == {"new.py", "package/module.py"}


def test_files_that_do_not_matter_cost_nothing_once_they_were_seen(folder, monkeypatch):
    for number in range(300):
        write(folder / "data" / f"{number}.txt")
    os.utime(folder / "data", (5, 5))
    os.utime(folder, (5, 5))
    files = Files([folder], WATCHED)
    before = files.look()
    calls = []
    for name in ("stat", "scandir"):
        original = getattr(os, name)
        monkeypatch.setattr(
            reload.os, name, lambda path, *rest, original=original: calls.append(path) or original(path, *rest)
        )
    assert files.look() == before
    monkeypatch.undo()
    assert len(calls) == 4 + 3  # the folders and the files that matter, once each, and nothing is listed
