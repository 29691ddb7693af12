"""Small apps in folders of their own, checked as a user would check them."""

import importlib
import sys
from pathlib import Path

import pytest

from chirp_trio.checking import check_app


class Site:
    """A folder with an app: a module `site_app` that has an `app`, and the folder `templates`."""

    def __init__(self, folder):
        self.folder = folder

    def write(self, files):
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def load(self, module="site_app"):
        importlib.invalidate_caches()
        return importlib.import_module(module).app

    def check(self, files=None, *, module="site_app", **options):
        """What is found, as lines; paths begin in the folder."""
        self.write(files or {})
        return [str(finding) for finding in check_app(self.load(module), **options)]


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield Site(tmp_path)
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "").is_relative_to(tmp_path.parent):
            del sys.modules[name]
