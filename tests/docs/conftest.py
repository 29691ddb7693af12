"""What the tests of pages share: following one, as its reader would; and the site, built."""

import fcntl
import logging
import os
import shutil
from contextlib import closing

import pytest

from tests.docs import site
from tests.docs.runner import Reader, blocks_of


@pytest.fixture
def follow(tmp_path, monkeypatch):
    """Does what a page says, from top to bottom, and gives the folder in which its reader works."""
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    # A page may change the levels of loggers, for itself.
    loggers = [logging.getLogger(f"chirp_trio.{name}") for name in ("stream", "web", "server")]
    before = [logger.level for logger in loggers]

    def follow(page):
        with closing(Reader(folder)) as reader:
            for block in blocks_of(page):
                reader.follow(block)
            reader.finish(page)
        return folder

    yield follow
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """A copy of the site, built strictly: a broken link would have been an error. All processes of a run share it."""
    base = tmp_path_factory.getbasetemp()
    html = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "html"
    with html.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until it is closed
        if not html.exists():
            shutil.copytree(site.build(), html)
    return html
