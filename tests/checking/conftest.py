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
        self._others = set(sys.modules)

    def write(self, files):
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def load(self, module="site_app"):
        importlib.invalidate_caches()
        return importlib.import_module(module).app

    def forget(self):
        """Have what was imported from the folder imported anew."""
        for name in set(sys.modules) - self._others:
            if Path(getattr(sys.modules[name], "__file__", None) or "").is_relative_to(self.folder.parent):
                del sys.modules[name]

    def check(self, files=None, *, module="site_app", **options):
        """What is found, as lines; paths begin in the folder. Where a file of Python is given, the app is another one."""
        self.write(files or {})
        if any(name.endswith(".py") for name in files or {}):
            self.forget()
        return [str(finding) for finding in check_app(self.load(module), **options)]


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    site = Site(tmp_path)
    yield site
    site.forget()
